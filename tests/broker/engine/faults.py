"""What happens to a worker, in its own process: the moments that chance would bring too seldom."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.produce import ProduceRequest

from streams.engine.client import Client
from streams.engine.consumer import Consumer
from streams.engine.thread import ConsumerThread

log = logging.getLogger("faults")
POLL_SECONDS = 0.02


def _hold(kinds: tuple[type, ...], condition: Callable[[], bool]) -> None:
    """Requests of these kinds wait on their way to the socket while a condition holds."""
    send = Client.send

    async def held(self: Any, node_id: int, request: Any, **options: Any) -> Any:
        if isinstance(request, kinds) and condition():
            log.info("faults.held %s", type(request).__name__)
            while condition():  # noqa: ASYNC110  # another process opens the gate
                await asyncio.sleep(POLL_SECONDS)
        return await send(self, node_id, request, **options)

    setattr(Client, "send", held)  # noqa: B010  # a method is replaced on purpose


def hold_produce(gate: str) -> None:
    """No produce request leaves while the gate is shut."""
    _hold((ProduceRequest,), Path(gate).exists)


def cut_off(gate: str) -> None:
    """No heartbeat and no fetch leaves while the gate is shut."""
    _hold((HeartbeatRequest, FetchRequest), Path(gate).exists)


def log_fetches(_: str) -> None:
    """What is fetched is logged."""
    distribute = Consumer._distribute

    async def watch(self: Any, records: Any) -> None:
        log.info("faults.fetched flow=%s %s", self.flow_active, {tp: len(run) for tp, run in records.items()})
        await distribute(self, records)

    setattr(Consumer, "_distribute", watch)  # noqa: B010  # likewise


def _long_fetch() -> None:
    """A fetch begins just before the flow is stopped, and lasts until it has records."""

    async def fetch(self: Any, consumer: Any, active: Any, **options: Any) -> Any:
        records = None
        while not records and not self.should_stop:
            with consumer._fetcher._subscriptions.fetch_context():
                records = await consumer._fetcher.fetched_records(active, **options)
        return records

    setattr(ConsumerThread, "_fetch_records", fetch)  # noqa: B010  # likewise


def _seek_around_a_fetch(*, before: bool) -> None:
    """Where reading goes on during a seek, the seek lasts until a fetch has come."""
    log_fetches("")
    perform_seek, distribute = Consumer.perform_seek, Consumer._distribute
    arrived = asyncio.Event()

    async def slow_seek(self: Any) -> None:
        # From here on: the fetch may come as soon as the sources are sought, before the seek returns.
        arrived.clear()
        if before:
            await perform_seek(self)
        if self.app._fetcher.started:
            log.info("faults.seeking")
            await arrived.wait()
        if not before:
            await perform_seek(self)

    async def watch(self: Any, records: Any) -> None:
        await distribute(self, records)
        if any(not tp.topic.endswith("-changelog") for tp in records):
            arrived.set()

    setattr(Consumer, "perform_seek", slow_seek)  # noqa: B010  # likewise
    setattr(Consumer, "_distribute", watch)  # noqa: B010  # likewise


def fetch_before_seek(_: str) -> None:
    """Records come when the sources are resumed, but not sought yet."""
    _long_fetch()
    _seek_around_a_fetch(before=False)


def fetch_after_seek(_: str) -> None:
    """Records come when the sources are sought, but the flow is not resumed yet."""
    _long_fetch()
    _seek_around_a_fetch(before=True)


FAULTS: dict[str, Callable[[str], None]] = {
    function.__name__: function
    for function in (cut_off, fetch_after_seek, fetch_before_seek, hold_produce, log_fetches)
}
