"""What follows from `unknown`: it is told, and what will settle it set going (docs/protocol.md, rule 8)."""

from collections.abc import Sequence

from dispatchers import metrics, questions
from dispatchers.journal import Later
from dispatchers.lines import Item
from dispatchers.tools import Tools
from schemas import topics
from schemas.facts import AmbiguousFact, Deadline
from schemas.failpoints import Point, reached
from schemas.lanes import Lane
from schemas.settings import DispatchSettings
from schemas.tasks import Inquiry, OnUnknown, Task
from schemas.waiting import EARLY_MS


async def tell(said: Sequence[tuple[Item, AmbiguousFact]], tools: Tools) -> None:
    """Say that nobody knows what came of these, and send off what follows; all is acknowledged then.

    `ambiguous` comes first: a deadline that overtook it would find nothing to settle, and none would
    come after it.
    """
    if not said:
        return
    await tools.journal.write([fact for _, fact in said])
    for _, fact in said:
        metrics.UNKNOWN.labels(fact.provider).inc()
    reached(Point.DISPATCH_AMBIGUOUS_TOLD)
    coming = [one for item, fact in said for one in follows(fact, identified(item), tools.settings)]
    if coming:
        await tools.journal.write(coming)


def identified(item: Item) -> Task:
    """The task with the identity of its record, by which the ledger knows it."""
    return item.task.model_copy(update={"record": item.record})


def follows(fact: AmbiguousFact, task: Task, settings: DispatchSettings) -> list[Later]:
    """What is to come after `fact`, which speaks of an attempt at `task`. Pure.

    The task may be read as another attempt than the fact's, or be a copy that another sender has: a record
    that comes again finds a claim that has gone on. What follows carries the task as the fact speaks of it.
    """
    handed_over = task.model_copy(
        update={
            "attempt": fact.attempt,
            "provider": fact.provider,
            "account": fact.account,
            "sender": fact.sender,
        }
    )
    inquiry = questions.first(fact, handed_over, settings)
    return [
        *([] if task.on_unknown is OnUnknown.HOLD else [_deadline(fact, handed_over, settings)]),
        *([] if inquiry is None else [later(inquiry)]),
    ]


def _deadline(fact: AmbiguousFact, task: Task, settings: DispatchSettings) -> Later:
    """The moment at which the owner's policy acts: never early, so no hand-over is under way by then."""
    settle_ms = round(settings.settle_seconds * 1000)
    at = fact.at + settle_ms
    deadline = Deadline(
        message_id=fact.message_id,
        organization=fact.organization,
        at=at,
        forget_at=fact.forget_at,
        attempt=fact.attempt,
        task=task,
        waited_ms=settle_ms,
    )
    return Later(
        message_id=fact.message_id,
        due=at + EARLY_MS,  # the fold lets nothing wait
        topic=topics.EVENTS,
        key=fact.message_id.encode(),
        value=deadline.encode(),
    )


def later(inquiry: Inquiry) -> Later:
    """The question as a record that comes back when it is to be put; keyed like its task."""
    lane = Lane.QUEUED if inquiry.task is None else inquiry.task.lane
    return Later(
        message_id=inquiry.message_id,
        due=inquiry.not_before,
        topic=topics.dispatch(inquiry.provider, lane),
        key=inquiry.sender.encode(),
        value=inquiry.encode(),
    )
