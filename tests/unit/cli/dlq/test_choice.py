"""Which dead letters are meant."""

from typing import Any

import pytest

from broker.letters import Place
from cli.commands.trouble import TroubleError
from cli.dlq import choice
from cli.dlq.choice import Choice
from cli.dlq.states import State, Which
from schemas import topics
from tests.unit.cli.dlq.letters import FACT, HOUR, NOW, OWN, REQUEST, letter


@pytest.mark.parametrize(
    "fits",
    [
        {"reason": "REQUIRED"},
        {"origin": (OWN,)},
        {"origin": (OWN, "2", "7")},
        {"since": NOW},
        {"until": NOW + 1},
        {"key": "k"},
        {"organization": "acme"},
        {"places": frozenset({Place("sms.requests.dlq.v1", 0, 3)})},
    ],
)
@pytest.mark.parametrize(
    "other",
    [
        {"reason": "JSON"},
        {"origin": (topics.REQUESTS,)},
        {"origin": (OWN, "2", "8")},
        {"since": NOW + 1},
        {"until": NOW},
        {"key": "K"},
        {"organization": "globex"},
        {"message_id": "m1"},
        {"places": frozenset({Place("sms.requests.dlq.v1", 1, 3)})},
    ],
)
def test_all_that_is_set_has_to_fit(fits: dict[str, Any], other: dict[str, Any]) -> None:
    found = letter(REQUEST)
    assert Choice(**fits).fits(found)
    assert not Choice(**other).fits(found)
    assert not Choice(**{**fits, **other}).fits(found)


def test_what_a_record_says_of_itself_can_be_asked_for() -> None:
    found = letter(FACT.encode(), topics.EVENTS)
    assert Choice(message_id="m1", organization="acme").fits(found)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2h", NOW - 2 * HOUR),
        ("1.5h", NOW - HOUR * 3 // 2),
        ("30s", NOW - 30_000),
        ("2027-01-15T08:00", NOW),
        ("2027-01-15T09:00+01:00", NOW),
    ],
)
def test_moments(text: str, moment: int) -> None:
    assert choice.moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2 h", "-2h", "٢h", "9" * 50 + "d"])
def test_no_moments(text: str) -> None:
    with pytest.raises(TroubleError, match="is no moment"):
        choice.moment(text, NOW)


@pytest.mark.parametrize(
    "text", ["", "requests", "requests/0", "requests/0/x", "requests/-1/0", "nowhere/0/1"]
)
def test_no_places(text: str) -> None:
    with pytest.raises(TroubleError):
        choice.place(text)


def test_topics_by_both_names() -> None:
    assert choice.topic("events") == choice.topic("sms.events.dlq.v1") == "sms.events.dlq.v1"
    assert choice.place("requests/1/2") == choice.place("sms.requests.dlq.v1/1/2")


def test_all_topics_are_looked_through_unless_something_names_some() -> None:
    place = Place("sms.events.dlq.v1", 0, 3)
    assert len(Choice().names) == len(topics.DEAD_LETTER_KINDS)
    assert Choice(places=frozenset({place, place._replace(offset=4)})).names == ("sms.events.dlq.v1",)
    assert Choice(topics=("sms.requests.dlq.v1",)).names == ("sms.requests.dlq.v1",)


@pytest.mark.parametrize(
    ("which", "meant"),
    [
        (None, {State.OPEN, State.IN_DOUBT}),
        (Which.PENDING, {State.OPEN, State.IN_DOUBT}),
        (Which.OPEN, {State.OPEN}),
        (Which.IN_DOUBT, {State.IN_DOUBT}),
        (Which.REPLAYED, {State.REPLAYED}),
        (Which.DROPPED, {State.DROPPED}),
        (Which.ANY, set(State)),
    ],
)
def test_each_state_can_be_asked_for(which: Which | None, meant: set[State]) -> None:
    assert {state for state in State if Choice(which=which).means(state)} == meant


def test_a_letter_that_is_named_is_meant_whatever_was_done_about_it() -> None:
    named = frozenset({Place("sms.requests.dlq.v1", 0, 3)})
    assert all(Choice(places=named).means(state) for state in State)
    assert not Choice(places=named, which=Which.IN_DOUBT).means(State.OPEN)


@pytest.mark.parametrize("which", Which)
def test_a_state_that_leaves_nothing_pending_out_does_not_say_which(which: Which) -> None:
    assert Choice(which=which).everything == (which in {Which.PENDING, Which.ANY})
    assert not Choice(which=which, reason="x").everything
