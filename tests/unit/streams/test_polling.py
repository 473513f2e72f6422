"""Questions about messages that have been sent for long: written first, then not given out again."""

from collections.abc import Sequence
from typing import Any

import pytest

from broker.publish import Outgoing
from schemas.provider import Provider
from schemas.public import StatusRecord
from schemas.status import State
from schemas.tasks import Inquiry, decode_work
from streams.polling import Polling, question

NOW = 1_795_312_000_000
DAY = 24 * 3_600_000


def sent(**changes: Any) -> StatusRecord:
    fields = {
        "id": "i", "message_id": "m", "organization": "acme", "sequence": 2, "status": State.SENT, "at": NOW,
        "accepted_at": NOW, "forget_at": NOW + 3 * DAY, "from_number": "+15550100",
        "to_number": "+15550199", "text": "hello", "segments": 1, "fingerprint": "1:x", "attempt": 2,
        "provider": "telnyx", "account": "tx", "provider_message_id": "uuid",
    }  # fmt: skip
    return StatusRecord.model_validate(fields | changes)


def test_a_question_names_the_message_as_its_provider_knows_it() -> None:
    found = question(sent())
    assert (found.topic, found.key) == ("sms.dispatch.telnyx.queued.v1", b"+15550100")
    inquiry = decode_work(found.value)
    assert isinstance(inquiry, Inquiry)
    assert (inquiry.provider_message_id, inquiry.account, inquiry.attempt) == ("uuid", "tx", 2)
    assert (inquiry.task, inquiry.asked, inquiry.ask_until) == (None, 0, NOW + 3 * DAY)


def test_one_that_is_with_no_provider_cannot_be_asked_about() -> None:
    with pytest.raises(ValueError, match="not with a provider"):
        question(sent(account=None))


class Log:
    """The ledger and the broker, and in which order they were called."""

    def __init__(self, rows: list[StatusRecord]) -> None:
        self.rows = rows
        self.calls: list[object] = []

    async def without_receipt(
        self, provider: Provider, sent: tuple[int, int], most: int
    ) -> list[StatusRecord]:
        self.calls.append((provider, sent, most))
        return self.rows

    async def publish(self, records: Sequence[Outgoing]) -> None:
        self.calls.append([record.key for record in records])

    async def polled(self, provider: Provider, ids: Sequence[str]) -> None:
        self.calls.append((provider, ids))


async def test_what_is_written_is_acknowledged_before_it_is_let_go() -> None:
    """The other way round a crash in between would lose the question."""
    log = Log([sent()])
    await Polling(log, log.publish, after_ms=600_000, now=lambda: NOW).poll(Provider.TELNYX)
    until = NOW - 600_000
    assert log.calls == [
        (Provider.TELNYX, (until - DAY, until), 25), [b"+15550100"], (Provider.TELNYX, ["m"]),
    ]  # fmt: skip


async def test_where_there_is_none_nothing_is_written() -> None:
    log = Log([])
    await Polling(log, log.publish, after_ms=1, now=lambda: NOW).poll(Provider.TWILIO)
    assert len(log.calls) == 1


async def test_zero_means_never() -> None:
    log = Log([sent()])
    await Polling(log, log.publish, after_ms=0, now=lambda: NOW).run()
    assert log.calls == []
