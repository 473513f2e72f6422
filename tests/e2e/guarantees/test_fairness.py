"""A tenant's backlog delays nobody else, also after a restart (P11), and costs no memory (P14).

All tasks lie in one partition, so that what is behind the backlog in the log is behind it for every reader.
`HELIO_TEST_FAIRNESS=100000` makes the backlog longer; with `-s` it says how long others took meanwhile.

What dispatchers and the mover hold has a bound, whatever lies behind a provider that takes half a minute for
each answer. The tables of `route` and `fold`, the ledger and the simulator remember each message by design,
some kilobytes at most: their growth is told, and bounded for each message. `HELIO_TEST_MEMORY=200000` makes
that backlog longer; with `-s` it says what each process has grown by.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from operator import eq

import aiohttp
import pytest

from cli.local.kafka import QUICK_JVM
from cli.local.stack import KAFKA, Stack
from schemas import topics
from schemas.lanes import Lane
from schemas.provider import Provider
from tests.e2e.caller import Api, Phones, accepted, eventually
from tests.e2e.guarantees.backlog import QUICK, SLOW, hand_in, routed, rss, written

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.usefixtures("jar_cache")]
MANY = int(os.environ.get("HELIO_TEST_FAIRNESS", "5000"))
#: For all of the backlog to be read and put away; it says nothing of what others notice of that.
PATIENCE_SECONDS = 60 + MANY / 200
BACKLOG, OTHERS = "+12025550161", "+12025550162"
TWILIO = "dispatchers-twilio"

HEAVY = int(os.environ.get("HELIO_TEST_MEMORY", "4000"))
HEAVY_PATIENCE_SECONDS = 90 + HEAVY / 150
HEAVY_HANDSET = "+12025550163"
ANSWER_SECONDS = 30
#: Of so many characters each: what is held shows.
TEXT = 1500
#: These hold a bounded part of the backlog, and grow by less than this from its first half to its whole.
BOUNDED = (
    *(f"dispatchers-{provider}" for provider in Provider),
    *("streams-waiting", "streams-views", "ingress-api", "ingress-intake", "webhooks"),
)
GROWTH_MIB = 12.0
#: What a message may cost those that remember it, all copies of its text included.
KIB_EACH = 32


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

    async def dispatched(self) -> int:
        """How many tasks were ever put before the dispatchers of the backlog's provider."""
        return await written(self.stack, *(topics.dispatch(Provider.TWILIO, lane) for lane in Lane))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Its topics have one partition each; dispatchers wait for slow answers, with some hundred at hand."""
    settings = {
        "topics": {"partitions": 1},
        "kafka": {"session_timeout_seconds": 6},
        "dispatch": {
            "http_timeout_seconds": ANSWER_SECONDS + 15,
            "drain_seconds": ANSWER_SECONDS + 20,
            "window": 500,
        },
    }
    home = tmp_path_factory.mktemp("fairness")
    with Stack(home, settings=settings, documented_ports=False, jvm=QUICK_JVM) as stack:
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
    before, dispatched = await routed(stack), await tenants.dispatched()
    handing_in = asyncio.create_task(hand_in(stack, SLOW, BACKLOG, [f"backlog {n}" for n in range(MANY)]))
    flowing = await tenants.others("while it comes")
    await handing_in
    # Whoever is handed in from now on lies behind all of it.
    await eventually(lambda: routed(stack), lambda many: many >= before + MANY, PATIENCE_SECONDS)
    # Most of it was put to wait without passing a dispatcher: those who hand over read little of it.
    assert await tenants.dispatched() - dispatched < MANY / 2
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


# -- memory


async def test_memory_stays_flat_whatever_lies_behind_a_slow_provider(tenants: Tenants) -> None:
    """The last here: what lies behind the slow number stays where it is meanwhile."""
    stack = tenants.stack
    async with tenants.phones.fault({"provider": "twilio"}, "slow", ms=1000 * ANSWER_SECONDS):
        before = await routed(stack), await tenants.waiting()
        half = await _behind(tenants, before, 0, HEAVY // 2)
        whole = await _behind(tenants, before, HEAVY // 2, HEAVY)
    grown = {name: whole[name] - half[name] for name in whole}
    for name, mib in sorted(grown.items()):
        print(f"{name}: {whole[name]:.0f} MiB, {mib:+.1f} with {HEAVY // 2} messages more")
    assert {name: grown[name] for name in BOUNDED if grown[name] > GROWTH_MIB} == {}
    # The broker's memory is its own heap's bound and the page cache.
    rest = {name: mib for name, mib in grown.items() if name not in (*BOUNDED, KAFKA)}
    assert {name: mib for name, mib in rest.items() if mib > GROWTH_MIB + HEAVY / 2 * KIB_EACH / 1024} == {}


async def _behind(tenants: Tenants, before: tuple[int, int], start: int, end: int) -> Mapping[str, float]:
    """Hand in so many more; when all have been routed and read, how much memory each process has.

    What comes back of the other backlog, one a second, is counted as well: it is a small part of these.
    """
    stack, (lay, waited) = tenants.stack, before
    texts = [f"{n} ".ljust(TEXT, "x") for n in range(start, end)]
    await hand_in(stack, QUICK, HEAVY_HANDSET, texts)
    await eventually(lambda: routed(stack), lambda many: many >= lay + end, HEAVY_PATIENCE_SECONDS)
    # What is at hand, and in flight, is not there.
    put_away = waited + end - 1_000
    await eventually(tenants.waiting, lambda many: many >= put_away, HEAVY_PATIENCE_SECONDS)
    return {name: rss(pid) for name, pid in stack.run.pids.items()}
