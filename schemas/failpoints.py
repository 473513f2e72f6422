"""Named places at which a process may be stopped: between two steps of which the second may never come.

A service calls `reached` there, which does nothing. Tests set what it does (kill the process, stop it,
wait) in the processes that they start, so every crash that the protocol
speaks of can be made to happen exactly there.
"""

from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    """What has just been done, by service; what comes next is in the comment."""

    # The REST door.
    API_HELD = "api.held"  # the key is taken -> produce
    API_PRODUCED = "api.produced"  # the broker has the message -> first row, answer
    API_CANCEL_ASKED = "api.cancel-asked"  # `cancel asked` is acknowledged -> the claim decides
    API_CANCEL_DECIDED = "api.cancel-decided"  # the claim is cancelled -> `closed` is told
    API_CANCEL_TOLD = "api.cancel-told"  # `closed` is acknowledged -> answer
    # The Kafka door.
    INTAKE_PRODUCED = "intake.produced"  # the batch is acknowledged -> commit
    # Streams: both Faust apps.
    STREAM_HANDLED = "stream.handled"  # a batch is handled -> what it emitted is acknowledged
    STREAM_DELIVERED = "stream.delivered"  # all that was emitted is acknowledged -> commit
    VIEWS_PUT = "views.put"  # the rows are in the ledger -> commit
    WAITING_MOVED = "waiting.moved"  # the records lie where they go next -> commit
    # Dispatchers, in the order of docs/protocol.md.
    DISPATCH_LOOKED = "dispatch.looked"  # the claims are known -> intents
    DISPATCH_INTENDED = "dispatch.intended"  # intents are acknowledged -> claim
    DISPATCH_CLAIMED = "dispatch.claimed"  # claims are won -> calls
    DISPATCH_ANSWERED = "dispatch.answered"  # a call has ended -> its outcome is told
    DISPATCH_TOLD = "dispatch.told"  # accepted, rejected: acknowledged -> the claim is closed
    DISPATCH_CLOSED = "dispatch.closed"  # the claim is closed -> finished
    DISPATCH_LOST = "dispatch.lost"  # `closed(unknown)` -> `ambiguous` is told
    DISPATCH_AMBIGUOUS_TOLD = "dispatch.ambiguous-told"  # acknowledged -> deadline and question wait
    DISPATCH_REOPENED = "dispatch.reopened"  # `open(attempt + 1)` -> the fact, and the task that waits
    DISPATCH_RETRY_TOLD = "dispatch.retry-told"  # acknowledged -> rests in the window, or finished
    DISPATCH_FAILED_OVER = "dispatch.failed-over"  # `route` is asked for another sender -> finished
    DISPATCH_TAKEN_OVER = "dispatch.taken-over"  # another's `sending` is over -> `ambiguous` is told
    DISPATCH_DEFERRED = "dispatch.deferred"  # tasks wait in the waiting topics -> finished
    DISPATCH_ASKED = "dispatch.asked"  # the provider has answered a question -> the answer is told
    # A rebuild of the ledger.
    REBUILD_LOCKED = "rebuild.locked"  # the lock is taken -> Kafka is read
    REBUILD_WRITTEN = "rebuild.written"  # claims are written, `ambiguous` is acknowledged -> publish
    REBUILD_PUBLISHED = "rebuild.published"  # the epoch is published -> cancels are told
    # Webhooks.
    WEBHOOK_VERIFIED = "webhook.verified"  # the signature holds -> produce
    WEBHOOK_PRODUCED = "webhook.produced"  # the broker has the receipt -> 2xx
    # Notifiers.
    NOTIFIER_ANSWERED = "notifier.answered"  # an endpoint has answered -> finished, or put off
    NOTIFIER_PUT_OFF = "notifier.put-off"  # what waits lies in Kafka -> finished
    NOTIFIER_DONE = "notifier.done"  # all deliveries of records are done with -> commit
    NOTIFIER_SWITCHED_OFF = "notifier.switched-off"  # the directory says so -> the others are told
    # `helio dlq replay`.
    DLQ_BEGUN = "dlq.begun"  # it is marked that replays are begun -> they are produced
    DLQ_REPLAYED = "dlq.replayed"  # replays are acknowledged -> they are marked as done


def _go_on(_point: Point) -> None:
    """What a process does outside tests."""


_act: Callable[[Point], None] = _go_on


def reached(point: Point) -> None:
    """This process has come to `point`."""
    _act(point)


def on_reached(act: Callable[[Point], None]) -> None:
    """From now on do `act` at every point. Only tests call this, before a service starts."""
    global _act  # noqa: PLW0603 - one process, one hook
    _act = act
