"""A process that is told to stop ends, by itself or not."""

import asyncio
import signal
import subprocess
import sys

import pytest

from broker.stopping import before
from schemas.exits import Exit
from tests.conftest import ROOT

#: What waits for ever at its end stands for a client whose broker is away.
SERVICE = """
import asyncio
from broker.stopping import when_told

async def main():
    stop = asyncio.Event()
    when_told(stop.set, {seconds})
    print("ready", flush=True)
    await stop.wait()
    print("told", flush=True)
    await asyncio.sleep({last})

asyncio.run(main())
"""


#: Who ends by itself has all the time it needs; who hangs is waited for by the test.
@pytest.mark.parametrize(("last", "seconds", "code"), [("0", 3600, 0), ("3600", 0.5, Exit.CRASH)])
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_told_to_stop_ends(
    last: str, seconds: float, code: int, sign: signal.Signals
) -> None:
    script = SERVICE.format(seconds=seconds, last=last)
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
        run.send_signal(sign)
        assert run.wait(60) == code
        assert run.stdout.read() == "told\n"


async def test_who_is_to_stop_does_not_wait_for_what_it_would_need() -> None:
    stop, cancelled = asyncio.Event(), asyncio.Event()

    async def rebuild() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    asyncio.get_running_loop().call_soon(stop.set)
    async with asyncio.timeout(20):
        assert not await before(stop, rebuild())
    assert cancelled.is_set()


async def test_what_was_waited_for_is_done_or_failed() -> None:
    async def done() -> None:
        pass

    async def failing() -> None:
        raise ValueError("it cannot be done")

    assert await before(asyncio.Event(), done())
    with pytest.raises(ValueError, match="cannot be done"):
        await before(asyncio.Event(), failing())
