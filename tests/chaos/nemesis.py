"""Breaks a running stack on purpose, step by step, and notes what it did and what was in flight."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import redis.asyncio

from cli.local.process import StartError
from cli.local.stack import KAFKA, REDIS, Stack
from schemas.failpoints import Point
from tests.chaos.decks import DISPATCHERS
from tests.chaos.faults import (
    AtPoint,
    Fault,
    Freeze,
    Kill,
    Partition,
    Restart,
    Rule,
    Step,
    Weather,
    Wipe,
)  # fmt: skip
from tests.chaos.notes import Note
from tests.chaos.orders import At, Done, Orders, done, write
from tests.chaos.proxy import Proxies, Way

#: A share of the load that brings nothing into flight within this is no load; the fault comes all the same.
_TRAFFIC_SECONDS: Final = 10.0
#: Nobody came to a point for this long: the order is withdrawn, and the table says so.
_REACHED_SECONDS: Final = 20.0
#: What takes over waits for a claim's end, and looks again every 10 s.
_TAKEN_OVER_SECONDS: Final = 40.0
#: A process that is not back after this never will be: the run fails. Whoever comes back to a wiped ledger
#: waits until all that the run has said is read again, perhaps after the lock of a rebuild that was killed.
_BACK_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 0.02


@dataclass
class Nemesis:
    """What has been done to the stack so far.

    Args:
        stack: started; its services run through `tests.chaos.launch`.
        names: process -> service, of our services.
        file: where the services find their orders.
        proxies: their ways to their peers.
        in_flight: how many messages are on their way at this moment.
        frozen_seconds: how long a process is stopped: longer than its session.
    """

    stack: Stack
    names: dict[str, str]
    file: Path
    proxies: Proxies
    in_flight: Callable[[], int]
    frozen_seconds: float
    say: Callable[[str], None] = print
    notes: list[Note] = field(default_factory=list)
    #: Who did not come back, and the end of its log: the run has failed, and is judged all the same.
    stuck: str = ""
    _orders: dict[str, dict[str, At]] = field(default_factory=dict)
    _numbers: int = 0

    @property
    def kills(self) -> int:
        return sum(note.killed for note in self.notes)

    @property
    def kills_at_points(self) -> int:
        return sum(note.killed_at_points for note in self.notes)

    async def take(self, step: Step) -> None:
        """Do the faults of a step together; return when everything runs again and has breathed.

        Raises:
            StartError: somebody did not come back.
        """
        await self._amid_traffic()
        await asyncio.gather(*(self._do(fault) for fault in step.faults))
        await self._back([*self.names, KAFKA, REDIS])
        await asyncio.sleep(step.breathe)

    async def heal(self) -> None:
        """Nothing is in anybody's way any more."""
        self.proxies.heal()
        self._orders.clear()
        self._tell_orders()
        try:
            await self._back([*self.names, KAFKA, REDIS])
        except StartError as error:
            self.stuck = str(error)

    def _tell_orders(self) -> None:
        """Who runs keeps its ways; who starts finds them."""
        via = self.proxies.ports
        orders = {
            n: Orders(at=tuple(self._orders.get(n, {}).values()), via=via.get(n, {})) for n in self.names
        }
        write(self.file, orders)

    async def _do(self, fault: Fault) -> None:
        note = Note(fault, time.time(), self.in_flight())
        self.notes.append(note)
        began = time.monotonic()
        await self._act(fault, note)
        note.ready_after = round(time.monotonic() - began, 2)
        missed = f"; {note.missed}" if note.missed else ""
        self.say(f"  {note.kind}: {note.in_flight} in flight, ready after {note.ready_after:.1f} s{missed}")

    async def _act(self, fault: Fault, note: Note) -> None:
        match fault:
            case Kill():
                await self._kill(fault, note)
            case AtPoint():
                async with self._unwell([*fault.provoked_by]):
                    await self._at_point(fault, note)
            case Freeze(name):
                await self._freeze(name)
            case Restart(name):
                await asyncio.to_thread(self.stack.child(name).stop)
                await self._back([name])
            case Wipe():
                await self._wipe()
            case Partition(name, peer, way, seconds):
                self.proxies.turn(name, peer, way)
                await asyncio.sleep(seconds)
                self.proxies.turn(name, peer, Way.PASS)
            case Weather(rule, seconds):
                async with self._unwell([rule]):
                    await asyncio.sleep(seconds)

    async def _kill(self, fault: Kill, note: Note) -> None:
        ours = [name for name in fault.names if name in self.names and self.stack.child(name).alive]
        await asyncio.gather(*(asyncio.to_thread(self.stack.child(name).kill) for name in fault.names))
        note.killed += len(ours)
        if fault.wiped:
            await self._wipe()
        await self._back(fault.names)

    async def _at_point(self, fault: AtPoint, note: Note) -> None:
        first = DISPATCHERS.values() if fault.wiped else [fault.service]
        if fault.widowed:
            await self._order(first, At(Point.DISPATCH_CLAIMED, "kill", 1), _REACHED_SECONDS, note)
        wait = _TAKEN_OVER_SECONDS if fault.widowed else _REACHED_SECONDS
        ordered = self._order(first, At(fault.point, fault.do, fault.nth), wait, note)
        await asyncio.gather(ordered, *([self._wipe()] if fault.wiped else []))

    async def _order(self, services: Iterable[str], order: At, wait: float, note: Note) -> None:
        """Have the first that comes to a point killed or stopped, and go on when it is ready again."""
        self._numbers += 1
        named = At(order.point, order.do, order.nth, str(self._numbers))
        theirs = [name for name, service in self.names.items() if service in set(services)]
        for name in theirs:
            self._orders.setdefault(name, {})[str(self._numbers)] = named
        self._tell_orders()
        found = await self._until_done(named, wait)
        for name in theirs:
            self._orders[name].pop(str(named.id), None)
        self._tell_orders()
        # It may have been done while it was being withdrawn.
        if (found := found or done(self.file, str(named.id))) is None:
            note.missed = f"nobody came to {order.point}"
            return
        note.in_flight = max(note.in_flight, self.in_flight())
        await self._after(found, order, note)

    async def _until_done(self, order: At, wait: float) -> Done | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                while (found := done(self.file, str(order.id))) is None:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(_POLL_SECONDS)
                return found
        return None

    async def _after(self, found: Done, order: At, note: Note) -> None:
        child = self.stack.child(found.name)
        if order.do == "kill":
            await self._dead(found)
            note.killed += 1
            note.killed_at_points += 1
        else:
            await asyncio.sleep(self.frozen_seconds)  # the point of it: time passes for everyone else
            child.resume()
        await self._back([found.name])

    async def _dead(self, found: Done) -> None:
        """Wait until who has killed itself is known to be dead: its restart has not begun before."""
        try:
            async with asyncio.timeout(_BACK_SECONDS):
                while self.stack.child(found.name).pid == found.pid:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            message = (
                f"{found.name} ({found.pid}) has killed itself and is still there after {_BACK_SECONDS:g} s"
            )
            raise TimeoutError(message) from None

    async def _freeze(self, name: str) -> None:
        child = self.stack.child(name)
        child.pause()
        await asyncio.sleep(self.frozen_seconds)  # the point of it: time passes for everyone else
        child.resume()
        await self._back([name])

    async def _wipe(self) -> None:
        ends = time.monotonic() + _BACK_SECONDS
        async with redis.asyncio.from_url(self.stack.run.redis) as client:
            while True:
                try:
                    await client.flushall()
                except (redis.exceptions.RedisError, OSError):  # it may be dead at this moment
                    if time.monotonic() > ends:
                        raise
                    await asyncio.sleep(_POLL_SECONDS)
                else:
                    return

    async def _back(self, names: Iterable[str]) -> None:
        waits = (asyncio.to_thread(self.stack.keeper(name).wait_ready, _BACK_SECONDS) for name in names)
        await asyncio.gather(*waits)

    async def _amid_traffic(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_TRAFFIC_SECONDS):
                while not self.in_flight():  # noqa: ASYNC110 - counted by others
                    await asyncio.sleep(_POLL_SECONDS)

    def _simulator(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(self.stack.run.simulator)

    @asynccontextmanager
    async def _unwell(self, rules: Sequence[Rule]) -> AsyncIterator[None]:
        """Within the block the rules hold."""
        async with self._simulator() as session:
            ids = [await self._add(session, rule) for rule in rules]
            yield
            for number in ids:
                # 404: whoever began to send meanwhile has set the rules anew.
                async with session.delete(f"/faults/{number}"):
                    pass

    async def _add(self, session: aiohttp.ClientSession, rule: Rule) -> int:
        async with session.post("/faults", json=rule.written()) as response:
            response.raise_for_status()
            number: int = (await response.json())["id"]
            return number
