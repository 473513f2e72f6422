"""The ledger's server loses everything, or its last second: hand-overs hold until it is rebuilt, and go on.

Each time all dispatchers are killed amid their calls as well. What they had handed over is then known to
Kafka alone, as an intent.
"""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import redis.asyncio

from cli.local.ports import HOST, choose
from cli.local.stack import REDIS
from cli.local.table import SERVICES
from tests.chaos.checker import Verdict
from tests.chaos.gather import texts
from tests.chaos.world import TENANTS
from tests.conftest import ROOT
from tests.e2e.guarantees.replica import Turnout, promote, replica
from tests.e2e.guarantees.rig import Case, Rig, faulty, rig, under_load

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("jar_cache")]
DISPATCHERS = [name for name in SERVICES if name.startswith("dispatchers-")]
#: How long a provider's answer takes while dispatchers are killed; less than what they wait for it.
SLOW_MS = 2_000
#: Its receipt comes when the ledger has been rebuilt: until then it is unknown, and told so.
RECEIPT_MS = 20_000
#: So many texts are on handsets, and nobody has been told of it.
AMID = 5


async def test_losing_the_ledger_loses_no_message_and_sends_none_twice(tmp_path: Path) -> None:
    naive = tmp_path / "naive"
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(_ledger(tmp_path))
        running = await stack.enter_async_context(
            rig(
                tmp_path / "stack",
                own={"redis": {"url": f"redis://{HOST}:{ledger.port}/0"}},
                argv={name: _maybe_naive(naive, name) for name in DISPATCHERS},
            )
        )
        verdict = await _lost(running, ledger, wiped, from_an_old_file, failed_over, receipt_ms=RECEIPT_MS)
        assert verdict.clean, verdict.findings
        assert verdict.unknown, "nothing was in flight: this shows nothing"
        naive.touch()
        verdict = await _lost(running, ledger, wiped, receipt_ms=0)
        assert verdict.doubled, "without the epoch, what was in flight is sent again"


@dataclass
class Ledger:
    """The way to the ledger's server: services know its own port alone."""

    folder: Path
    port: int
    #: Where the stack's server listens.
    server: int
    way: Turnout
    stack: AsyncExitStack


@asynccontextmanager
async def _ledger(folder: Path) -> AsyncIterator[Ledger]:
    port = choose()
    server = choose(taken=[port])
    home = folder / "stack"
    home.mkdir()
    (home / "ports.json").write_text(json.dumps({REDIS: server}))
    way = Turnout(server)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(way.listening(port))
        yield Ledger(folder, port, server, way, stack)


def _maybe_naive(file: Path, name: str) -> tuple[str, ...]:
    return (sys.executable, str(ROOT / "tests/e2e/guarantees/naive.py"), str(file), *SERVICES[name])


# -- ways to lose it. Each is given the moment: what runs before it is awaited, and then the loss itself.

Moment = Callable[[], Awaitable[None]]
Loss = Callable[[Case, Ledger, Moment], Awaitable[None]]


async def wiped(case: Case, ledger: Ledger, moment: Moment) -> None:
    """FLUSHALL."""
    del case
    await moment()
    async with redis.asyncio.from_url(f"redis://{HOST}:{ledger.port}/0") as client:
        await client.flushall()


async def from_an_old_file(case: Case, ledger: Ledger, moment: Moment) -> None:
    """Started again with what its files were some messages ago."""
    keeper = case.rig.stack.keeper(REDIS)
    files, copy = case.rig.stack.home / REDIS, ledger.folder / "copy"
    await asyncio.to_thread(shutil.copytree, files, copy)
    await case.moving()
    await moment()
    await asyncio.to_thread(keeper.hold_down)
    shutil.rmtree(files)
    copy.rename(files)
    keeper.let_up()
    await asyncio.to_thread(keeper.wait_ready)


async def failed_over(case: Case, ledger: Ledger, moment: Moment) -> None:
    """A replica takes over that was cut off some messages ago."""
    link, link_port = Turnout(ledger.server), choose()
    await ledger.stack.enter_async_context(link.listening(link_port))
    server, port = await ledger.stack.enter_async_context(replica(ledger.folder / "replica", link_port))
    await case.moving()
    link.turn(choose())  # where nobody listens
    await case.moving()
    await moment()
    keeper = case.rig.stack.keeper(REDIS)
    await asyncio.to_thread(keeper.child.kill)
    await asyncio.to_thread(keeper.hold_down)
    await promote(server)
    ledger.way.turn(port)


async def _lost(running: Rig, ledger: Ledger, *ways: Loss, receipt_ms: int) -> Verdict:
    """In each of these ways lose it amid calls, kill those who made the calls, go on."""
    dispatchers, slow = [running.stack.keeper(name) for name in DISPATCHERS], AsyncExitStack()

    async def moment() -> None:
        await slow.enter_async_context(_slow_providers(running, receipt_ms))
        known = len(await texts(running.world))
        while len(await texts(running.world)) < known + AMID:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.02)
        for keeper in dispatchers:
            keeper.child.pause()

    async def lost(case: Case, lose: Loss) -> None:
        await lose(case, ledger, moment)
        began = time.monotonic()
        # Nobody rebuilds it yet.
        await _holds(running)
        for keeper in dispatchers:
            await asyncio.to_thread(keeper.child.kill)
        await slow.aclose()
        await case.going_on()
        print(f"{lose.__name__}: went on {time.monotonic() - began:.1f} s after it was back")
        await case.moving()

    async def act(case: Case) -> None:
        for lose in ways:
            await lost(case, lose)

    return await under_load(running, act)


async def _holds(running: Rig) -> None:
    """What does not need the ledger goes on; a cancel, which it decides, is told to come back."""
    tenant = TENANTS["patient"]
    body = {
        "from_phone_number": tenant.senders[0],
        "to_phone_number": "+14155559999",
        "message": "accepted after the loss",
    }
    headers = {"Authorization": f"Bearer {tenant.api_key}"}
    async with aiohttp.ClientSession(running.world.ingress, headers=headers) as session:
        async with session.post("/sms/send", json=body) as answer:
            assert answer.status == 200, await answer.text()
            message_id = (await answer.json())["message_id"]
        async with session.delete(f"/sms/{message_id}") as answer:
            assert answer.status == 503, await answer.text()
            assert (await answer.json())["code"] == "ledger_unavailable"
            assert int(answer.headers["Retry-After"]) > 0


@asynccontextmanager
async def _slow_providers(running: Rig, receipt_ms: int) -> AsyncIterator[None]:
    """A text is on its handset long before the provider says so, or its receipt."""
    async with AsyncExitStack() as stack:
        for fault in (
            {"kind": "slow", "ms": SLOW_MS, "accepted": "before"},
            {"kind": "receipts", "delay_ms": receipt_ms},
        ):
            await stack.enter_async_context(faulty(running.world, fault))
        yield
