"""A tenant's backlog behind one slow number delays nobody else, also after a restart (P11).

All tasks lie in one partition, so that what is behind the backlog in the log is behind it for every reader.
`HELIO_TEST_FAIRNESS=100000` makes the backlog longer; with `-s` it says how long others took meanwhile.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from operator import eq

import aiohttp
import pytest

from cli.local.kafka import QUICK_JVM
from cli.local.stack import Stack
from schemas import topics
from tests.e2e.caller import Api, Phones, accepted, eventually
from tests.e2e.guarantees.backlog import SLOW, hand_in, routed, written

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("jar_cache")]
MANY = int(os.environ.get("HELIO_TEST_FAIRNESS", "5000"))
#: For all of the backlog to be read and put away; it says nothing of what others notice of that.
PATIENCE_SECONDS = 60 + MANY / 200
BACKLOG, OTHERS = "+12025550161", "+12025550162"
TWILIO = "dispatchers-twilio"


@dataclass
class Tenants:
    """One that has queued far too much, and another."""

    stack: Stack
    api: Api
    phones: Phones

    async def others(self, word: str, many: int = 10) -> float:
        """Ten messages of another tenant, one after the other; the seconds that the slowest of them took."""
        slowest = 0.0
        for n in range(many):
            began = time.monotonic()
            text = f"{word} {n}"
            accepted(await self.api.send(self.stack.run.senders[0], OTHERS, text))
            await eventually(self._others_last, partial(eq, text))
            slowest = max(slowest, time.monotonic() - began)
        return slowest

    async def _others_last(self) -> str | None:
        found = await self.phones.texts(OTHERS)
        return found[-1]["text"] if found else None

    async def arrived(self) -> list[str]:
        """What arrived of the backlog."""
        return [text["text"] for text in await self.phones.texts(BACKLOG)]

    async def waiting(self) -> int:
        """How many records were written to waiting topics."""
        return await written(self.stack, *topics.WAITING.values())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Its topics have one partition each."""
    home = tmp_path_factory.mktemp("fairness")
    with Stack(home, settings={"topics": {"partitions": 1}}, documented_ports=False, jvm=QUICK_JVM) as stack:
        yield stack


@pytest.fixture
async def tenants(running: Stack) -> AsyncIterator[Tenants]:
    async with aiohttp.ClientSession() as session:
        api = Api(session, running.run.ingress, running.run.api_key)
        await api.known()
        yield Tenants(running, api, Phones(session, running.run.simulator))


async def test_a_backlog_behind_a_slow_number_delays_nobody_else(tenants: Tenants) -> None:
    stack = tenants.stack
    idle = await tenants.others("idle")
    before = await routed(stack)
    handing_in = asyncio.create_task(hand_in(stack, SLOW, BACKLOG, [f"backlog {n}" for n in range(MANY)]))
    flowing = await tenants.others("while it comes")
    await handing_in
    # Whoever is handed in from now on lies behind all of it.
    await eventually(lambda: routed(stack), lambda many: many >= before + MANY, PATIENCE_SECONDS)
    behind = await tenants.others("behind it")
    # All but what is at hand of it waits for its turn; and the number is at work.
    await eventually(tenants.waiting, lambda many: many >= MANY - 200, PATIENCE_SECONDS)
    away = await tenants.others("while it waits")
    arrived = await tenants.arrived()
    print(
        f"{MANY} behind 1/s; the slowest of ten of another tenant: {idle:.2f} s before, {flowing:.2f} s "
        f"while they came, {behind:.2f} s behind them, {away:.2f} s while they waited"
    )
    # A build that stops reading behind a slow number lets others pass only when the backlog is through.
    assert len(arrived) < MANY / 2
    assert len(set(arrived)) == len(arrived) > 0


async def test_after_a_restart_both_go_on_at_once(tenants: Tenants) -> None:
    stack, before = tenants.stack, await tenants.arrived()
    began = time.monotonic()
    stack.child(TWILIO).kill()
    slowest = await tenants.others("after the restart", 1)
    found = await eventually(tenants.arrived, lambda found: len(found) > len(before), PATIENCE_SECONDS)
    print(
        f"killed and restarted: another tenant's message came after {slowest:.1f} s, the slow number's next "
        f"after {time.monotonic() - began:.1f} s"
    )
    assert len(set(found)) == len(found) < MANY / 2
    # From waiting they come back in time: the number does not stand still.
    more = len(found) + 15
    found = await eventually(tenants.arrived, lambda found: len(found) >= more, PATIENCE_SECONDS)
    assert len(set(found)) == len(found)
