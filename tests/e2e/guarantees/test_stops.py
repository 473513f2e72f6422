"""SIGTERM under load: what is in flight finishes, nothing new is taken, nobody is left not knowing.

`HELIO_TEST_ROLLING=10` restarts everything ten times over.
"""

import asyncio
import os
import time
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
    """Every service, one after the other, again and again."""
    async with rig(tmp_path, own={**STEADY, "dispatch": PATIENT}) as running:

        async def restart_all(_: Case) -> None:
            async with faulty(running.world, {"kind": "slow", "ms": SLOW_MS, "accepted": "after"}):
                for _round in range(ROUNDS):
                    for name in SERVICES:
                        began = time.monotonic()
                        await asyncio.to_thread(running.stack.child(name).stop)
                        stopped = time.monotonic()
                        await asyncio.to_thread(running.stack.keeper(name).wait_ready)
                        print(f"{name}: stopped in {stopped - began:.1f} s", end=", ")
                        print(f"ready after {time.monotonic() - stopped:.1f} s more")

        verdict = await under_load(running, restart_all)
        assert verdict.clean, verdict.findings
        assert verdict.unknown == [], "a hand-over was cut off"
        assert running.ends == [(name, 0) for _ in range(ROUNDS) for name in SERVICES]
