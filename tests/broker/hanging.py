"""A service whose Kafka client hangs for as long as a file is there.

`hanging.py FILE with|without MODULE ARGS...`: with the stall guard, or without. aiokafka hangs so by itself
once in many runs.
"""

import asyncio
import runpy
import sys
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer

from broker import stall

_getmany = AIOKafkaConsumer.getmany


def main(file: str, guard: str, module: str, *arguments: str) -> None:
    trigger = Path(file)

    async def getmany(self: Any, *partitions: Any, **options: Any) -> Any:
        while self._group_id is not None and trigger.exists():  # noqa: ASYNC110, ASYNC240  another process
            await asyncio.sleep(0.1)
        return await _getmany(self, *partitions, **options)

    async def for_ever(*_: object) -> None:
        await asyncio.Event().wait()

    AIOKafkaConsumer.getmany = getmany
    if guard == "without":
        stall.watch = for_ever  # type: ignore[assignment]  # the broken variant
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
