"""A first look at cost and latency, on one machine that does everything: no target, no comparison.

    python -m benchmarks.glance

Starts a stack of its own with the simulator, hands messages in over REST, and prints CPU per delivered
message of every process at 200 messages/s and flat out, and the time from POST to the provider on an idle
system. CPU is user and system time from /proc; trust it more than the clock.
"""

import argparse
import asyncio
import logging
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from statistics import quantiles

import aiohttp

from cli.local.stack import Stack

TICKS = os.sysconf("SC_CLK_TCK")
DONE_SECONDS = 120


class Bench:
    """Sends over REST and asks the simulator what has arrived."""

    def __init__(self, stack: Stack, session: aiohttp.ClientSession) -> None:
        self._run = stack.run
        self._session = session
        self._number = 0

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each process so far, and of this one."""
        pids = {**self._run.pids, "this load generator": os.getpid()}
        return {name: _cpu_seconds(pid) for name, pid in pids.items()}

    async def send(self) -> str:
        """One message over the next sender; its text."""
        self._number += 1
        text = f"glance {self._number}"
        senders = self._run.senders
        body = {
            "from_phone_number": senders[self._number % len(senders)],
            "to_phone_number": f"+1415{self._number:07d}",
            "message": text,
        }
        async with self._session.post(f"{self._run.ingress}/sms/send", json=body) as response:
            response.raise_for_status()
        return text

    async def arrived(self) -> dict[str, datetime]:
        """When each text reached the provider."""
        async with self._session.get(f"{self._run.simulator}/handsets") as response:
            texts = (await response.json())["texts"]
        return {text["text"]: datetime.fromisoformat(text["at"]) for text in texts}

    async def receipts(self) -> int:
        """Callbacks that our webhooks have acknowledged."""
        async with self._session.get(f"{self._run.simulator}/stats") as response:
            return int((await response.json())["callbacks"]["answered"])

    async def measure(self, title: str, load: Callable[[], Awaitable[int]]) -> None:
        """Run `load`, wait until all it sent has arrived with its receipts, and print what it cost."""
        before, arrived, receipts = self.cpu(), len(await self.arrived()), await self.receipts()
        began = time.monotonic()
        sent = await load()
        accepted = time.monotonic() - began
        async with asyncio.timeout(DONE_SECONDS):
            while len(await self.arrived()) < arrived + sent:
                await asyncio.sleep(0.1)
            while await self.receipts() < receipts + 2 * sent:
                await asyncio.sleep(0.1)
        wall = time.monotonic() - began
        await asyncio.sleep(1)  # the last statuses are on their way to the view
        used = {name: after - before[name] for name, after in self.cpu().items()}
        print(f"\n{title}: {sent} messages, accepted in {accepted:.1f} s, all receipts back in {wall:.1f} s")
        print(f"{'CPU ms a message':>28}")
        for name, seconds in sorted(used.items(), key=lambda item: -item[1]):
            print(f"{seconds / sent * 1000:10.3f}  {name}")
        outside = {"simulator", "this load generator"}
        ours = sum(seconds for name, seconds in used.items() if name not in outside)
        print(f"{ours / sent * 1000:10.3f}  all but simulator and load generator", flush=True)

    async def at_rate(self, per_second: float, seconds: float) -> int:
        """Send evenly."""
        many, began = int(per_second * seconds), time.monotonic()
        async with asyncio.TaskGroup() as group:
            for n in range(many):
                await asyncio.sleep(max(0.0, began + n / per_second - time.monotonic()))
                group.create_task(self.send())
        return many

    async def flat_out(self, many: int, callers: int) -> int:
        """Send as fast as the answers come."""
        left = iter(range(many))

        async def caller() -> None:
            for _ in left:
                await self.send()

        await asyncio.gather(*(caller() for _ in range(callers)))
        return many

    async def latency(self, many: int) -> None:
        """One at a time, with a pause: from before the POST until the provider has it."""
        sent: dict[str, float] = {}
        for _ in range(many):
            moment = time.time()
            sent[await self.send()] = moment
            await asyncio.sleep(0.1)
        found = await self.arrived()
        took = sorted((found[text].timestamp() - moment) * 1000 for text, moment in sent.items())
        cut = quantiles(took, n=100)
        print(f"\nidle, {many} messages: POST to provider p50 {cut[49]:.1f} ms, p99 {cut[98]:.1f} ms")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def look(stack: Stack, *, seconds: float, many: int) -> None:
    """All three looks at a started stack."""
    key = {"Authorization": f"Bearer {stack.run.api_key}"}
    async with aiohttp.ClientSession(headers=key) as session:
        bench = Bench(stack, session)
        await bench.flat_out(200, 4)  # SDKs, scripts and connections warm
        await bench.latency(200)
        await bench.measure("200 messages/s", lambda: bench.at_rate(200, seconds))
        await bench.measure("flat out", lambda: bench.flat_out(many, 64))


def main() -> None:
    """Start, look, stop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long 200 messages/s are sent")
    parser.add_argument("--messages", type=int, default=6000, help="how many are sent flat out")
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    with tempfile.TemporaryDirectory() as home, Stack(Path(home), documented_ports=False) as stack:
        asyncio.run(look(stack, seconds=options.seconds, many=options.messages))


if __name__ == "__main__":
    main()
