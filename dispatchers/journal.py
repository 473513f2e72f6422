"""What a dispatcher writes to Kafka: intents before a hand-over, facts after it, tasks that must wait."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from broker.publish import Outgoing, Publish
from dispatchers.lines import Item
from ledger.claims import Closed
from schemas import topics
from schemas.caps import Cap
from schemas.facts import AmbiguousFact, AnyFact, ClosedWhy, OutcomeFact, attempted
from schemas.facts import Closed as ClosedFact
from schemas.messages import Failover
from schemas.optouts import OptOut
from schemas.provider import Accepted, Rejected, Throttled, Unavailable
from schemas.tasks import Intent, Intents, Task, Void
from schemas.waiting import Ticket, way


@dataclass(frozen=True)
class Later:
    """A record that is to come to `topic` under `key` when it is due; until then it waits."""

    message_id: str
    #: Milliseconds since the epoch; the last hop is early by less than the shortest waiting topic's delay.
    due: int
    topic: str
    key: bytes
    value: bytes


Written = AnyFact | Later | OptOut | Failover


class Journal:
    """The records of one dispatcher. Every method returns when the broker has acknowledged all of them."""

    def __init__(self, name: str, publish: Publish, now: Callable[[], int]) -> None:
        self._name = name.encode()
        self._publish = publish
        self._now = now

    async def intents(
        self, items: Sequence[Item], voids: Sequence[Void], caps: Callable[[Task], Sequence[Cap]]
    ) -> None:
        """One record for the batch: what is about to be handed over, and what of earlier ones was not.

        `caps`: the day caps that a task is going to count against.
        """
        intents = tuple(_intent(item, caps(item.task)) for item in items)
        record = Intents(at=self._now(), intents=intents, voids=tuple(voids))
        await self._publish([Outgoing(topics.INTENTS, self._name, record.encode())])

    async def write(self, records: Sequence[Written]) -> None:
        """Each to its topic, what is not due to where its wait is spent; in this order."""
        await self._publish([self._outgoing(record) for record in records])

    def _outgoing(self, record: Written) -> Outgoing:
        if isinstance(record, Later):
            return self._later(record)
        if isinstance(record, OptOut):
            return Outgoing(topics.OPTOUTS, record.key, record.encode())
        if isinstance(record, Failover):
            return Outgoing(topics.MESSAGES, record.message_id.encode(), record.encode())
        return Outgoing(topics.EVENTS, record.message_id.encode(), record.encode())

    def _later(self, later: Later) -> Outgoing:
        ticket = Ticket(due=later.due, topic=later.topic, key=later.key)
        topic, key, headers = way(ticket, later.message_id, self._now())
        return Outgoing(topic, key, later.value, headers)


def later(task: Task, due: int) -> Later:
    """The task comes again at `due`, with the record identity that it carries."""
    return Later(
        message_id=task.message_id,
        due=due,
        topic=topics.dispatch(task.provider, task.lane),
        key=task.sender.encode(),
        value=task.encode(),
    )


def outcome_fact(
    item: Item,
    outcome: Accepted | Rejected | Throttled | Unavailable,
    nonce: str,
    now: int,
    *,
    again: bool = False,
) -> OutcomeFact:
    """The fact that the hand-over of `item` came to `outcome`; `again`: a refusal that ends nothing."""
    return OutcomeFact(
        **attempted(item.task, now), nonce=nonce, record=item.record, outcome=outcome, again=again
    )


def ambiguous_fact(item: Item, claim: Closed, detail: str, now: int) -> AmbiguousFact:
    """The fact that nobody knows what came of the attempt that `claim` has closed as unknown.

    It names what that attempt went out through: after a failover `item` may be another's copy of the task,
    and receipts count only for the account that is named.
    """
    said = {**attempted(item.task, now), "attempt": claim.attempt}
    if claim.via is not None:
        said |= {"provider": claim.via.provider, "account": claim.via.account, "sender": claim.via.sender}
    return AmbiguousFact(
        **said,
        nonces=(claim.nonce,) if claim.nonce else (),
        detail=detail,
    )


def closed_fact(item: Item, why: str, now: int) -> ClosedFact:
    """The fact that the message ended without a send."""
    task = item.task
    return ClosedFact(
        message_id=task.message_id,
        organization=task.organization,
        at=now,
        forget_at=task.forget_at,
        why=ClosedWhy(why),
    )


def void(item: Item, nonce: str) -> Void:
    """That the intent that stood for `item` was not acted on."""
    return Void(message_id=item.task.message_id, attempt=item.task.attempt, nonce=nonce)


def _intent(item: Item, caps: Sequence[Cap]) -> Intent:
    task = item.task
    return Intent(
        message_id=task.message_id,
        organization=task.organization,
        attempt=task.attempt,
        nonce=item.nonce or "",
        record=item.record,
        provider=task.provider,
        account=task.account,
        sender=task.sender,
        forget_at=task.forget_at,
        segments=task.segments,
        caps=tuple(cap.name for cap in caps),
    )
