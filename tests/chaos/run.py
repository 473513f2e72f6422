"""One chaos run: a stack, a load, a nemesis, and, when all has healed and settled, the verdict."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cli.local.kafka import QUICK_JVM
from cli.local.ports import choose
from cli.local.stack import DOCUMENTED_PORTS, KAFKA, REDIS, Stack
from cli.local.table import SIMULATOR
from tests.chaos import orders
from tests.chaos.checker import Verdict, check
from tests.chaos.decks import steps
from tests.chaos.gather import Subscriber, answers, dead, texts
from tests.chaos.load import load
from tests.chaos.logs import TAKEN, Logs, Told
from tests.chaos.nemesis import Nemesis
from tests.chaos.orders import Peer
from tests.chaos.plan import Plan, plan
from tests.chaos.proxy import Proxies
from tests.chaos.world import SESSION_SECONDS, World, enter, settings, simulator

#: So many processes of a service, so that others take over from who is killed or stopped.
COPIES: Final = {"dispatchers-twilio": 2, "dispatchers-telnyx": 2}
FROZEN_SECONDS: Final = 1.5 * SESSION_SECONDS
#: No message moved for so long: what is still open waits for something that this run will not bring.
QUIET_SECONDS: Final = 40.0
#: What has not ended after this is judged as it is.
SETTLE_SECONDS: Final = 300.0
#: A run until so many kills may take this long for each.
SECONDS_A_KILL: Final = 20.0
#: Nothing comes after these but the provider's word against a belief of ours.
ENDED: Final = frozenset({"delivered", "undelivered", "failed", "cancelled"})
#: What waits for nothing but time or a receipt that never comes.
RESTING: Final = frozenset({"sent", "unknown"})
#: What a process ends with that finds no broker when it starts; it is started again.
_NO_BROKER: Final = "KafkaConnectionError"
_TAIL_BYTES: Final = 500
_ENDED: Final = re.compile(r"(?P<name>\S+) ended: ended \((?P<code>-?\d+)\)")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to run. The same `seed`: the same messages, and the same faults in the same order."""

    seed: int
    #: How long the load lasts, unless `kills`.
    seconds: float
    #: New messages a second.
    rate: float = 20.0
    #: Go on until so many processes of ours were killed, a third of them at points.
    kills: int | None = None

    @property
    def longest(self) -> float:
        """The load's length at the most."""
        return self.seconds if self.kills is None else self.kills * SECONDS_A_KILL

    def enough(self, nemesis: Nemesis) -> bool:
        """Whether what was wanted of the nemesis has been done, before time is up."""
        if self.kills is None:
            return False
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
        return self.settled and self.verdict.clean and not self.faults


@dataclass
class _Diary:
    """What the stack says, kept in a file, with how processes ended counted."""

    file: Path
    ends: Counter[tuple[str, int]] = field(default_factory=Counter)
    #: Of these, with a traceback that an absent broker does not explain.
    faults: Counter[str] = field(default_factory=Counter)

    def say(self, line: str) -> None:
        if found := _ENDED.search(line):
            self.ends[found["name"], int(found["code"])] += 1
            if found["code"] == "1" and _NO_BROKER not in self._last_words(found["name"]):
                self.faults[found["name"]] += 1
        with self.file.open("a") as file:
            file.write(f"{time.time():.3f} {line}\n")

    def _last_words(self, name: str) -> str:
        log = self.file.parent / "stack" / "logs" / f"{name}.log"
        return log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace")


async def run(wanted: Wanted, folder: Path, say: Callable[[str], None] = print) -> Outcome:
    """Do it; everything that speaks for or against it is in `folder` afterwards."""
    folder.mkdir(parents=True)  # noqa: ASYNC240 - nothing runs yet
    diary = _Diary(folder / "processes.log")
    made = plan(wanted.seed, wanted.longest, wanted.rate)
    told: list[Told] = []
    async with _stack(folder, diary) as (stack, nemesis_of), _following(stack) as subscriber:
        world = await enter(stack.run)
        open_ = _Open(made, told, subscriber)
        nemesis = nemesis_of(lambda: len(open_.states()), say)
        say(f"seed {wanted.seed}: up to {len(made.messages)} messages in {wanted.longest:.0f} s")
        await _beside(wanted, made, world, told, nemesis)
        say("healing")
        await nemesis.heal()
        settled = await _settle(open_, say)
        logs = await _collect(world, told, subscriber)
        ends, faults = diary.ends.copy(), diary.faults.copy()
    logs.write(folder)
    lines = (json.dumps(note.written()) + "\n" for note in nemesis.notes)
    (folder / "faults.jsonl").write_text("".join(lines))
    return Outcome(made, logs, check(made, logs), nemesis, ends, settled, faults)


async def _beside(wanted: Wanted, made: Plan, world: World, told: list[Told], nemesis: Nemesis) -> None:
    """The load, with the nemesis beside it."""
    enough = asyncio.Event()
    loading = asyncio.create_task(load(made, world, told, until=enough))
    ends = time.monotonic() + wanted.longest
    try:
        for step in steps(wanted.seed, list(nemesis.names)):
            if time.monotonic() > ends or wanted.enough(nemesis):
                break
            await nemesis.take(step)
    finally:
        enough.set()
        nemesis.proxies.heal()
        await loading


class _Open:
    """Messages that clients were told are taken, and that have not ended."""

    def __init__(self, made: Plan, told: Sequence[Told], subscriber: Subscriber) -> None:
        self._texts = {message.number: message.text for message in made.messages}
        self._told = told
        self._subscriber = subscriber
        self._looked_at = [0, 0]
        self._taken: set[str] = set()
        self._states: dict[str, str] = {}

    @property
    def moves(self) -> int:
        """How many records of the status topic there were."""
        return len(self._subscriber.log)

    def states(self) -> dict[str, str]:
        """Text -> state; "nothing" where none was told."""
        told, said = self._looked_at
        self._taken |= {self._texts[one.number] for one in self._told[told:] if one.what in TAKEN}
        # Those of one message lie in one partition, in order; a repeat is followed by what came after it.
        self._states |= {one.record["text"]: one.status for one in self._subscriber.log[said:]}
        self._looked_at = [len(self._told), len(self._subscriber.log)]
        states = ((text, self._states.get(text, "nothing")) for text in self._taken)
        return {text: state for text, state in states if state not in ENDED}


async def _settle(open_: _Open, say: Callable[[str], None]) -> bool:
    """Wait until all has ended, or rests; False if that took too long."""
    began = said = moved = time.monotonic()
    moves = 0
    while left := open_.states():
        now = time.monotonic()
        if open_.moves > moves:
            moves, moved = open_.moves, now
        states = Counter(left.values())
        if now - began > SETTLE_SECONDS:
            say(f"not settled after {SETTLE_SECONDS:.0f} s: {dict(states)}")
            return False
        if set(states) <= RESTING and now - moved > QUIET_SECONDS:
            break
        if now - said > 10:
            said = now
            say(f"  settling: {dict(states)}")
        await asyncio.sleep(0.5)
    return True


async def _collect(world: World, told: Sequence[Told], subscriber: Subscriber) -> Logs:
    return Logs(
        told=list(told),
        texts=await texts(world),
        status=list(subscriber.log),
        api=await answers(world, list(subscriber.stories.values())),
        dead=await dead(world),
    )


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
async def _stack(folder: Path, diary: _Diary) -> AsyncIterator[tuple[Stack, NemesisOf]]:
    """A started stack of which every service can be told what to do, and goes through proxies."""
    home, file = folder / "stack", folder / "orders.json"
    home.mkdir()
    ports = _ports(home)
    names = orders.names(COPIES)
    async with Proxies({name: _peers(name, ports) for name in names}) as proxies:
        orders.write(file, {name: orders.Orders(via=proxies.ports[name]) for name in names})
        stack = Stack(
            home,
            settings=settings(),
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
