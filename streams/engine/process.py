"""A stream service as a process: start, be ready, watch, stop."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Final

import uvloop

from streams.engine.app import App
from streams.engine.exits import Exit, die, log

Hook = Callable[[], Awaitable[object]]
WATCH_SECONDS: Final = 1.0


def run(
    app: App,
    *,
    on_start: Iterable[Hook] = (),
    on_stop: Iterable[Hook] = (),
    every: Iterable[tuple[float, Callable[[], object]]] = (),
    ready: Callable[[], object] | None = None,
    ready_seconds: float = 120.0,
    stop_seconds: float = 25.0,
    stall_seconds: float = 120.0,
) -> None:
    """Run an app until SIGTERM or SIGINT; then finish what was begun, commit, leave the group and return.

    Everything else ends the process with a code of `Exit`. Logs `engine.ready` when the tables are recovered
    and records may come, `engine.stopping`, and at the end `engine.stopped`.

    Args:
        app: with its agents and tables declared.
        on_start: awaited one after the other on the app's loop before anything is consumed, for example to
            load a replica and leave a task that follows it. What one raises ends `run`.
        on_stop: awaited likewise after the app has stopped.
        every: seconds, and a synchronous function to call that often on the app's loop, between records;
            not during a rebalance. What it raises ends the process.
        ready: called once, when ready.
        ready_seconds: not ready within that time (`on_start` and recovery included): the process ends.
        stop_seconds: not stopped within that time: the process ends. Nothing unconfirmed is committed then.
        stall_seconds: reading stands still for that long, for example in a rebalance: the process ends.
    """
    _set_log_levels()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # the consumer's thread makes its loop by it, too

    async def live() -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        if await _start(app, on_start, stopping, ready_seconds):
            if ready is not None:
                ready()
            async with _repeating(app, every):
                await _watch(app, stopping, stall_seconds)
        await _stop(app, stop_seconds)
        for hook in on_stop:
            await hook()

    asyncio.run(live())


def _set_log_levels() -> None:
    """An open level lets aiokafka build a log record for every debug call: 15 % of a worker's time.

    Faust tells of each service that starts, by the name of its module; the engine itself logs as `streams`.
    """
    if not logging.getLogger().handlers:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.INFO)
    for chatty in ("faust", "mode", "streams.engine"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


async def _start(app: App, hooks: Iterable[Hook], stopping: asyncio.Event, seconds: float) -> bool:
    """Whether it is ready; False if it is to stop instead."""
    began = time.monotonic()

    async def begin() -> None:
        for hook in hooks:
            await hook()
        try:
            await app.start()
        except Exception as exc:  # noqa: BLE001  # a half-started app can only be started anew
            die(Exit.CRASH, "starting: %r", exc)

    beginning = asyncio.create_task(begin())
    told = asyncio.create_task(stopping.wait())
    await asyncio.wait((beginning, told), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if stopping.is_set():
        beginning.cancel()
        await asyncio.wait((beginning,))
        return False
    if not beginning.done():
        die(Exit.RECOVERY, "not ready after %.0f s", seconds)
    beginning.result()
    if app.crashed:
        die(Exit.CRASH, "starting: %r", app.crash_reason)
    log.info("engine.ready app=%s seconds=%.2f", app.conf.id, time.monotonic() - began)
    return True


@contextlib.asynccontextmanager
async def _repeating(app: App, calls: Iterable[tuple[float, Callable[[], object]]]) -> AsyncIterator[None]:
    async def repeat(seconds: float, function: Callable[[], object]) -> None:
        while True:
            await asyncio.sleep(seconds)
            if app.rebalancing:
                continue
            try:
                function()
            except Exception as exc:  # noqa: BLE001  # a task that ended quietly would be missed late
                die(Exit.HANDLER, "between records: %r", exc)

    tasks = [asyncio.create_task(repeat(*call)) for call in calls]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def _watch(app: App, stopping: asyncio.Event, stall_seconds: float) -> None:
    """Until it is to stop. Crashes of Faust's services show nowhere else."""
    while not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WATCH_SECONDS):
                await stopping.wait()
        if app.crashed:
            die(Exit.CRASH, "Faust crashed: %r", app.crash_reason)
        if (still := time.monotonic() - app.consumer.turned_at) > stall_seconds:
            die(Exit.CRASH, "reading has stood still for %.0f s", still)


async def _stop(app: App, seconds: float) -> None:
    log.info("engine.stopping app=%s", app.conf.id)
    if app.started:
        try:
            async with asyncio.timeout(seconds):
                await app.stop()
        except TimeoutError:
            die(Exit.CRASH, "not stopped after %.0f s", seconds)
    log.info("engine.stopped app=%s", app.conf.id)
