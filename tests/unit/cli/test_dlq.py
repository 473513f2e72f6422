"""Dead letters as operators meet them: which are meant, what may be replayed as what, and what is shown."""

import json
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from broker.letters import Letter, Place, parsed, read
from broker.publish import Outgoing
from cli.commands import dlq_choice, dlq_findings, dlq_show
from cli.commands.dlq_choice import Choice
from cli.commands.dlq_replay import SURE_MS, Handled, No, State, replay
from cli.commands.dlq_work import Found
from cli.commands.trouble import TroubleError
from schemas import topics
from schemas.dead_letters import dead_letter
from schemas.facts import CancelAsked
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.replays import MENDED, REPLAYED, Mark, What
from schemas.tasks import How, Task
from schemas.waiting import Ticket

NOW = 1_800_000_000_000
HOUR = 3_600_000
OWN = "sms.requests.acme.v1"
REQUEST = b'{"from_phone_number": "+14155550123", "to_phone_number": "+12025550199", "message": "Hello"}'
DISPATCH = topics.dispatch(Provider.TELNYX, Lane.QUEUED)
FACT = CancelAsked(message_id="m1", organization="acme", at=NOW, forget_at=NOW + HOUR, attempt=1)
TASK = Task(
    message_id="m1",
    organization="acme",
    lane=Lane.QUEUED,
    provider=Provider.TELNYX,
    account="telnyx-main",
    sender="+14155550123",
    to_number="+12025550199",
    text="Hello",
    segments=1,
    valid_until=NOW + HOUR,
    forget_at=NOW + 2 * HOUR,
)


def record(value: bytes | None, topic: str = OWN, **more: Any) -> ConsumerRecord:
    """The dead letter of a record of `topic`, as it is read."""
    put = dead_letter(
        topic=topic,
        partition=2,
        offset=7,
        timestamp_ms=NOW - HOUR,
        key=more.get("key", b"k"),
        value=value,
        headers=more.get("headers", [("theirs", b"1")]),
        reason=more.get("reason", "message: Field required"),
    )
    return ConsumerRecord(
        topic=put.topic,
        partition=0,
        offset=3,
        timestamp=NOW,
        timestamp_type=0,
        key=put.key,
        value=put.value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=tuple(put.headers),
    )


def letter(value: bytes | None, topic: str = OWN, **more: Any) -> Letter:
    found = read(record(value, topic, **more))
    assert isinstance(found, Letter)
    return found


def marks(*whats: What, at: int = NOW) -> Handled:
    return Handled(tuple(Mark(what=what, partition=0, offset=3, at=at) for what in whats))


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
        # Two at once, one a step behind the other: what was done stays done.
        (marks(What.REPLAYED, What.BEGUN), State.REPLAYED),
        (marks(What.DROPPED, What.BEGUN, What.REPLAYED), State.REPLAYED),
    ],
)
def test_states(handled: Handled, state: State) -> None:
    assert handled.state is state
    assert handled.pending == (state in {State.OPEN, State.IN_DOUBT})
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


# -- which


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
    assert dlq_choice.moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2 h", "-2h", "٢h", "9" * 50 + "d"])
def test_no_moments(text: str) -> None:
    with pytest.raises(TroubleError, match="is no moment"):
        dlq_choice.moment(text, NOW)


@pytest.mark.parametrize(
    "text", ["", "requests", "requests/0", "requests/0/x", "requests/-1/0", "nowhere/0/1"]
)
def test_no_places(text: str) -> None:
    with pytest.raises(TroubleError):
        dlq_choice.place(text)


def test_topics_by_both_names() -> None:
    assert dlq_choice.topics_of(["events", "sms.requests.dlq.v1"]) == [
        "sms.events.dlq.v1",
        "sms.requests.dlq.v1",
    ]
    assert len(dlq_choice.topics_of(None)) == len(topics.DEAD_LETTER_KINDS)
    assert dlq_choice.place("requests/1/2") == dlq_choice.place("sms.requests.dlq.v1/1/2")


# -- how


SECRET = "your code is 4711"


@pytest.mark.parametrize(
    "value",
    [
        json.dumps({"message": SECRET, "media_urls": [SECRET]}).encode(),
        json.dumps({"task": {"text": SECRET, "media": [SECRET]}}).encode(),
        json.dumps({"type": "receipt.v1", "raw": SECRET}).encode(),
        json.dumps({"message": {"deep": SECRET}}).encode(),
        json.dumps({"message": SECRET}).encode()[:-1],
        SECRET.encode(),
        json.dumps(SECRET).encode(),
        b"\x00\xff" + SECRET.encode(),
        b'{"a":' * 700 + json.dumps(SECRET).encode() + b"}" * 700,
    ],
    ids=range(9),
)
def test_what_people_wrote_is_masked_unless_revealed(value: bytes) -> None:
    found = letter(value)
    assert "4711" not in dlq_show.whole(found, Handled(), NOW, reveal=False)
    assert "4711" not in json.dumps(dlq_show.members(found, Handled(), reveal=False))
    if len(value) < 1000:
        assert SECRET in dlq_show.whole(found, Handled(), NOW, reveal=True)


@given(
    st.binary() | st.none(),
    st.binary(),
    st.text(),
    st.lists(st.tuples(st.text(), st.binary() | st.none())),
    st.booleans(),
)
def test_nothing_that_strangers_write_reaches_the_terminal_as_it_is(
    value: bytes | None,
    key: bytes,
    reason: str,
    headers: list[tuple[str, bytes | None]],
    reveal: bool,
) -> None:
    reason = reason.encode(errors="replace").decode()
    found = letter(value, key=key, reason=reason, headers=headers)
    shown = dlq_show.whole(found, Handled(), NOW, reveal=reveal) + dlq_show.line(found, Handled(), NOW)
    assert all(one.isprintable() or one == "\n" for one in shown)
    json.dumps(dlq_show.members(found, Handled(), reveal=reveal)).encode("ascii")


@given(st.binary())
def test_json_is_taken_apart_or_not_and_nothing_else_happens(value: bytes) -> None:
    parsed(value)


def test_numbers_make_no_other_reason() -> None:
    assert dlq_show.kind_of("line 1 column 33") == dlq_show.kind_of("line 2 column 4")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "5 s"), (125, "2 min 5 s"), (7260, "2 h 1 min"), (273_600, "3 d 4 h"), (-5, "0 s")],
)
def test_ages(seconds: int, said: str) -> None:
    assert dlq_show.ago(NOW - seconds * 1000, NOW) == said


def test_the_doctor_names_what_nobody_has_looked_at() -> None:
    old, new = letter(b"{"), letter(b"", topics.EVENTS)
    open_ones = [Found(old, Handled()), Found(old, marks(What.BEGUN)), Found(new, marks(What.DROPPED))]
    (finding,) = dlq_findings.of_found(open_ones, NOW + HOUR)
    assert finding.said == "2 records of requests could not be read, the oldest 1 h 0 min ago"
    assert "helio dlq list --topic requests" in finding.todo
    (well,) = dlq_findings.of_found([Found(new, marks(What.DROPPED))], NOW)
    assert (well.ok, well.said) == (True, "no letter is open; 1 were seen to")
