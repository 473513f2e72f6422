"""Agents: a plain function of a record, acknowledged after all that it produced is delivered."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from schemas.failpoints import Point, reached
from streams.engine.accumulator import NO_HEADERS
from streams.engine.app import App
from streams.engine.batch import Batch, Record
from streams.engine.exits import Exit, die

WINDOW_RECORDS: Final = 4_000
"""Records handled whose output is not confirmed yet; beyond it the agent waits."""


class Emit(Protocol):
    """Sends a record, in order. It has left when the handled record is acknowledged, and not before."""

    def __call__(
        self,
        topic: str,
        value: bytes,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        *,
        same_partition: bool = False,
    ) -> None:
        """Send.

        Args:
            topic: one of the agent's outputs.
            value: its bytes.
            key: chooses the partition (murmur2); None: any.
            headers: name and bytes.
            same_partition: to the partition number of the handled record. Saves the hash where the key and
                the partition count are the source's.

        Raises:
            ValueError: the topic is not among the outputs, or has no such partition.
        """


Handler = Callable[[Record, Emit], None]
"""Handles a record: writes tables, emits. Fast (microseconds), without I/O, and the same for the same record
and rows. What it raises ends the process, so bad input is no exception: it goes to a dead-letter topic."""


Prepare = Callable[[Sequence[Record]], Awaitable[None]]
"""Awaited before the handler goes through these records: looks up what it will need of them, all at once.
Nothing of the topic is handled meanwhile. It decides nothing: a rebalance may take the records away."""

PREPARE_SECONDS: Final = 90.0


def agent(
    app: App,
    topic: str,
    *,
    outputs: Sequence[str],
    handler: Handler,
    prepare: Prepare | None = None,
    prepare_seconds: float = PREPARE_SECONDS,
) -> None:
    """Have `handler` called for each record of `topic`, in order within a partition.

    Args:
        app: its owner; declare agents before the app runs.
        topic: the source; one agent each.
        outputs: all topics that the handler may emit to; checked at the start.
        handler: see `Handler`.
        prepare: see `Prepare`. What it raises ends the process.
        prepare_seconds: it takes longer than that: the process ends.
    """

    async def run(stream: Any) -> None:
        counts = await app.producer.partition_counts(outputs)
        outlet = _Outlet(app.producer.put, counts)
        ready = None if prepare is None else _in_time(prepare, prepare_seconds)
        await _Pump(app, stream.channel.queue, handler, outlet, ready).run()

    run.__name__ = run.__qualname__ = f"agent_{topic}"
    app.agent(app.topic(topic), name=run.__name__, concurrency=1)(run)


def _in_time(prepare: Prepare, seconds: float) -> Prepare:
    """Closes: the agent would wait for ever, and as reading goes on nobody would see it."""

    async def prepared(records: Sequence[Record]) -> None:
        try:
            async with asyncio.timeout(seconds) as limit:
                await prepare(records)
        except TimeoutError:
            if not limit.expired():
                raise
            die(Exit.CRASH, "preparing records took longer than %.0f s", seconds)

    return prepared


class _Outlet:
    """The `Emit` of one agent: what it sends belongs to the batch at hand."""

    __slots__ = ("_counts", "_put", "batch")

    def __init__(self, put: Callable[..., Any], counts: Mapping[str, int]) -> None:
        self._put = put
        self._counts = counts
        self.batch: Batch | None = None

    def __call__(
        self,
        topic: str,
        value: bytes,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        *,
        same_partition: bool = False,
    ) -> None:
        batch = self.batch
        if batch is None:
            raise RuntimeError("emit is for handlers, while they handle a record")
        count = self._counts.get(topic)
        partition = batch.tp.partition if same_partition else None
        if count is None or (partition is not None and partition >= count):
            raise ValueError(f"{topic}: not declared as an output, or without partition {partition}")
        sent = self._put(topic, value, key, partition, list(headers) if headers else NO_HEADERS)
        batch.outputs[sent] = None


class _Pump:
    """Runs the handler over the batches of a queue, and acknowledges them in order behind it.

    Closes: acknowledged before delivered, acknowledged although failed (606), restarted past what failed.
    """

    def __init__(
        self, app: App, queue: Any, handler: Handler, outlet: _Outlet, prepare: Prepare | None
    ) -> None:
        self._app = app
        self._queue = queue
        self._handler = handler
        self._outlet = outlet
        self._prepare = prepare
        self._handled: asyncio.Queue[Batch] = asyncio.Queue()
        self._room = asyncio.Event()
        self._flying = 0

    async def run(self) -> None:
        """Until Faust stops the agent."""
        acknowledging = asyncio.create_task(self._acknowledge())
        try:
            while True:
                await self._next()
        except (asyncio.CancelledError, StopAsyncIteration):  # how Faust ends an agent
            if not self._app.should_stop:
                die(Exit.CRASH, "an agent was stopped")
        except Exception as exc:  # noqa: BLE001  # nothing may be skipped, whatever it is
            die(Exit.HANDLER, "agent: %r", exc)
        finally:
            acknowledging.cancel()

    async def _next(self) -> None:
        batch = await self._queue.get()
        if self._prepare is not None and self._is_ours(batch):
            await self._prepare(batch.records)
        if not self._is_ours(batch):
            return  # a rebalance came between; the seek after it goes back to these records
        self._app.consumer.track_batch(batch)
        self._flying += len(batch.records)
        self._handle(batch)
        reached(Point.STREAM_HANDLED)
        self._handled.put_nowait(batch)
        await asyncio.sleep(0)
        while self._flying > WINDOW_RECORDS:
            self._room.clear()
            await self._room.wait()

    def _is_ours(self, batch: Batch) -> bool:
        active: bool = self._app.flow_control.is_active()
        return active and batch.generation == self._app.consumer_generation_id

    def _handle(self, batch: Batch) -> None:
        self._app.processing = self._outlet.batch = batch
        handler, emit = self._handler, self._outlet
        record = None
        try:
            for record in batch.records:
                handler(record, emit)
        except Exception as exc:  # noqa: BLE001  # nothing may be skipped, whatever it is
            offset = None if record is None else record.offset
            die(Exit.HANDLER, "%s partition %d offset %s: %r", *batch.tp, offset, exc)
        finally:
            self._app.processing = self._outlet.batch = None

    async def _acknowledge(self) -> None:
        try:
            while True:
                batch = await self._handled.get()
                for output in batch.outputs:
                    await self._delivered(output)
                reached(Point.STREAM_DELIVERED)
                self._app.consumer.ack_batch(batch)
                self._flying -= len(batch.records)
                self._room.set()
        except Exception as exc:  # noqa: BLE001  # without it nothing would be acknowledged any more
            die(Exit.CRASH, "acknowledging: %r", exc)

    async def _delivered(self, output: Any) -> None:
        if not output.future.done():
            await asyncio.wait((output.future,))
        if (failure := output.future.exception()) is not None:
            die(Exit.SEND, "%s partition %d: not delivered: %r", *output.tp, failure)
        self._app.tables.recovery.wrote(output.tp, output.future.result().offset, output.record_count)
