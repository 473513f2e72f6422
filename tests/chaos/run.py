"""One chaos run: a stack, a load, a nemesis, and, when all has healed and settled, the verdict."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.local.kafka import QUICK_JVM
from cli.local.ports import choose
from cli.local.process import StartError
from cli.local.stack import DOCUMENTED_PORTS, KAFKA, REDIS, Stack
from cli.local.table import SIMULATOR
from tests.chaos import orders
from tests.chaos.checker import Verdict, check
from tests.chaos.decks import steps
from tests.chaos.diary import Diary
from tests.chaos.gather import Subscriber, answers, dead, texts
from tests.chaos.load import load
from tests.chaos.logs import Logs, Told
from tests.chaos.nemesis import Nemesis
from tests.chaos.orders import Peer
from tests.chaos.plan import Plan, plan
from tests.chaos.proxy import Proxies
from tests.chaos.settling import Open, settle
from tests.chaos.world import SESSION_SECONDS, World, enter, settings, simulator

#: So many processes of a service, so that others take over from who is killed or stopped.
COPIES: Final = {"dispatchers-twilio": 2, "dispatchers-telnyx": 2}
FROZEN_SECONDS: Final = 1.5 * SESSION_SECONDS
#: Providers are asked about an unknown send 20 s after it, and not any more two hand-overs before its policy
#: acts: so under all policies there is time to ask.
SETTLE_SECONDS: Final = 35.0
#: A run until so many kills may take this long for each.
SECONDS_A_KILL: Final = 20.0


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to run. The same `seed`: the same messages, and the same faults in the same order."""

    seed: int
    #: How long the load lasts, unless `kills`; up to twice as long while nothing has been killed at a point.
    seconds: float
    #: New messages a second.
    rate: float = 20.0
    #: Go on until so many processes of ours were killed, a third of them at points.
    kills: int | None = None

    @property
    def longest(self) -> float:
        """The load's length at the most."""
        return 2 * self.seconds if self.kills is None else self.kills * SECONDS_A_KILL

    def enough(self, nemesis: Nemesis, lasted: float) -> bool:
        """Whether what was wanted of the nemesis has been done after so many seconds of load."""
        if self.kills is None:
            return lasted >= self.seconds and nemesis.kills_at_points > 0
        return nemesis.kills >= self.kills and nemesis.kills_at_points * 3 >= self.kills


@dataclass
class Outcome:
    """What came of it."""

    plan: Plan
    logs: Logs
    verdict: Verdict
    nemesis: Nemesis
    #: How processes ended: by name and exit code; negative for a signal.
    ends: Counter[tuple[str, int]]
    #: Whether all that was taken came to rest in time.
    settled: bool
    #: Processes of ours that ended with a traceback, which only a broker that is away excuses.
    faults: Counter[str]

    @property
    def clean(self) -> bool:
        """No promise was broken."""
        return self.settled and self.verdict.clean and not self.faults and not self.nemesis.stuck


async def run(wanted: Wanted, folder: Path, say: Callable[[str], None] = print) -> Outcome:
    """Do it; everything that speaks for or against it is in `folder` afterwards."""
    folder.mkdir(parents=True)  # noqa: ASYNC240 - nothing runs yet
    diary = Diary(folder / "processes.log")
    made = plan(wanted.seed, wanted.longest, wanted.rate)
    told: list[Told] = []
    async with _stack(folder, diary) as (stack, nemesis_of), _following(stack) as subscriber:
        world = await enter(stack.run)
        open_ = Open(made, told, subscriber)
        nemesis = nemesis_of(lambda: len(open_.states()), say)
        say(f"seed {wanted.seed}: up to {len(made.messages)} messages in up to {wanted.longest:.0f} s")
        try:
            begun = await _beside(wanted, made, world, told, nemesis)
        finally:
            lines = (json.dumps(note.written()) + "\n" for note in nemesis.notes)
            (folder / "faults.jsonl").write_text("".join(lines))
        say("healing")
        await nemesis.heal()
        settled = await settle(open_, say)
        logs = await _collect(world, told, subscriber)
        ends, faults = diary.ends.copy(), diary.faults.copy()
    logs.write(folder)
    done = made.until(begun)
    return Outcome(done, logs, check(done, logs), nemesis, ends, settled, faults)


async def _beside(wanted: Wanted, made: Plan, world: World, told: list[Told], nemesis: Nemesis) -> int:
    """The load, with the nemesis beside it; how much of the plan was done."""
    enough = asyncio.Event()
    loading = asyncio.create_task(load(made, world, told, until=enough))
    began = time.monotonic()
    try:
        for step in steps(wanted.seed, list(nemesis.names)):
            lasted = time.monotonic() - began
            if lasted > wanted.longest or wanted.enough(nemesis, lasted):
                break
            await nemesis.take(step)
    except StartError as error:
        nemesis.stuck = str(error)
    finally:
        enough.set()
        nemesis.proxies.heal()
        begun = await loading
    return begun


async def _collect(world: World, told: Sequence[Told], subscriber: Subscriber) -> Logs:
    got, unreadable = await texts(world), await dead(world)
    said = await answers(world, list(subscriber.stories.values()))
    # Nothing is awaited in between: both logs speak of the same moment.
    return Logs(told=list(told), texts=got, status=list(subscriber.log), api=said, dead=unreadable)


@asynccontextmanager
async def _following(stack: Stack) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(stack.run.kafka)
    task = asyncio.create_task(subscriber.follow())
    try:
        yield subscriber
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


NemesisOf = Callable[[Callable[[], int], Callable[[str], None]], Nemesis]


@asynccontextmanager
async def _stack(folder: Path, diary: Diary) -> AsyncIterator[tuple[Stack, NemesisOf]]:
    """A started stack of which every service can be told what to do, and goes through proxies."""
    home, file = folder / "stack", folder / "orders.json"
    home.mkdir()
    ports = _ports(home)
    names = orders.names(COPIES)
    async with Proxies({name: _peers(name, ports) for name in names}) as proxies:
        orders.write(file, {name: orders.Orders(via=proxies.ports[name]) for name in names})
        stack = Stack(
            home,
            settings=settings(SETTLE_SECONDS),
            argv={**orders.argv(COPIES), SIMULATOR: simulator(home)},
            env=orders.env(file, COPIES),
            copies=COPIES,
            jvm=QUICK_JVM,
            documented_ports=False,
            say=diary.say,
        )
        await asyncio.to_thread(stack.start)
        try:
            if not stack.run.kafka.endswith(f":{ports[KAFKA]}"):
                raise RuntimeError("another program took the broker's port: the proxies lead nowhere")
            yield stack, lambda flying, say: Nemesis(stack, names, file, proxies, flying, FROZEN_SECONDS, say)
        finally:
            await asyncio.to_thread(stack.stop)


def _ports(home: Path) -> dict[str, int]:
    """Chosen before the stack starts, which takes those of its last run: the proxies must know them."""
    ports: dict[str, int] = {}
    for name in DOCUMENTED_PORTS:
        ports[name] = choose(taken=ports.values())
    (home / "ports.json").write_text(json.dumps(ports))
    return ports


def _peers(name: str, ports: dict[str, int]) -> dict[Peer, int]:
    peers: dict[Peer, int] = {"kafka": ports[KAFKA], "redis": ports[REDIS]}
    if name.startswith("dispatchers-"):
        peers["provider"] = ports[SIMULATOR]
    return peers
