"""Breaks a running stack on purpose, one thing after the other, and counts what was in flight each time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from cli.local.stack import KAFKA, REDIS, Stack
from cli.local.table import SERVICES


@dataclass
class Disorder:
    """What has been done to the stack so far."""

    stack: Stack
    #: How many messages are on their way at this moment.
    in_flight: Callable[[], int]
    say: Callable[[str], None] = print
    kills: list[tuple[str, int]] = field(default_factory=list)

    async def kill(self, name: str) -> None:
        """SIGKILL a process; return when it is ready again."""
        self._note(f"SIGKILL {name}")
        await asyncio.to_thread(self.stack.child(name).kill)
        await self._back(name)

    async def restart(self, name: str) -> None:
        """End a process in order (SIGTERM); return when it is ready again."""
        self._note(f"restart {name}")
        await asyncio.to_thread(self.stack.child(name).stop)
        await self._back(name)

    async def freeze(self, name: str, seconds: float) -> None:
        """SIGSTOP a process for longer than its session, then let it go on as if no time had passed."""
        self._note(f"SIGSTOP {name} for {seconds:g} s")
        child = self.stack.child(name)
        child.pause()
        await asyncio.sleep(seconds)  # the point of it: time passes for everyone but this process
        child.resume()

    async def rounds(self, many: int) -> None:
        """Kill each of our services in turn, `many` times over; then broker, ledger, and a stopped one."""
        for _ in range(many):
            for name in SERVICES:
                await self.kill(name)
        await self.restart(KAFKA)
        await self.restart(REDIS)
        await self.freeze("dispatchers-twilio", 1.5 * session_seconds(self.stack))
        await self.kill(KAFKA)

    async def _back(self, name: str) -> None:
        await asyncio.to_thread(self.stack.keeper(name).wait_ready, 60.0)

    def _note(self, what: str) -> None:
        flying = self.in_flight()
        self.kills.append((what, flying))
        self.say(f"  {what}: {flying} in flight")


def session_seconds(stack: Stack) -> float:
    """The consumer groups' session timeout in `stack`."""
    return float(stack.settings["kafka"]["session_timeout_seconds"])
