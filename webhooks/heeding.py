"""Heeds what people want of us: on its topic, then in the ledger, before their text is answered for.

The topic is the truth. A wish that the ledger cannot take now is applied by whoever follows the topic
(`streams.optouts`), so a text is never refused for that.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from broker.publish import Outgoing
from directory.snapshot import Directory
from ledger.limits import Limit
from ledger.optouts import Noted, Reach
from schemas import topics
from schemas.facts import Receipt
from schemas.messages import Message
from schemas.optouts import OptOut
from schemas.public import Keyword
from webhooks import consent, metrics
from webhooks.inbound import Text
from webhooks.publishing import Produce
from webhooks.words import Ends

_LOG: Final = logging.getLogger(__name__)
#: A machine may answer our answer with the same word: one in a minute is enough for people.
_REPLIES_PER_SECOND: Final = 1 / 60


class Wishes(Protocol):
    """What is asked of the ledger."""

    async def opted_out(self, reaches: Sequence[Reach]) -> list[bool]: ...  # noqa: D102  # see ledger.Ledger
    async def wishes_of(self, organization: str, number: str) -> list[OptOut]: ...  # noqa: D102  # likewise
    async def note_optouts(self, noted: Sequence[Noted]) -> None: ...  # noqa: D102  # likewise
    async def allow(self, asks: Sequence[Limit]) -> list[int]: ...  # noqa: D102  # likewise


class Consents:
    """Writes opt-outs and opt-ins, and answers where nobody else does.

    Args:
        produce: to the broker.
        wishes: the ledger.
        directory: who sends from where, as it is now.
        lifetime_ms: how long a message is known.
    """

    def __init__(
        self, produce: Produce, wishes: Wishes, directory: Callable[[], Directory], *, lifetime_ms: int
    ) -> None:
        self._produce = produce
        self._wishes = wishes
        self._directory = directory
        self._lifetime_ms = lifetime_ms

    async def heed(self, text: Text) -> bool:
        """Do what `text` asks for, if it is a keyword; False: the broker has not acknowledged all of it."""
        wish = consent.wish(text, self._directory(), self._lifetime_ms)
        if wish is None:
            return True
        records = await self._in_time(wish)
        is_heeded = len(records) == len(wish.records)
        replies = wish.reply is not None and is_heeded and await self._is_due(wish)
        if not await self._write(records):
            return False
        if wish.reply is None or not replies:
            return True
        return await self._produce(_outgoing(wish.reply)) is not None

    async def learn(self, receipt: Receipt, ends: Ends) -> bool:
        """A provider's code says that its recipient has opted out there; False as for `heed`."""
        return await self._write(consent.learned(receipt, ends, self._directory()))

    async def _in_time(self, wish: consent.Wish) -> Sequence[OptOut]:
        """Its records without opt-ins that come too late.

        The ledger would not heed those either; but its topic keeps only the last record of a key, and what is
        rebuilt from that would.
        """
        if wish.keyword is not Keyword.START or not wish.records:
            return wish.records
        first = wish.records[0]
        try:
            known = await self._wishes.wishes_of(first.organization, first.number)
        except Exception as error:  # noqa: BLE001 - whatever it is, a text is not refused for it
            _LOG.warning("optouts.unknown: it cannot be told whether they have said stop since: %r", error)
            return wish.records
        records = consent.in_time(wish.records, known)
        if len(records) < len(wish.records):
            _LOG.info("optouts.late count=%d: said before a stop", len(wish.records) - len(records))
        return records

    async def _write(self, records: Sequence[OptOut]) -> bool:
        noted: list[Noted] = []
        for record in records:
            offset = await self._produce(Outgoing(topics.OPTOUTS, record.key, record.encode()))
            if offset is None:
                return False
            metrics.WISHES.labels(record.source, record.consent).inc()
            if offset >= 0:  # else the broker had it already, and does not say where
                noted.append(Noted(offset, record))
        try:
            await self._wishes.note_optouts(noted)
        except Exception as error:  # noqa: BLE001 - whatever it is, the topic has it, and who follows it goes on trying
            _LOG.warning("optouts.unnoted count=%d: the follower does it: %r", len(noted), error)
        return True

    async def _is_due(self, wish: consent.Wish) -> bool:
        try:
            known = None if wish.keyword is Keyword.HELP else await self._wishes.opted_out(wish.reaches)
            return consent.is_reply_due(wish.keyword, known) and await self._is_first(wish)
        except Exception as error:  # noqa: BLE001 - likewise
            _LOG.warning("optouts.unknown: it cannot be told what they wanted before: %r", error)
            return consent.is_reply_due(wish.keyword, None)

    async def _is_first(self, wish: consent.Wish) -> bool:
        """Of this word from this handset in a while."""
        scopes, number = wish.reaches[0]
        name = f"{wish.keyword}:{scopes[-1]} {number}"
        [wait] = await self._wishes.allow([Limit(name, _REPLIES_PER_SECOND, 1)])
        return wait == 0


def _outgoing(reply: Message) -> Outgoing:
    return Outgoing(topics.MESSAGES, reply.message_id.encode(), reply.encode())
