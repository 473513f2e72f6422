"""Measures the whole platform on this machine: throughput, cost, latency, backlog.

Starts a stack of its own with the simulator for providers, and ends it. What the figures mean and how far to
trust them: docs/performance.md.
"""

import argparse
import asyncio
import json
import logging
import os
import platform
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.figures import Figure, as_json, figure, figures
from benchmarks.load import Load, load
from benchmarks.report import report
from benchmarks.scenarios import Scenarios
from cli.local.stack import Stack

#: Scripts, connections and the broker's compiler are warm after so many.
_WARM = 1_000


@dataclass(frozen=True)
class Plan:
    """How much is done."""

    runs: int
    messages: int
    """Of one flat-out run."""
    seconds: float
    """Of one run at a steady rate."""
    backlogs: Sequence[int]
    """Handed in over Kafka at once, and drained."""


QUICK = Plan(runs=2, messages=400, seconds=3, backlogs=(400,))
WHOLE = Plan(runs=3, messages=4_000, seconds=15, backlogs=(1_000, 10_000))


async def measure(stack: Stack, plan: Plan, found: dict[str, dict[str, Figure]]) -> None:
    """Each scenario of the plan at a started stack, into `found`: title -> figures.

    Raises:
        BenchmarkError: a message was not delivered; `found` has the scenarios before.
    """
    async with load(stack.run) as generator:
        await warm(generator)
        do = Scenarios(stack, generator)
        found["REST, flat out"] = await repeated(plan.runs, partial(do.rest, plan.messages))
        for rate in (20, 100):
            found[f"REST, {rate}/s"] = await repeated(plan.runs, partial(do.steady, rate, plan.seconds))
        for many in plan.backlogs:
            runs = plan.runs if many <= plan.messages else 1
            found[f"Kafka, {many} at once"] = await repeated(runs, partial(do.kafka, many))


async def warm(generator: Load) -> None:
    """A first lot, of which nothing is measured."""
    began = generator.ends.count()
    await generator.post_flat_out(_WARM)
    await generator.ends.until(began + _WARM)


async def repeated(runs: int, scenario: Callable[[], Awaitable[Mapping[str, float]]]) -> dict[str, Figure]:
    """The same, several times."""
    return figures([await scenario() for _ in range(runs)])


def started(home: Path, run: int) -> tuple[Stack, float]:
    """A stack with a home of its own, and the seconds until it was ready."""
    stack, began = Stack(home / str(run), documented_ports=False), time.monotonic()
    stack.start()
    return stack, time.monotonic() - began


def machine() -> dict[str, str]:
    """What it ran on, and when."""
    model = [
        s.partition(":")[2].strip()
        for s in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in s
    ]
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "processors": f"{os.cpu_count()} x {model[0] if model else platform.machine()}",
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def main() -> None:
    """Start, measure, stop, write and print."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="so little that it only shows that all works")
    parser.add_argument("--json", type=Path, default=Path(".helio/benchmark.json"), help="the results' file")
    options = parser.parse_args()
    plan = QUICK if options.quick else WHOLE
    # A broker that has just started does not lead its partitions at once; what matters raises, or stalls.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    about = machine()
    with tempfile.TemporaryDirectory() as home:
        starts = []
        for run in range(plan.runs):
            stack, seconds = started(Path(home), run)
            starts.append(seconds)
            if run < plan.runs - 1:
                stack.stop()
        found = {"start of everything": {"start s": figure(starts)}}
        try:
            asyncio.run(measure(stack, plan, found))
        finally:
            stack.stop()
            write(options.json, about, found)
    print(report(about, found))


def write(path: Path, about: Mapping[str, str], found: Mapping[str, Mapping[str, Figure]]) -> None:
    """The results as JSON; also those of a run that failed, as far as it came."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"machine": about, "figures": {title: as_json(many) for title, many in found.items()}}
    path.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
