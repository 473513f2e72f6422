"""What a dispatcher sends off after `ambiguous`: the deadline at which its owner's policy acts."""

from collections.abc import Sequence

import pytest

from broker.publish import Outgoing
from dispatchers.journal import Journal, Later
from dispatchers.unknown import follows
from schemas import topics
from schemas.facts import AmbiguousFact, Deadline, decode_fact
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.settings import DispatchSettings
from schemas.tasks import OnUnknown, Task
from schemas.waiting import Ticket, next_topic

SETTINGS = DispatchSettings(settle_seconds=60)
AT = 1_000_000
TASK = Task(
    message_id="m-1",
    organization="acme",
    attempt=3,
    lane=Lane.QUEUED,
    provider=Provider.VONAGE,
    account="vg-main",
    sender="+15550100001",
    to_number="+15557654321",
    text="hello",
    segments=1,
    valid_until=9_000_000,
    forget_at=99_000_000,
)
AMBIGUOUS = AmbiguousFact(
    message_id="m-1",
    organization="acme",
    at=AT,
    forget_at=99_000_000,
    attempt=3,
    provider=Provider.VONAGE,
    account="vg-main",
    sender="+15550100001",
    nonces=("n",),
    detail="timeout",
)


def deadlines(policy: OnUnknown, attempt: int = 3) -> list[Later]:
    fact = AMBIGUOUS.model_copy(update={"attempt": attempt})
    task = TASK.model_copy(update={"on_unknown": policy})
    return [later for later in follows(fact, task, SETTINGS) if later.topic == topics.EVENTS]


def test_under_hold_nothing_is_to_happen() -> None:
    assert deadlines(OnUnknown.HOLD) == []


@pytest.mark.parametrize("policy", [OnUnknown.FAIL, OnUnknown.RESEND])
def test_the_deadline_carries_the_policy_and_what_it_may_send_again(policy: OnUnknown) -> None:
    (later,) = deadlines(policy)
    fact = decode_fact(later.value)
    assert isinstance(fact, Deadline)
    assert (fact.at, fact.attempt, fact.forget_at) == (AT + 60_000, 3, AMBIGUOUS.forget_at)
    assert fact.task == TASK.model_copy(update={"on_unknown": policy})
    assert (later.message_id, later.key) == ("m-1", b"m-1")


def test_a_record_that_finds_its_claim_further_on_speaks_of_that_attempt() -> None:
    (later,) = deadlines(OnUnknown.RESEND, attempt=5)
    fact = decode_fact(later.value)
    assert isinstance(fact, Deadline)
    assert (fact.attempt, fact.task.attempt) == (5, 5)


@pytest.mark.parametrize("settle", [30, 31, 59, 60, 61, 300, 601, 5_000])
@pytest.mark.parametrize("late", [0, 1, 900])
def test_a_deadline_is_never_early_however_it_hops(settle: int, late: int) -> None:
    """The mover sends on what is due within the shortest delay, and the fold lets nothing wait."""
    settings = DispatchSettings(settle_seconds=settle)
    task = TASK.model_copy(update={"on_unknown": OnUnknown.FAIL})
    later = next(one for one in follows(AMBIGUOUS, task, settings) if one.topic == topics.EVENTS)
    delays = {topic: delay for delay, topic in topics.WAITING.items()}
    ticket, now = Ticket(later.due, later.topic, later.key), AT
    while (topic := next_topic(ticket, now)) != topics.EVENTS:
        now += delays[topic] + late
    assert now >= AT + settle * 1000
    assert now < AT + settle * 1000 + min(delays.values()) + 10 * (late + 1)


async def test_the_journal_sends_it_through_the_waiting_topics_under_its_message() -> None:
    sent: list[Outgoing] = []

    async def publish(records: Sequence[Outgoing]) -> None:
        sent.extend(records)

    (later,) = deadlines(OnUnknown.FAIL)
    await Journal("d-1", publish, lambda: AT).write([AMBIGUOUS, later])
    fact, waiting = sent
    assert (fact.topic, waiting.topic, waiting.key) == (topics.EVENTS, "sms.waiting.1m.v1", b"m-1")
    ticket = Ticket.read(waiting.headers)
    assert (ticket.topic, ticket.key) == (topics.EVENTS, b"m-1")
