"""The Kafka door's loop, apart from Kafka."""

import asyncio
from typing import Any, cast

import pytest

from ingress.intake import Intake, StalledError

NOBODY = cast("Any", None)


class Still:
    """A client that never answers."""

    async def now(self) -> int:
        await asyncio.Event().wait()
        return 0


async def test_a_loop_that_stands_still_is_told_and_not_waited_for() -> None:
    """Else the process lives on, answers its probes, and lets nothing in."""
    loop = Intake(
        NOBODY, NOBODY, NOBODY, NOBODY, room=cast("Any", Still()), binding=NOBODY, round_seconds=0.01
    )
    async with asyncio.timeout(10):
        with pytest.raises(StalledError) as told:
            await loop.run(asyncio.Event())
    assert isinstance(told.value.__cause__, TimeoutError)
