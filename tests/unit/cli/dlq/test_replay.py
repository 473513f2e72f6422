"""What may be replayed, and as what."""

import pytest

from broker.letters import Letter, Place
from broker.publish import Outgoing
from cli.dlq.handled import Found, Handled
from cli.dlq.replay import SURE_MS, No, by_age, replay, too_old, unread
from cli.dlq.states import State
from schemas import topics
from schemas.replays import MENDED, REPLAYED, What
from schemas.tasks import How
from schemas.waiting import Ticket
from tests.unit.cli.dlq.letters import DISPATCH, FACT, HOUR, NOW, OWN, REQUEST, TASK, letter, marks


def went(found: Outgoing | No) -> Outgoing:
    assert isinstance(found, Outgoing), found
    return found


def why(found: Outgoing | No) -> str:
    assert isinstance(found, No), found
    return found.why


def test_a_replay_is_the_record_as_it_was_and_says_whence() -> None:
    found = went(replay(letter(REQUEST), Handled(), NOW))
    assert (found.topic, found.key, found.value) == (OWN, b"k", REQUEST)
    said = f"sms.requests.dlq.v1/0/3 {OWN}/2/7/{NOW - HOUR}".encode()
    assert found.headers == [("theirs", b"1"), (REPLAYED, said)]


def test_a_mended_one_says_so() -> None:
    found = went(replay(letter(b"{"), Handled(), NOW, REQUEST))
    assert found.value == REQUEST
    assert (MENDED, b"true") in found.headers
    assert "no request" in why(replay(letter(b"{"), Handled(), NOW, b"{}"))
    other = letter(b"{", topics.EVENTS)
    assert "only requests" in why(replay(other, Handled(), NOW, FACT.encode()))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "no value"),
        (b"", "cannot be read"),
        (REQUEST[:-1], "cannot be read"),
        (b"[]", "cannot be read"),
        (b"[" * 50_000, "cannot be read"),
        (b'{"type": "sms.request.v9"}', "cannot be read"),
        (b"x" * (256 * 1024 + 1), "are the limit"),
    ],
)
def test_what_would_only_come_back_is_refused(value: bytes | None, said: str) -> None:
    assert said in why(replay(letter(value), Handled(), NOW))


def test_what_intake_refuses_in_words_goes_back_to_it() -> None:
    went(replay(letter(b'{"message": 5}'), Handled(), NOW))


@pytest.mark.parametrize(
    ("handled", "state"),
    [
        (Handled(), State.OPEN),
        (marks(What.BEGUN), State.IN_DOUBT),
        (marks(What.BEGUN, What.REPLAYED), State.REPLAYED),
        (marks(What.DROPPED), State.DROPPED),
        (marks(What.BEGUN, What.DROPPED), State.DROPPED),
        (marks(What.DROPPED, What.BEGUN), State.IN_DOUBT),
        # Two at once, one a step behind the other: what was done stays done.
        (marks(What.REPLAYED, What.BEGUN), State.REPLAYED),
        (marks(What.DROPPED, What.BEGUN, What.REPLAYED), State.REPLAYED),
    ],
)
def test_states(handled: Handled, state: State) -> None:
    assert handled.state is state
    assert state.pending == (state in {State.OPEN, State.IN_DOUBT})
    allowed = state is not State.REPLAYED
    assert isinstance(replay(letter(REQUEST), handled, NOW), Outgoing) is allowed


def test_a_replay_in_doubt_is_repeated_only_while_its_id_is_remembered() -> None:
    handled = Handled((*marks(What.BEGUN, at=NOW).marks, *marks(What.BEGUN, at=NOW + SURE_MS).marks))
    went(replay(letter(REQUEST), handled, NOW + SURE_MS))
    assert "too long ago" in why(replay(letter(REQUEST), handled, NOW + SURE_MS + 1))


def test_facts_go_back_to_the_fold_while_their_message_is_known() -> None:
    found = letter(FACT.encode(), topics.EVENTS, key=b"m1")
    assert went(replay(found, Handled(), NOW)).topic == topics.EVENTS
    assert "forgotten" in why(replay(found, Handled(), FACT.forget_at))
    assert "this version" in why(replay(letter(b'{"type": "routed.v9"}', topics.EVENTS), Handled(), NOW))


def test_tasks_go_back_to_their_sender_but_for_those_that_send_again() -> None:
    found = went(replay(letter(TASK.encode(), DISPATCH, key=TASK.sender.encode()), Handled(), NOW))
    assert (found.topic, found.key) == (DISPATCH, b"+14155550123")
    for how in (How.RESEND, How.AFTER_UNKNOWN):
        again = TASK.model_copy(update={"how": how}).encode()
        assert "may have arrived" in why(replay(letter(again, DISPATCH), Handled(), NOW))


@pytest.mark.parametrize("topic", [topics.STATUS, topics.INBOUND])
def test_nothing_is_written_twice_where_outsiders_read(topic: str) -> None:
    assert "read by others" in why(replay(letter(b"{}", topic), Handled(), NOW))


WAITED = "sms.waiting.1h.v1"


@pytest.mark.parametrize(
    ("due", "topic", "key", "with_ticket"),
    [
        (NOW - HOUR, DISPATCH, b"+14155550123", False),
        (NOW + 120_000, "sms.waiting.1m.v1", b"m1", True),
    ],
)
def test_what_waited_goes_where_its_ticket_leads_now(
    due: int, topic: str, key: bytes, with_ticket: bool
) -> None:
    ticket = Ticket(due, DISPATCH, b"+14155550123")
    found = letter(TASK.encode(), WAITED, key=b"m1", headers=[*ticket.headers(), ("theirs", b"1")])
    gone = went(replay(found, Handled(), NOW))
    assert (gone.topic, gone.key, gone.value) == (topic, key, TASK.encode())
    names = [name for name, _ in gone.headers]
    assert ("helio-due" in names) is with_ticket
    assert names[-2:] == ["theirs", REPLAYED]


def test_what_waited_without_a_ticket_that_leads_somewhere_stays() -> None:
    assert "nobody knows" in why(replay(letter(TASK.encode(), WAITED), Handled(), NOW))
    ticket = Ticket(NOW, "sms.gone.v1", b"x")
    astray = letter(TASK.encode(), WAITED, headers=ticket.headers())
    assert "no topic of ours" in why(replay(astray, Handled(), NOW))
    public = letter(b"{}", WAITED, headers=Ticket(NOW, topics.STATUS, b"x").headers())
    assert "read by others" in why(replay(public, Handled(), NOW))


def test_a_letter_on_a_topic_that_is_not_its_own_goes_nowhere() -> None:
    found = letter(REQUEST)
    assert found.origin is not None
    strange = Letter(**{**found.__dict__, "place": Place("sms.events.dlq.v1", 0, 3)})
    assert "where it came from" in why(replay(strange, Handled(), NOW))


# -- to a topic that somebody reads


def test_on_the_topic_of_an_organization_that_lost_it_nothing_is_produced() -> None:
    assert unread(OWN, {OWN}, {"acme"}) is None
    taken_back = unread(OWN, {OWN}, {"globex"})
    assert taken_back is not None
    assert "`own_topic: true`" in taken_back.why
    assert unread(topics.EVENTS, {topics.EVENTS}, set()) is None
    for topic in (OWN, topics.EVENTS):
        gone = unread(topic, set(), {"acme"})
        assert gone is not None
        assert "helio topics" in gone.why


# -- too old

LIFETIME = 72 * HOUR


@pytest.mark.parametrize(
    ("found", "old"),
    [
        (letter(REQUEST, timestamp_ms=NOW - LIFETIME + 1), False),
        (letter(REQUEST, timestamp_ms=NOW - LIFETIME), True),
        # Whoever put it here could not read when it was written: then by when it came here.
        (letter(REQUEST, timestamp_ms=0), False),
        # Intake's own word holds, whatever lifetime the command is set to.
        (letter(REQUEST, reason="too old: messages of its time are forgotten"), True),
        # Our own records say themselves until when they are good.
        (letter(FACT.encode(), topics.EVENTS, timestamp_ms=NOW - LIFETIME), False),
    ],
    ids=range(5),
)
def test_a_request_that_is_older_than_messages_are_remembered_is_too_old(found: Letter, old: bool) -> None:
    assert too_old(found, NOW, LIFETIME) is old


def test_what_is_too_old_is_set_aside_but_not_what_was_replayed_before() -> None:
    old = letter(REQUEST, timestamp_ms=NOW - LIFETIME)
    fresh = Found(letter(b"{", key=b"2"), Handled())
    elsewhere = Letter(**{**old.__dict__, "place": old.place._replace(offset=4)})
    again = Letter(**{**old.__dict__, "place": old.place._replace(offset=5)})
    late, before = Found(elsewhere, marks(What.BEGUN)), Found(again, marks(What.REPLAYED))
    assert by_age([late, fresh, before], NOW, LIFETIME) == ([fresh, before], [late])
