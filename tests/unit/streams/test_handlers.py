"""The handlers of `route` and `fold`, on a dictionary for a table: what each record makes them do."""

from directory.pool import Standing
from schemas import ids, topics
from schemas.base import Record as Model
from schemas.directory import Account, Assistant, Number
from schemas.facts import AmbiguousFact, Deadline, Rejected, Routed, decode_fact
from schemas.forgetting import SIGHTINGS_MS
from schemas.lanes import Lane
from schemas.messages import Content, Door, Message, Refusal
from schemas.provider import Provider
from schemas.public import StatusRecord
from schemas.status import State
from schemas.tasks import How, OnUnknown, Task
from schemas.waiting import Ticket
from streams.folding import OUTPUTS, Folder
from streams.metrics import DEADLINES
from streams.route import Router, Surroundings
from tests.fakes.streams import Out, Read, Recipients
from tests.unit.streams.facts import ACCEPTED, outcome, receipt, routed
from tests.unit.streams.test_routing import ACCOUNT, ASSISTANT, MESSAGE, NUMBER, SENDER, known

NOW = 1_500
DISPATCH = topics.dispatch(Provider.TELNYX, Lane.QUEUED)
TRACE = ("traceparent", b"00-1-2-01")


def router() -> Router:
    return Router({}, Surroundings(known, Standing, Recipients(), lambda: NOW))


class Route:
    """A router with its table, at one time."""

    def __init__(self) -> None:
        self.table: dict[bytes, bytes] = {}
        self.senders = known()
        self.standing = Standing()
        self.recipients = Recipients()
        self.now = NOW
        around = Surroundings(lambda: self.senders, lambda: self.standing, self.recipients, lambda: self.now)
        self._router = Router(self.table, around)

    def __call__(self, value: Model | bytes, offset: int, **of_record: object) -> list[tuple[str, object]]:
        """Topic and record of all that one record makes it emit."""
        out = Out()
        record = Read(value if isinstance(value, bytes) else value.encode(), offset)
        for name, given in of_record.items():
            setattr(record, name, given)
        self._router.handle(record, out)
        return [(topic, self._read(topic, value)) for topic, value, _, _ in out.sent]

    @staticmethod
    def _read(topic: str, value: bytes) -> object:
        if topic == topics.EVENTS:
            return decode_fact(value)
        return Task.decode(value) if topic == DISPATCH else value


def other(text: str) -> Message:
    content = MESSAGE.content.model_copy(update={"text": text, "fingerprint": f"1:{text}"})
    return MESSAGE.model_copy(update={"content": content})


def refusal(fingerprint: str = "1:abc") -> Refusal:
    return Refusal(
        message_id="m-1",
        organization="acme",
        door=Door.KAFKA,
        forget_at=9_000,
        content=MESSAGE.content.model_copy(update={"fingerprint": fingerprint}),
        code="empty_message",
        detail="The message is empty.",
    )


def kinds(emitted: list[tuple[str, object]]) -> list[type]:
    return [type(record) for _, record in emitted]


def test_a_message_becomes_a_task_and_a_fact() -> None:
    (dispatch, task), (events, fact) = Route()(MESSAGE, 7)
    assert (dispatch, events) == (DISPATCH, topics.EVENTS)
    assert isinstance(task, Task)
    assert isinstance(fact, Routed)
    assert (fact.attempt, fact.account, fact.sender, fact.at) == (1, "tx-main", SENDER, NOW)
    assert (fact.content, fact.forget_at) == (MESSAGE.content, 9_000)


def test_keys_order_what_belongs_together_and_the_trace_goes_along() -> None:
    out = Out()
    router().handle(Read(MESSAGE.encode(), headers=[TRACE, ("helio-other", b"x")]), out)
    assert [(topic, key) for topic, _, key, _ in out.sent] == [
        (DISPATCH, SENDER.encode()),
        (topics.EVENTS, b"m-1"),
    ]
    assert all(list(headers) == [TRACE] for _, _, _, headers in out.sent)


def test_a_backlog_does_not_lie_before_others() -> None:
    out, route = Out(), router()
    for n in range(1_000):
        own = {"message_id": f"m-{n}", "valid_until": NOW + 7_200_000, "forget_at": NOW + 7_200_000}
        route.handle(Read(MESSAGE.model_copy(update=own).encode(), n, headers=[TRACE]), out)
    tasks = [one for one in out.take() if one[0] != topics.EVENTS]
    goes = [one for one in tasks if one[0] == DISPATCH]
    # As many as its number sends in twenty seconds, and the first of them.
    assert [Task.decode(value).message_id for _, value, _, _ in goes] == [f"m-{n}" for n in range(20)]
    topic, value, key, headers = tasks[20]
    assert (topic, key) == (topics.WAITING[10_000], b"m-20")
    assert Ticket.read(headers) == Ticket(NOW + 20_000, DISPATCH, SENDER.encode())
    assert TRACE in headers
    assert (Task.decode(value).not_before, Task.decode(value).turn) == (0, NOW + 20_000)


def test_the_first_record_is_passed_on_each_time_and_its_repeat_never() -> None:
    route = Route()
    first = route(MESSAGE, 7)
    assert route(MESSAGE, 8) == []
    assert route(MESSAGE, 7) == first
    assert route(MESSAGE, 8) == []


def test_other_content_is_rejected_under_its_own_id_once_each() -> None:
    route = Route()
    route(MESSAGE, 7)
    rejections = [route(other("b"), 8), route(other("c"), 9)]
    for (emitted,), text in zip(rejections, "bc", strict=True):
        fact = emitted[1]
        assert isinstance(fact, Rejected)
        assert (fact.code, fact.conflicts_with) == ("conflict", "m-1")
        assert fact.message_id == ids.of_conflict("m-1", f"1:{text}")
    assert route(other("b"), 10) == []
    assert route(other("b"), 8) == rejections[0]
    assert route(MESSAGE, 11) == []


def test_a_refused_repeat_does_not_fail_the_message_that_went_before() -> None:
    route = Route()
    route(MESSAGE, 7)
    assert route(refusal(), 8) == []
    (conflict,) = route(refusal("1:other"), 9)
    assert isinstance(conflict[1], Rejected)
    assert conflict[1].message_id != "m-1"


def test_a_refusal_that_comes_first_is_rejected_with_its_code_and_keeps_its_key() -> None:
    route = Route()
    (rejected,) = route(refusal(), 7)
    assert isinstance(rejected[1], Rejected)
    assert (rejected[1].message_id, rejected[1].code) == ("m-1", "empty_message")
    assert route(MESSAGE, 8) == []


def test_what_cannot_be_routed_is_rejected() -> None:
    route = Route()
    route.senders = known(account=None)
    (rejected,) = route(MESSAGE, 7)
    assert isinstance(rejected[1], Rejected)
    assert (rejected[1].code, rejected[1].at) == ("account_unavailable", NOW)


def test_a_rejection_says_what_a_door_had_accepted_and_for_which_provider() -> None:
    """Else a repeat of the request could not be told that it had been accepted."""

    def told(emitted: list[tuple[str, object]]) -> list[tuple[Provider | None, bool]]:
        return [(fact.provider, fact.taken_back) for _, fact in emitted if isinstance(fact, Rejected)]

    accepted = MESSAGE.model_copy(update={"provider": Provider.TELNYX})
    route = Route()
    route.senders = known(account=None)
    assert told(route(accepted, 7)) == [(Provider.TELNYX, True)]
    assert told(Route()(refusal(), 7)) == [(None, False)]


def test_what_cannot_repeat_is_not_remembered() -> None:
    route = Route()
    once = MESSAGE.model_copy(update={"can_repeat": False})
    assert kinds(route(once, 7)) == kinds(route(once, 7)) == [Task, Routed]
    assert route.table == {}


def test_what_is_past_its_validity_is_handed_on_all_the_same() -> None:
    """The claim's script alone decides that a message has expired: here it would be decided twice."""
    route = Route()
    route.now = MESSAGE.valid_until + 1
    emitted = route(MESSAGE, 7)
    assert kinds(emitted) == [Task, Routed]
    assert [task.valid_until for _, task in emitted if isinstance(task, Task)] == [MESSAGE.valid_until]


def test_a_forgotten_message_is_dropped_and_its_key_is_free_again() -> None:
    route = Route()
    route(MESSAGE, 7)
    route.now = 9_000 + SIGHTINGS_MS
    assert route(MESSAGE, 8) == []
    again = other("b").model_copy(update={"forget_at": route.now + 1})
    assert kinds(route(again, 9)) == [Task, Routed]


def test_the_directory_is_asked_anew_for_each_message() -> None:
    route = Route()
    moved = ACCOUNT.model_copy(update={"id": "tx-second"})
    assert isinstance(moved, Account)

    number = NUMBER.model_copy(update={"account": "tx-second"})
    assert isinstance(number, Number)
    assert isinstance(ASSISTANT, Assistant)
    route.senders = known(number=number, account=moved)
    (_, task), _ = route(MESSAGE, 7)
    assert isinstance(task, Task)
    assert task.account == "tx-second"


def test_what_cannot_be_read_is_a_dead_letter_for_both() -> None:
    for handler, topic in (
        (router().handle, topics.MESSAGES),
        (Folder({}, lambda: NOW).handle, topics.EVENTS),
    ):
        out = Out()
        handler(Read(b"{", 7, topic=topic, headers=[TRACE]), out)
        handler(Read(None, 8, topic=topic), out)
        assert [(to, value, key) for to, value, key, _ in out.sent] == [
            (topics.dead_letters(topic), b"{", b"m-1"),
            (topics.dead_letters(topic), b"", b"m-1"),
        ]
        assert TRACE in out.sent[0][3]
        assert dict(out.sent[1][3])["helio-dlq-value"] == b"null"


# ---- fold

CONTENT = Content(
    from_number=SENDER, to_number="+15557654321", text="hi", segments=1, fingerprint="1:a", accepted_at=1_000
)


def rejected(forget_at: int = 9_000) -> Rejected:
    return Rejected(
        message_id="m-1",
        organization="acme",
        at=1_200,
        forget_at=forget_at,
        code="conflict",
        detail="Used.",
        content=CONTENT,
    )


def test_a_transition_is_a_cloud_event() -> None:
    out = Out()
    Folder({}, lambda: NOW).handle(Read(rejected().encode(), headers=[TRACE]), out)
    ((topic, value, key, headers),) = out.sent
    status = StatusRecord.decode(value)
    assert (topic, key) == (topics.STATUS, b"m-1")
    assert dict(headers) == {
        "ce_specversion": b"1.0",
        "ce_id": status.id.encode(),
        "ce_type": b"sms.status.v1",
        "ce_source": b"/heliograph",
        "ce_time": b"1970-01-01T00:00:01.200Z",
        "ce_subject": b"m-1",
        "content-type": b"application/json",
        "traceparent": TRACE[1],
    }


def test_all_that_is_told_of_a_message_has_the_trace_of_its_request() -> None:
    """A receipt knows nothing of it, and whoever brought that may have a trace of his own."""
    table: dict[bytes, bytes] = {}
    folder, out = Folder(table, lambda: NOW), Out()
    mine, other = [TRACE], [("traceparent", b"00-3-4-01")]
    facts: list[tuple[Model, list[tuple[str, bytes]]]] = [
        (receipt("delivered"), other),
        (routed(), mine),
        (outcome(ACCEPTED), []),
    ]

    def told() -> list[tuple[State, bytes]]:
        for offset, (fact, headers) in enumerate(facts):
            folder.handle(Read(fact.encode(), offset, headers=headers), out)
        return [
            (StatusRecord.decode(value).status, dict(headers)["traceparent"])
            for _, value, _, headers in out.take()
        ]

    first = told()
    assert first == [(State.QUEUED, TRACE[1]), (State.DELIVERED, TRACE[1])]
    assert told() == first  # read again after a crash


def test_what_is_told_of_a_message_without_a_trace_has_that_of_its_fact() -> None:
    folder, out = Folder({}, lambda: NOW), Out()
    facts: list[tuple[Model, list[tuple[str, bytes]]]] = [(routed(), []), (outcome(ACCEPTED), [TRACE])]
    for offset, (fact, headers) in enumerate(facts):
        folder.handle(Read(fact.encode(), offset, headers=headers), out)
    assert [dict(headers).get("traceparent") for _, _, _, headers in out.take()] == [None, TRACE[1]]


def test_a_repeat_writes_nothing_and_a_replay_tells_again() -> None:
    table: dict[bytes, bytes] = {}
    folder, out = Folder(table, lambda: NOW), Out()
    folder.handle(Read(rejected().encode(), 3), out)
    row, told = dict(table), out.take()
    folder.handle(Read(rejected().encode(), 4), out)
    assert (table, out.take()) == (row, [])
    folder.handle(Read(rejected().encode(), 3), out)
    assert (table, out.take()) == (row, told)


def test_facts_of_forgotten_messages_are_dropped_and_a_forgotten_row_begins_anew() -> None:
    table: dict[bytes, bytes] = {}
    now = [NOW]
    folder, out = Folder(table, lambda: now[0]), Out()
    folder.handle(Read(rejected().encode(), 3), out)
    out.take()
    now[0] = 9_000
    folder.handle(Read(rejected().encode(), 4), out)
    assert out.take() == []
    folder.handle(Read(rejected(forget_at=20_000).encode(), 5), out)
    ((_, value, _, _),) = out.take()
    status = StatusRecord.decode(value)
    assert (status.sequence, status.forget_at) == (1, 20_000)


def test_what_a_policy_sends_again_goes_to_the_dispatchers_keyed_by_its_sender() -> None:
    task = Task(
        message_id="m-1",
        organization="acme",
        lane=Lane.QUEUED,
        provider=Provider.TELNYX,
        account="tx-main",
        sender=SENDER,
        to_number="+15557654321",
        text="hi",
        segments=1,
        valid_until=5_000,
        forget_at=9_000,
        on_unknown=OnUnknown.RESEND,
    )
    about = {"message_id": "m-1", "organization": "acme", "forget_at": 9_000}
    attempt = {"attempt": 1, "provider": Provider.TELNYX, "account": "tx-main", "sender": SENDER}
    routed = Routed(**about, **attempt, at=1_100, reason="because", content=CONTENT)
    ambiguous = AmbiguousFact(**about, **attempt, at=1_200, nonces=("n1",), detail="timeout")
    due = Deadline(**about, at=1_400, attempt=1, task=task, waited_ms=300_000)
    table: dict[bytes, bytes] = {}
    folder, out = Folder(table, lambda: NOW), Out()
    for offset, fact in enumerate((routed, ambiguous)):
        folder.handle(Read(fact.encode(), offset), out)
    out.take()
    acted = DEADLINES.labels("resent")._value.get()
    folder.handle(Read(due.encode(), 2, headers=[TRACE]), out)
    told, again = out.take()
    assert told[0] == topics.STATUS
    assert (again[0], again[2], again[3]) == (DISPATCH, SENDER.encode(), [TRACE])
    assert Task.decode(again[1]) == task.model_copy(update={"attempt": 2, "how": How.RESEND})
    # A later attempt is unknown: the deadline waits once more, as that one's.
    lost = ambiguous.model_copy(update={"attempt": 2, "nonces": ("n2",)})
    other = Folder(dict(table), lambda: NOW)
    other.handle(Read(lost.encode(), 3), out)
    out.take()
    other.handle(Read(due.encode(), 4), out)
    ((waiting, value, key, headers),) = out.take()
    later = decode_fact(value)
    assert isinstance(later, Deadline)
    assert (waiting, key, later.attempt) == ("sms.waiting.1m.v1", b"m-1", 2)
    assert Ticket.read(headers) == Ticket(later.at + 10_000, topics.EVENTS, b"m-1")
    assert waiting in OUTPUTS
    # A replay makes the same; the same deadline once more, further on, makes nothing.
    row = dict(table)
    folder.handle(Read(due.encode(), 2, headers=[TRACE]), out)
    assert out.take() == [told, again]
    assert DEADLINES.labels("resent")._value.get() == acted + 2
    folder.handle(Read(due.encode(), 3), out)
    assert (out.take(), table) == ([], row)
    assert {told[0], again[0]} <= set(OUTPUTS)
