"""The broker is away for a while: nothing that was accepted is lost, and nobody has to lend a hand.

`HELIO_TEST_BROKER_AWAY=60` makes it a minute.
"""

import asyncio
import os
import time
import uuid
from pathlib import Path

import aiohttp
import pytest

from cli.local.stack import KAFKA
from tests.chaos.world import TENANTS, World
from tests.e2e.guarantees.rig import STEADY, Case, rig, under_load

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("jar_cache")]
AWAY_SECONDS = float(os.environ.get("HELIO_TEST_BROKER_AWAY", "6"))


async def test_a_broker_that_is_away_is_waited_out(tmp_path: Path) -> None:
    async with rig(tmp_path, own={**STEADY, "ingress": {"produce_timeout_seconds": 3}}) as running:
        keeper = running.stack.keeper(KAFKA)

        def kill() -> None:
            keeper.child.kill()
            keeper.hold_down()

        async def away(case: Case) -> None:
            # Stopped in order, it tells clients that partitions have no leader.
            for down in (keeper.hold_down, kill):
                began = time.monotonic()
                await asyncio.to_thread(down)
                for key in (None, uuid.uuid4().hex):
                    await _told_to_come_back(running.world, key)
                await asyncio.sleep(max(0.0, began + AWAY_SECONDS - time.monotonic()))  # the point of it
                keeper.let_up()
                await asyncio.to_thread(keeper.wait_ready)
                print(f"went on {await case.going_on():.1f} s after the broker was back")

        verdict = await under_load(running, away)
        assert verdict.clean, verdict.findings
        assert {name for name, _ in running.ends} == {KAFKA}, "a service needed a new start"


async def _told_to_come_back(world: World, key: str | None) -> None:
    """503 with the id of the message, so that its owner can look for it, and when to try again."""
    tenant = TENANTS["patient"]
    body = {
        "from_phone_number": tenant.senders[0],
        "to_phone_number": "+14155559999",
        "message": "into the dark",
        **({"idempotency_key": key} if key else {}),
    }
    headers = {"Authorization": f"Bearer {tenant.api_key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{world.ingress}/sms/send", json=body, headers=headers) as answer,
    ):
        said = await answer.json()
        assert answer.status == 503, said
        assert said["code"] == "broker_unavailable"
        assert said["message_id"]
        assert int(answer.headers["Retry-After"]) > 0
