"""Memory stays flat, whatever lies behind a provider that takes half a minute for each answer (P14).

What dispatchers and the mover hold has a bound, however long the backlog. The tables of `route` and `fold`,
the ledger and the simulator remember each message by design, some kilobytes at most: their growth
is told, and bounded for each message.

`HELIO_TEST_MEMORY=200000` makes the backlog longer; with `-s` it says what each process has grown by.
"""

import os
from collections.abc import Iterator, Mapping

import aiohttp
import pytest

from cli.local.kafka import QUICK_JVM
from cli.local.stack import KAFKA, Stack
from schemas import topics
from schemas.provider import Provider
from tests.e2e.caller import Api, Phones, eventually
from tests.e2e.guarantees.backlog import QUICK, hand_in, routed, rss, written

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("jar_cache")]
MANY = int(os.environ.get("HELIO_TEST_MEMORY", "6000"))
PATIENCE_SECONDS = 90 + MANY / 150
HANDSET = "+12025550163"
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


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Its dispatchers wait for slow answers, and have some hundred tasks at hand."""
    settings = {
        "topics": {"partitions": 1},
        "dispatch": {"http_timeout_seconds": ANSWER_SECONDS + 15, "window": 500},
    }
    home = tmp_path_factory.mktemp("memory")
    with Stack(home, settings=settings, documented_ports=False, jvm=QUICK_JVM) as stack:
        yield stack


async def test_memory_stays_flat_whatever_lies_behind_a_slow_provider(running: Stack) -> None:
    async with aiohttp.ClientSession() as session:
        await Api(session, running.run.ingress, running.run.api_key).known()
        phones = Phones(session, running.run.simulator)
        async with phones.fault({"provider": "twilio"}, "slow", ms=1000 * ANSWER_SECONDS):
            half = await _behind(running, 0, MANY // 2)
            whole = await _behind(running, MANY // 2, MANY)
    grown = {name: whole[name] - half[name] for name in whole}
    for name, mib in sorted(grown.items()):
        print(f"{name}: {whole[name]:.0f} MiB, {mib:+.1f} with {MANY // 2} messages more")
    assert {name: grown[name] for name in BOUNDED if grown[name] > GROWTH_MIB} == {}
    # The broker's memory is its own heap's bound and the page cache.
    rest = {name: mib for name, mib in grown.items() if name not in (*BOUNDED, KAFKA)}
    assert {name: mib for name, mib in rest.items() if mib > GROWTH_MIB + MANY / 2 * KIB_EACH / 1024} == {}


async def _behind(stack: Stack, start: int, end: int) -> Mapping[str, float]:
    """Hand in so many more; when all have been routed and read, how much memory each process has."""
    texts = [f"{n} ".ljust(TEXT, "x") for n in range(start, end)]
    await hand_in(stack, QUICK, HANDSET, texts)
    await eventually(lambda: routed(stack), lambda many: many >= end, PATIENCE_SECONDS)
    waiting = topics.WAITING.values()
    # What is at hand, and in flight, is not there.
    await eventually(lambda: written(stack, *waiting), lambda many: many >= end - 1_000, PATIENCE_SECONDS)
    return {name: rss(pid) for name, pid in stack.run.pids.items()}
