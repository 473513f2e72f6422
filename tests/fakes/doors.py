"""What the doors need of the world, in memory; tests/contracts/ports holds it to the real one's contract."""

import asyncio
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from broker import health
from directory.changes import Change
from directory.snapshot import Directory
from ingress.admin.serving import Subscribing
from ingress.admin.writing import ChangedMeanwhileError, Writing
from ingress.bounded import Bounded
from ingress.cancelling import Cancelling
from ingress.endpoints import Parts
from ingress.limits import RateLimit
from ingress.optouts import OptOuts
from ingress.ports import NotAcknowledgedError
from ingress.recipients import Asking
from ingress.rehearsal import Rehearsal
from ingress.sending import Sending
from ingress.watching import Watching
from schemas import topics
from schemas.facts import AnyFact, decode_fact
from schemas.messages import Message
from schemas.settings import IngressSettings, MessageSettings
from schemas.tracing import Headers
from tests.fakes import world
from tests.fakes.ledger import MemoryLedger

NOW = 1_700_000_000_000


async def until(condition: Callable[[], bool]) -> None:
    """Let the others work until `condition` holds."""
    async with asyncio.timeout(10):
        while True:
            if condition():
                return
            await asyncio.sleep(0)


class MemoryBroker:
    """Keeps what is published. `away` (all topics, or some) is for tests to set."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str, bytes]] = []
        self.headers: list[Headers] = []
        self.away: bool | set[str] = False

    async def __call__(self, topic: str, message_id: str, value: bytes, headers: Headers) -> None:
        """Take a record."""
        if self.away is True or (self.away and topic in self.away):
            raise NotAcknowledgedError(message_id)
        self.records.append((topic, message_id, value))
        self.headers.append(headers)

    async def place(self, topic: str, key: str, value: bytes) -> int:
        """Take a record; where it stands on its topic."""
        await self(topic, key, value, ())
        return sum(one[0] == topic for one in self.records) - 1

    def messages(self) -> list[Message]:
        """What went to route."""
        return [Message.decode(value) for topic, _, value in self.records if topic == topics.MESSAGES]

    def facts(self) -> list[AnyFact]:
        """What went to the fold."""
        return [decode_fact(value) for topic, _, value in self.records if topic == topics.EVENTS]


@dataclass
class MemoryDoor:
    """The REST door with everything in memory, and time that stands still."""

    view: MemoryLedger = field(default_factory=MemoryLedger)
    broker: MemoryBroker = field(default_factory=MemoryBroker)
    broker_says: str = health.OK
    #: For `queue: false`.
    immediate_seconds: float = 5.0
    body_limit_bytes: int = 2000
    directory: Directory = field(default_factory=world.directory)
    messages: MessageSettings = field(default_factory=MessageSettings)

    def __post_init__(self) -> None:
        ledger = Bounded(self.view)
        watching = Watching(ledger.get_many)
        numbers = itertools.count(1)

        self.sending = Sending(
            lambda: self.directory,
            ledger,
            watching,
            self.broker,
            Asking(self.view),
            door=IngressSettings(immediate_seconds=self.immediate_seconds),
            messages=self.messages,
            clock=lambda: NOW,
            # The same in every test, and never the same twice.
            random=lambda count: next(numbers).to_bytes(count),
        )
        self.rehearsal = Rehearsal(
            lambda: self.directory, self.view, messages=self.messages, clock=lambda: NOW
        )
        self.cancelling = Cancelling(ledger, watching, self.broker, clock=lambda: NOW)

    async def _change(self, change: Change) -> None:
        self.directory, refused = self.directory.after([change.entry(NOW)])
        if refused:
            raise ChangedMeanwhileError

    def parts(self) -> Parts:
        """What the routes are made of."""

        async def check() -> str:
            return self.broker_says

        return Parts(
            sending=self.sending,
            rehearsal=self.rehearsal,
            cancelling=self.cancelling,
            ledger=Bounded(self.view),
            rates=RateLimit(self.view.allow),
            optouts=OptOuts(self.broker, self.view, lambda: self.directory, clock=lambda: NOW),
            directory=lambda: self.directory,
            body_limit_bytes=self.body_limit_bytes,
            clock=lambda: NOW,
            random=os.urandom,
            writing=Writing(lambda: self.directory, self._change),
            subscribing=Subscribing(roots=("root",), private=False, publish=self.broker),
            needed={"broker": check},
            shown={},
        )
