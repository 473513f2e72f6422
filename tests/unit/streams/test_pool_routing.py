"""Routing through a use case: the pool's number, what is scheduled, and another number where one failed."""

import pytest

from directory.pool import Standing
from directory.snapshot import Directory
from dispatchers.failover import may_replace
from schemas import topics
from schemas.base import Record as Model
from schemas.directory import Active, Assistant
from schemas.facts import AnyFact, Rerouted, Routed, decode_fact
from schemas.lanes import Lane
from schemas.messages import Content, Door, Failover, Message
from schemas.provider import Provider
from schemas.refusals import Refused
from schemas.tasks import MOST_SENDERS, How, OnUnknown, RecordId, Task
from schemas.waiting import Ticket
from streams.route import OUTPUTS, Router, Surroundings
from streams.routing import Chosen, route
from tests.fakes.streams import Out, Read, Recipients
from tests.unit.directory.pools import USE_CASE, number, pool
from tests.unit.streams.test_handlers import NOW, TRACE

SF, SF2, LA = "+14155550101", "+14155550102", "+12135550101"
HANDSET = "+12137650001"
HOUR = 3_600_000
POOL = pool(number(SF, "tw"), number(SF2, "tx", day_cap=100), number(LA, "tx"), on_unknown=OnUnknown.RESEND)


def message(**of_content: object) -> Message:
    known = {
        "use_case_id": USE_CASE, "to_number": HANDSET, "text": "hello", "segments": 1, "fingerprint": "1:a",
        "accepted_at": 1_000,
    }  # fmt: skip
    return Message(
        message_id="m-1",
        organization="acme",
        door=Door.REST,
        lane=Lane.QUEUED,
        valid_until=9 * HOUR,
        forget_at=90 * HOUR,
        can_repeat=True,
        content=Content.model_validate(known | of_content),
    )


def chosen(
    what: Message, senders: Directory = POOL, *, sticky: str | None = None, standing: Standing | None = None
) -> Chosen:
    found = route(what, senders, sticky=sticky, standing=standing or Standing())
    assert isinstance(found, Chosen), found
    return found


# ---- the decision


def test_a_number_of_the_pool_with_its_account_and_the_use_cases_policy() -> None:
    found = chosen(message())
    assert found.reason == f"geomatch: area code 213; the only one: {LA} sends through account tx"
    task = found.task
    assert (task.sender, task.account, task.provider) == (LA, "tx", Provider.TELNYX)
    assert (task.use_case_id, task.on_unknown) == (USE_CASE, OnUnknown.RESEND)
    assert (task.attempt, task.not_before, task.confirms, task.tried_senders) == (1, 0, False, ())


def test_what_the_recipient_knows_and_what_stands_against_it() -> None:
    assert chosen(message(), sticky=SF).task.sender == SF
    open_ = Standing(open_breakers=frozenset({"tx"}))
    assert chosen(message(), standing=open_).task.sender == SF


def test_what_changed_since_acceptance_refuses() -> None:
    senders = pool(number(LA, status=Active.SUSPENDED))
    refused = route(message(), senders, sticky=None, standing=Standing())
    assert isinstance(refused, Refused)
    assert refused.code == "no_usable_sender"


def test_a_scheduled_one_says_so_to_the_dispatchers() -> None:
    assert chosen(message(send_at=5_000)).task.not_before == 5_000


def test_an_answer_comes_from_the_number_that_was_written_to() -> None:
    """Nobody need own that number for it, nor be active: the law wants it confirmed."""
    answer = message(from_number=SF).model_copy(
        update={"confirms": True, "heeds_optouts": True, "door": Door.REPLY}
    )
    task = chosen(answer, pool(number(SF), status=Active.SUSPENDED)).task
    assert (task.sender, task.confirms, task.use_case_id) == (SF, True, USE_CASE)
    assert task.heeds_optouts
    plain = answer.model_copy(update={"content": message(from_number=SF, use_case_id=None).content})
    assert chosen(plain).task.use_case_id is None
    desk = Assistant(organization="acme", id="d", name="D", numbers=(SF,), status=Active.SUSPENDED)
    assert chosen(plain, pool(number(SF), others=[desk])).task.sender == SF


# ---- the handler


class Route:
    """A router over `POOL`, and what it emits of one record."""

    def __init__(self) -> None:
        self.senders = POOL
        self.standing = Standing()
        self.recipients = Recipients()
        self.table: dict[bytes, bytes] = {}

    def __call__(
        self, value: Model, offset: int = 7
    ) -> tuple[list[tuple[str, bytes, bytes | None]], dict[str, bytes]]:
        """The records, and the headers of the first."""
        out = Out()
        around = Surroundings(lambda: self.senders, lambda: self.standing, self.recipients, lambda: NOW)
        Router(self.table, around).handle(Read(value.encode(), offset, headers=[TRACE]), out)
        assert {topic for topic, *_ in out.sent} <= set(OUTPUTS)
        headers = dict(out.sent[0][3]) if out.sent else {}
        return [(topic, value, key) for topic, value, key, _ in out.sent], headers


def facts(emitted: list[tuple[str, bytes, bytes | None]]) -> list[AnyFact]:
    return [decode_fact(value) for topic, value, _ in emitted if topic == topics.EVENTS]


def test_the_memory_and_the_standing_are_those_of_the_moment() -> None:
    router = Route()
    assert [task.sender for task in tasks(router(message())[0])] == [LA]
    router.recipients.known[USE_CASE, HANDSET] = SF
    assert [task.sender for task in tasks(router(message())[0])] == [SF]
    router.standing = Standing(open_breakers=frozenset({"tw"}))
    assert [task.sender for task in tasks(router(message())[0])] == [LA]


def tasks(emitted: list[tuple[str, bytes, bytes | None]]) -> list[Task]:
    return [Task.decode(value) for topic, value, _ in emitted if topic != topics.EVENTS]


@pytest.mark.parametrize(
    ("wait", "topic"),
    [
        (-1, topics.dispatch(Provider.TELNYX, Lane.QUEUED)),
        (9_999, topics.dispatch(Provider.TELNYX, Lane.QUEUED)),  # the dispatcher keeps it that long
        (10_000, "sms.waiting.10s.v1"),
        (48 * HOUR, "sms.waiting.1h.v1"),
    ],
)
def test_what_is_scheduled_goes_through_waiting_and_is_told_at_once(wait: int, topic: str) -> None:
    emitted, headers = Route()(message(send_at=NOW + wait))
    ((to, value, key), _) = emitted
    task, (told,) = Task.decode(value), facts(emitted)
    assert (to, task.not_before) == (topic, NOW + wait)
    assert isinstance(told, Routed)
    assert (told.sender, told.content.send_at) == (LA, NOW + wait)
    assert headers["traceparent"] == TRACE[1]
    if to.startswith("sms.waiting"):
        target = topics.dispatch(Provider.TELNYX, Lane.QUEUED)
        assert Ticket.read(headers.items()) == Ticket(NOW + wait, target, LA.encode())
        assert key == b"m-1"
    else:
        assert key == LA.encode()


# ---- failover

FIRST = RecordId(topic="sms.dispatch.telnyx.queued.v1", partition=0, offset=3)


def failover(**changes: object) -> Failover:
    task = chosen(message()).task.model_copy(
        update={
            "attempt": 3,
            "how": How.AFTER_UNKNOWN,
            "record": FIRST,
            "tried_accounts": ("tx",),
            "tried_senders": (LA,),
            "turn": 5_000,
            **changes,
        }
    )
    return Failover(
        message_id="m-1",
        organization="acme",
        forget_at=task.forget_at,
        task=task,
        why="the breaker of account tx is open",
    )


def test_a_failover_goes_to_another_number_as_the_same_attempt_of_the_same_record() -> None:
    emitted, headers = Route()(failover())
    ((topic, value, key), _) = emitted
    task, (told,) = Task.decode(value), facts(emitted)
    assert (topic, key) == (topics.dispatch(Provider.TWILIO, Lane.QUEUED), SF.encode())
    assert (task.sender, task.account, task.provider) == (SF, "tw", Provider.TWILIO)
    assert (task.attempt, task.how, task.record) == (3, How.AFTER_UNKNOWN, FIRST)
    assert (task.tried_accounts, task.tried_senders, task.turn) == (("tx",), (LA,), None)
    assert isinstance(told, Rerouted)
    assert (told.attempt, told.sender, told.account, told.at) == (3, SF, "tw", NOW)
    assert told.reason.startswith(f"failover from {LA}: the breaker of account tx is open; ")
    assert headers["traceparent"] == TRACE[1]


def test_a_repeated_failover_is_one_more_copy_and_never_a_duplicate() -> None:
    router = Route()
    router(message(), 7)
    assert router(failover(), 8) == router(failover(), 9)
    assert len(router.table) == 1


def test_the_sender_to_leave_is_left_even_where_the_recipient_knows_it() -> None:
    router = Route()
    router.recipients.known[USE_CASE, HANDSET] = LA
    (task,) = tasks(router(failover(tried_accounts=()))[0])
    assert task.sender in {SF, SF2}


def test_where_nobody_of_more_use_is_left_it_stays_for_a_while_and_a_new_round_begins() -> None:
    router = Route()
    router.standing = Standing(open_breakers=frozenset({"tw", "tx"}))
    given = failover()
    for pause in (30_000, 60_000, 120_000):
        emitted, _ = router(given)
        ((topic, value, key),) = emitted
        task = Task.decode(value)
        assert (topic, key) == (topics.dispatch(Provider.TELNYX, Lane.QUEUED), LA.encode())
        begun = {
            "tried_accounts": (), "tried_senders": (), "stays_until": NOW + pause,
            "rounds": given.task.rounds + 1,
        }  # fmt: skip
        assert task == given.task.model_copy(update=begun)
        tried = {"tried_accounts": ("tx",), "tried_senders": (LA,)}
        given = given.model_copy(update={"task": task.model_copy(update=tried)})
    # As seldom as every ten minutes, for as long as it is valid.
    (task,) = tasks(router(failover(rounds=1_000))[0])
    assert task.stays_until == NOW + 600_000


def test_whoever_is_of_use_again_gets_it_when_all_have_been_tried() -> None:
    """An account that was in trouble a while ago bars nobody: the other one is, now."""
    router = Route()
    router.standing = Standing(open_breakers=frozenset({"tw"}))
    given = failover(sender=SF, account="tw", tried_accounts=("tx", "tw"), tried_senders=(LA, SF))
    (task,) = tasks(router(given)[0])
    assert (task.sender, task.account, task.provider) == (LA, "tx", Provider.TELNYX)
    assert (task.tried_accounts, task.tried_senders, task.stays_until) == ((), (), NOW + 30_000)


def test_nobody_is_told_to_go_where_it_would_have_to_wait_as_well() -> None:
    router = Route()
    router.senders = pool(number(SF, "tw"), number(SF2, "tx", day_cap=1), number(LA, "tx"))
    router.standing = Standing(open_breakers=frozenset({"tw"}), used_up=frozenset({f"number:{SF2}"}))
    given = failover(tried_accounts=())
    (task,) = tasks(router(given)[0])
    assert task.sender == LA
    # But who must leave goes there, and waits.
    (task,) = tasks(router(failover(tried_accounts=(), tried_senders=(), refused_senders=(LA,)))[0])
    assert task.sender in {SF, SF2}
    assert (task.refused_senders, task.rounds) == ((LA,), 0)


def test_a_round_is_of_so_many_senders() -> None:
    senders = [number(f"+1213555{n:04}") for n in range(20)]
    router = Route()
    router.senders = pool(*senders)
    tried = tuple(one.id for one in senders[:MOST_SENDERS])
    for count in (MOST_SENDERS - 1, MOST_SENDERS):
        given = failover(sender=tried[0], tried_accounts=(), tried_senders=tried[:count])
        (task,) = tasks(router(given)[0])
        assert task.rounds == (count == MOST_SENDERS)


def test_who_was_refused_is_never_chosen_again_and_without_another_its_refusal_is_the_end() -> None:
    router = Route()
    refused = {"tried_accounts": ("tw",), "tried_senders": (SF,), "refused_senders": (SF2, LA)}
    # The other one was only in trouble: it gets it.
    (task,) = tasks(router(failover(**refused))[0])
    assert (task.sender, task.refused_senders) == (SF, (SF2, LA))
    assert may_replace(task, NOW)
    gone = failover(**{**refused, "refused_senders": (SF, SF2, LA)})
    ((_, value, _),) = router(gone)[0]
    task = Task.decode(value)
    assert (task.sender, task.not_before) == (LA, 0)
    assert not may_replace(task, NOW)
    assert not may_replace(task, NOW + HOUR)


def test_a_forgotten_failover_is_dropped() -> None:
    assert Route()(failover().model_copy(update={"forget_at": NOW})) == ([], {})
