"""The scenarios: what is done to a running stack, and what is measured while it is."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from benchmarks.figures import percentile
from benchmarks.load import Load
from benchmarks.proc import fixed_work, used
from cli.local.stack import Stack

#: They stand for the outside world, and are not counted as the platform's.
OUTSIDE: Final = frozenset({"simulator", "load generator"})
ALL_OF_OURS: Final = "all but simulator and load generator"
_LAST: Final = 8


class Scenarios:
    """Each method is one measurement: figure name -> value. `cpu:` and `memory:` name processes."""

    def __init__(self, stack: Stack, load: Load) -> None:
        self._stack = stack
        self._load = load

    async def rest(self, many: int) -> dict[str, float]:
        """Flat out over REST."""
        return await self._flat_out(many, over_kafka=False)

    async def kafka(self, many: int) -> dict[str, float]:
        """A backlog of so many, handed in over Kafka at once, and drained."""
        return await self._flat_out(many, over_kafka=True)

    async def steady(self, per_second: float, seconds: float) -> dict[str, float]:
        """Evenly over REST: from before the POST until the provider has the message."""
        many, since = round(per_second * seconds), time.time()
        async with self._counted(many) as found:
            sent = await self._load.post_at_rate(per_second, many)
        arrived = await self._load.arrived(since - 1)
        took = [(arrived[text] - moment) * 1000 for text, moment in sent.items()]
        return {"p50 ms": percentile(took, 50), "p99 ms": percentile(took, 99), **found}

    async def _flat_out(self, many: int, *, over_kafka: bool) -> dict[str, float]:
        began = time.monotonic()
        async with self._counted(many) as found:
            await (self._load.produce(many) if over_kafka else self._load.post_flat_out(many))
            accepted = time.monotonic() - began
        found |= {"accepted/s": many / accepted}
        return found

    @asynccontextmanager
    async def _counted(self, many: int) -> AsyncIterator[dict[str, float]]:
        """What the block costs until all of its `many` messages are delivered and visible."""
        found = {"fixed work ms": fixed_work()}
        ends = self._load.ends
        pids = {**self._stack.run.pids, "load generator": os.getpid()}
        first, before, began = ends.count(), used(pids), time.monotonic()
        yield found
        await ends.until(first + many)
        for message_id in list(ends.delivered)[-_LAST:]:
            await self._load.visible(message_id)
        seconds = time.monotonic() - began
        after = used(pids)
        cost = {name: (after[name].cpu - before[name].cpu) * 1000 / many for name in pids}
        ours = [name for name in pids if name not in OUTSIDE]
        found |= {
            "delivered/s": many / seconds,
            "seconds": seconds,
            f"cpu:{ALL_OF_OURS}": sum(cost[name] for name in ours),
            f"memory:{ALL_OF_OURS}": sum(after[name].memory for name in ours),
            **{f"cpu:{name}": cost[name] for name in pids},
            **{f"memory:{name}": after[name].memory for name in pids},
        }
