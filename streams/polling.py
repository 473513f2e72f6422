"""Messages that have been `sent` for long and have had no receipt: their providers are to be asked.

A callback may be lost: Twilio gives up after 15 s of our absence. The view knows who has had none; each of
these gets one question on its provider's dispatch topic, and the dispatchers ask from there on
(docs/dispatchers.md).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from broker.publish import Outgoing, Publish
from ledger.errors import LedgerUnavailableError
from schemas import topics
from schemas.lanes import Lane
from schemas.provider import ASKABLE, Provider
from schemas.public import StatusRecord
from schemas.tasks import Inquiry
from streams import metrics

log = logging.getLogger(__name__)

#: How often, and how many of a provider at once: what a loss of the ledger brings back is spread over hours.
_EVERY_SECONDS: Final = 5.0
_MOST: Final = 25
#: Older ones are let go: a receipt may still come, and a provider that sends none has been asked already.
_DAY_MS: Final = 24 * 3_600_000
#: What questions are written to: behind whatever is to be handed over.
OUTPUTS: Final = tuple(topics.dispatch(provider, Lane.QUEUED) for provider in sorted(ASKABLE))


class Sent(Protocol):
    """What is asked of the ledger; each call raises `LedgerUnavailableError` when it cannot answer."""

    async def without_receipt(  # noqa: D102  # see ledger.Ledger
        self, provider: Provider, sent: tuple[int, int], most: int
    ) -> list[StatusRecord]: ...
    async def polled(self, provider: Provider, ids: Sequence[str]) -> None: ...  # noqa: D102  # likewise


class Polling:
    """Writes a question about each message that was sent `after_ms` ago and has had no receipt since.

    Several may run: the ledger gives each message to one of them.
    """

    def __init__(self, sent: Sent, publish: Publish, *, after_ms: int, now: Callable[[], int]) -> None:
        self._sent = sent
        self._publish = publish
        self._after_ms = after_ms
        self._now = now

    async def run(self) -> None:
        """For ever; at once ended where nothing is to be asked."""
        while self._after_ms:
            await asyncio.sleep(_EVERY_SECONDS)
            for provider in ASKABLE:
                try:
                    await self.poll(provider)
                except LedgerUnavailableError as e:
                    log.warning("polling.waiting: %s", e)

    async def poll(self, provider: Provider) -> None:
        """Once: acknowledged by the broker, then not given out again."""
        until = self._now() - self._after_ms
        rows = await self._sent.without_receipt(provider, (until - _DAY_MS, until), _MOST)
        if not rows:
            return
        await self._publish([question(row) for row in rows])
        await self._sent.polled(provider, [row.message_id for row in rows])
        metrics.POLLED.labels(provider).inc(len(rows))


def question(row: StatusRecord) -> Outgoing:
    """What is to be asked about a message of a provider that can be asked. Pure.

    Raises:
        ValueError: it is not with a provider.
    """
    if row.provider is None or row.account is None or row.attempt is None or row.from_number is None:
        raise ValueError(f"{row.message_id} is not with a provider")
    inquiry = Inquiry(
        message_id=row.message_id,
        organization=row.organization,
        attempt=row.attempt,
        provider=row.provider,
        account=row.account,
        sender=row.from_number,
        to_number=row.to_number,
        forget_at=row.forget_at,
        sent_at=row.at,
        provider_message_id=row.provider_message_id,
        ask_until=row.forget_at,
    )
    topic = topics.dispatch(row.provider, Lane.QUEUED)
    return Outgoing(topic, inquiry.sender.encode(), inquiry.encode())
