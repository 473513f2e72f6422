"""What a rebuild finds in Kafka, message by message. What is settled is written at once and let go."""

import logging
from collections.abc import Sequence

from aiokafka import ConsumerRecord

from ledger import optouts
from ledger.claims import Closed
from ledger.days import Day
from ledger.errors import UnreadableIntentsError
from ledger.history import ClaimFact, History, settles
from ledger.lock import Lock
from ledger.recount import Recount
from schemas.base import DecodeError, Millis
from schemas.facts import AnyFact, OutcomeFact, decode_fact
from schemas.tasks import Intent, Intents, Void

log = logging.getLogger(__name__)

#: Messages asked about in one script call: it holds up everybody else for some milliseconds.
_CHUNK = 2_000
_ROUTED = b'"type":"routed.v1"'


class Gathering:
    """Memory grows with the messages that are not settled, and not with those of a lifetime."""

    def __init__(self, lock: Lock, now: Millis, today: Day) -> None:
        self._lock = lock
        self._now = now
        self.histories: dict[str, History] = {}
        #: What the day's caps have let go.
        self.recount = Recount(today)
        self.settled = 0
        self.unreadable = 0

    async def facts(self, records: Sequence[ConsumerRecord]) -> None:
        """A batch of `sms.events.v1`. What cannot be read is put aside by whoever folds it, not here."""
        settled: dict[str, OutcomeFact] = {}
        others: list[tuple[str, ClaimFact]] = []
        for record in records:
            fact = self._fact(record)
            if fact is None:
                continue
            self.recount.fact(fact)
            if settles(fact):
                settled[fact.message_id] = fact
            elif isinstance(fact, ClaimFact):
                others.append((fact.message_id, fact))
        for id_ in settled:
            self.histories.pop(id_, None)
        self.settled += len(settled)
        made = [(id_, Closed("sent", fact.attempt), fact.forget_at) for id_, fact in settled.items()]
        await self._lock.write(made)
        await self._keep(others)

    async def intents(self, records: Sequence[ConsumerRecord]) -> None:
        """A batch of `sms.intents.v1`.

        Raises:
            UnreadableIntentsError: only dispatchers write there, so another version of them has.
        """
        known: list[tuple[str, Intent | Void]] = []
        for record in records:
            try:
                batch = Intents.decode(record.value)
            except DecodeError as e:
                raise UnreadableIntentsError(f"{_place(record)}: {e}") from e
            self.recount.intents(batch)
            known += [(i.message_id, i) for i in batch.intents if i.forget_at >= self._now]
            known += [(void.message_id, void) for void in batch.voids]
        await self._keep(known)

    async def optouts(self, records: Sequence[ConsumerRecord]) -> None:
        """A batch of `sms.optouts.v1`: until all of it is there, nobody may be written to."""
        found = [optouts.read(one.key, one.value, one.offset, one.timestamp) for one in records]
        await self._lock.note([one for one in found if one is not None])

    def _fact(self, record: ConsumerRecord) -> AnyFact | None:
        # Every message has one, it says nothing of hand-overs, and decoding is what a rebuild costs. Within a
        # text the quotes would be escaped.
        if record.value and _ROUTED in record.value:
            return None
        try:
            fact = decode_fact(record.value)
        except DecodeError as e:
            self.unreadable += 1
            log.warning("ledger.rebuild unreadable %s: %s", _place(record), e)
            return None
        return fact if fact.forget_at >= self._now else None

    async def _keep(self, known: Sequence[tuple[str, Intent | Void | ClaimFact]]) -> None:
        """Keep what is known of messages that are not settled."""
        fresh = sorted({id_ for id_, _ in known} - self.histories.keys())
        settled: set[str] = set()
        # Also when nothing is asked: the lock lives on.
        for start in range(0, max(len(fresh), 1), _CHUNK):
            settled |= await self._lock.write(asked=fresh[start : start + _CHUNK])
        for id_, one in known:
            if id_ not in settled:
                self.histories.setdefault(id_, History()).add(one)


def _place(record: ConsumerRecord) -> str:
    return f"{record.topic}:{record.partition}:{record.offset}"
