"""Stand-ins for what the webhooks reach: the broker, and the marks of texts in the ledger."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from broker.publish import Outgoing
from ledger.inbound import Mark
from ledger.limits import Limit
from ledger.optouts import Noted, Reach
from schemas import topics
from schemas.facts import Receipt, decode_fact
from schemas.optouts import OptOut
from schemas.public import InboundRecord
from tests.contracts.ledger.reference import standing, unwanted


@dataclass
class Broker:
    """Acknowledges or not, and keeps what it was given."""

    acknowledges: bool = True
    records: list[Outgoing] = field(default_factory=list)
    #: Clear it to make acknowledgements wait.
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answers.set()

    async def produce(self, record: Outgoing) -> int | None:
        self.asked += 1
        self.was_asked.set()
        await self.answers.wait()
        if not self.acknowledges:
            return None
        self.records.append(record)
        return sum(one.topic == record.topic for one in self.records) - 1

    async def trouble(self) -> str | None:
        return None if self.acknowledges else "the broker does not answer"

    @property
    def taken(self) -> list[Receipt]:
        facts = [decode_fact(one.value) for one in self.records if one.topic == topics.EVENTS]
        return [one for one in facts if isinstance(one, Receipt)]

    @property
    def texts(self) -> list[InboundRecord]:
        return [InboundRecord.decode(one.value) for one in self.records if one.topic == topics.INBOUND]

    def of(self, topic: str) -> list[bytes | None]:
        """The values on a topic."""
        return [one.value for one in self.records if one.topic == topic]


@dataclass
class Wishes:
    """The ledger's opt-outs by the rules of its reference; `trouble`: what each call raises."""

    noted: list[Noted] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    trouble: Exception | None = None

    async def opted_out(self, reaches: Sequence[Reach]) -> list[bool]:
        self._reached()
        return [unwanted(self.noted, *reach) for reach in reaches]

    async def wishes_of(self, organization: str, number: str) -> list[OptOut]:
        self._reached()
        theirs = [one.record for one in self.noted if one.record.number == number]
        scopes = dict.fromkeys(one.scope for one in theirs if one.organization == organization)
        return [found for scope in scopes if (found := standing(self.noted, scope, number)) is not None]

    async def note_optouts(self, noted: Sequence[Noted]) -> None:
        self._reached()
        self.noted += noted

    async def allow(self, asks: Sequence[Limit]) -> list[int]:
        self._reached()
        found = [60_000 if ask.key in self.limits else 0 for ask in asks]
        self.limits += [ask.key for ask in asks]
        return found

    def _reached(self) -> None:
        if self.trouble is not None:
            raise self.trouble


@dataclass
class Marks:
    """The ledger's marks, without their ends; `trouble`: what each call raises."""

    known: dict[str, Mark] = field(default_factory=dict)
    trouble: Exception | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def taking(self, record_id: str, life_ms: int) -> Mark:
        self._reached()
        assert life_ms > 0
        self.asked.set()
        found = self.known.get(record_id, Mark.NONE)
        self.known.setdefault(record_id, Mark.TAKING)
        return found

    async def taken(self, record_id: str) -> None:
        self._reached()
        self.known[record_id] = Mark.TAKEN

    def _reached(self) -> None:
        if self.trouble is not None:
            raise self.trouble
