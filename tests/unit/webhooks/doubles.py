"""Stand-ins for what the webhooks reach: the broker, and the marks of texts in the ledger."""

import asyncio
from dataclasses import dataclass, field

from broker.publish import Outgoing
from ledger.inbound import Mark
from schemas import topics
from schemas.facts import Receipt, decode_fact
from schemas.public import InboundRecord


@dataclass
class Broker:
    """Acknowledges or not, and keeps what it was given."""

    acknowledges: bool = True
    records: list[Outgoing] = field(default_factory=list)
    #: Clear it to make acknowledgements wait.
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0

    def __post_init__(self) -> None:
        self.answers.set()

    async def produce(self, record: Outgoing) -> bool:
        self.asked += 1
        await self.answers.wait()
        if self.acknowledges:
            self.records.append(record)
        return self.acknowledges

    async def trouble(self) -> str | None:
        return None if self.acknowledges else "the broker does not answer"

    @property
    def taken(self) -> list[Receipt]:
        facts = [decode_fact(one.value) for one in self.records if one.topic == topics.EVENTS]
        return [one for one in facts if isinstance(one, Receipt)]

    @property
    def texts(self) -> list[InboundRecord]:
        return [InboundRecord.decode(one.value) for one in self.records if one.topic == topics.INBOUND]


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
