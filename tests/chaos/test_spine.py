"""The exactly-once run, in peace and while things die; and that it notices when a promise is taken out."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cli.local.kafka import QUICK_JVM
from cli.local.stack import Stack
from cli.local.table import SERVICES
from tests.chaos.broken import VARIANTS
from tests.chaos.disorder import DISPATCHERS
from tests.chaos.spine import SETTINGS, Run, run

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("jar_cache")]
ROUTE = ["streams-route"]


@asynccontextmanager
async def stack(
    home: Path, variant: str | None = None, services: list[str] | None = None
) -> AsyncIterator[Stack]:
    """A running stack; `services` run as a broken variant."""
    argv = {
        name: (sys.executable, "-m", "tests.chaos.broken", str(variant), *SERVICES[name])
        for name in services or ()
    }
    made = Stack(home, settings=SETTINGS, argv=argv, jvm=QUICK_JVM, documented_ports=False)
    await asyncio.to_thread(made.start)
    try:
        yield made
    finally:
        await asyncio.to_thread(made.stop)


async def test_every_message_arrives_once_and_is_told_truthfully(tmp_path: Path) -> None:
    async with stack(tmp_path) as started:
        verdict = await run(started, Run(messages=3000, per_second=75))
    assert verdict.problems == []
    assert verdict.delivered == 3000


async def test_also_while_everything_dies(tmp_path: Path) -> None:
    async with stack(tmp_path) as started:
        verdict = await run(started, Run(messages=3000, rounds=3))
    assert verdict.problems == []
    assert (verdict.lost, verdict.doubled) == (0, 0)
    assert len(verdict.kills) == 3 * len(SERVICES) + 4
    assert all(flying for _, flying in verdict.kills)


async def test_also_when_dispatchers_die_amid_calls_and_the_ledger_is_wiped(tmp_path: Path) -> None:
    async with stack(tmp_path) as started:
        verdict = await run(started, Run(messages=120, interrupted=True, per_second=100))
    assert verdict.problems == []


@pytest.mark.parametrize("variant", VARIANTS)
async def test_the_run_notices_a_promise_that_is_taken_out(tmp_path: Path, variant: str) -> None:
    services = ROUTE if variant == "dedupe-off" else DISPATCHERS
    async with stack(tmp_path, variant, services) as started:
        wanted = Run(messages=120, interrupted=variant != "dedupe-off", per_second=100)
        verdict = await run(started, wanted)
    if variant == "dedupe-off":
        assert any("more than one record" in problem for problem in verdict.problems)
    else:
        assert verdict.doubled > 0
