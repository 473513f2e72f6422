"""How a service is told to stop, and that it does: a client may wait for a broker that is away for ever."""

import asyncio
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Final

from broker.stall import end

_LOG: Final = logging.getLogger(__name__)
#: Within what supervisors commonly wait before they kill (30 s).
STOP_SECONDS: Final = 27.0
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def when_told(stop: Callable[[], object], seconds: float = STOP_SECONDS) -> None:
    """Call `stop` at SIGTERM and SIGINT; end the process (`Exit.CRASH`) if it still runs `seconds` later.

    What is cut off then is what a kill cuts off: nothing is lost, and others settle what was in flight.
    """

    def told() -> None:
        late = threading.Timer(seconds, _end, (seconds,))
        late.daemon = True
        late.start()
        stop()

    loop = asyncio.get_running_loop()
    for sign in SIGNALS:
        loop.add_signal_handler(sign, told)


def no_longer() -> None:
    """Signals are not ours to handle any more."""
    for sign in SIGNALS:
        asyncio.get_running_loop().remove_signal_handler(sign)


async def before(stop: asyncio.Event, work: Awaitable[object]) -> bool:
    """Wait for `work`, unless `stop` is set before: then it is cancelled, and False."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait({working})
        return False
    await working
    return True


def _end(seconds: float) -> None:
    _LOG.critical("stop.late: not stopped after %.0f s: this process ends", seconds)
    end()
