"""SIGTERM under load: what is in flight finishes, nothing new is taken, nobody is left not knowing.

`HELIO_TEST_ROLLING=10` restarts everything ten times over.
"""

import asyncio
import os
import time
from collections import Counter
from pathlib import Path

import pytest

from cli.local.table import SERVICES
from tests.e2e.guarantees.rig import STEADY, Case, faulty, rig, under_load

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("jar_cache")]
ROUNDS = int(os.environ.get("HELIO_TEST_ROLLING", "1"))
#: So much is in flight at each moment: a provider's answer takes this long.
SLOW_MS = 700
#: A machine that starts a process each few seconds is slow to answer.
PATIENT = {"http_timeout_seconds": 15, "connect_timeout_seconds": 5, "settle_seconds": 60}


async def test_a_rolling_restart_loses_nothing_and_leaves_nothing_unknown(tmp_path: Path) -> None:
    """Every service, two at a time, again and again."""
    async with rig(tmp_path, own={**STEADY, "dispatch": PATIENT}) as running:
        stack, at_a_time = running.stack, asyncio.Semaphore(2)

        async def restart(name: str) -> None:
            async with at_a_time:
                began = time.monotonic()
                await asyncio.to_thread(stack.child(name).stop)
                stopped = time.monotonic()
                await asyncio.to_thread(stack.keeper(name).wait_ready)
                took, more = stopped - began, time.monotonic() - stopped
                print(f"{name}: stopped in {took:.1f} s, ready after {more:.1f} s more")

        async def restart_all(_: Case) -> None:
            async with faulty(running.world, {"kind": "slow", "ms": SLOW_MS, "accepted": "after"}):
                for _round in range(ROUNDS):
                    await asyncio.gather(*map(restart, SERVICES))

        verdict = await under_load(running, restart_all)
        assert verdict.clean, verdict.findings
        assert verdict.unknown == [], "a hand-over was cut off"
        assert Counter(running.ends) == {(name, 0): ROUNDS for name in SERVICES}
