"""Sent messages without a receipt: who they are is kept by the view's own script, and given out once."""

from typing import Any

import pytest
from redis.asyncio import Redis

from ledger import Ledger
from ledger.view import First
from schemas.provider import Provider
from schemas.public import StatusRecord
from schemas.status import State
from tests.contracts.ledger.conftest import break_script
from tests.contracts.ledger.test_figures import DAY, HOUR, now, row

pytestmark = pytest.mark.broker


def sent(id_: str, ago: int = HOUR, **more: Any) -> StatusRecord:
    known = {"provider_message_id": f"SM{id_}", "account": "tw", "attempt": 1}
    return row(id_, 2, State.SENT, **{"at": now() - ago} | known | more)


async def found(
    ledger: Ledger, provider: Provider = Provider.TWILIO, most: int = 10, after: int = 600_000
) -> list[str]:
    until = now() - after
    rows = await ledger.without_receipt(provider, (until - DAY, until), most)
    return [row.message_id for row in rows]


async def test_what_was_sent_long_ago_is_given_out_once(ledger: Ledger) -> None:
    await ledger.put([sent("b"), sent("a", 2 * HOUR), sent("young", 1000)])
    assert await found(ledger) == ["a", "b"]
    assert await found(ledger) == []
    await ledger.polled(Provider.TWILIO, ["a", "b"])
    assert await found(ledger, after=0) == ["young"]


async def test_no_more_than_asked_for(ledger: Ledger) -> None:
    await ledger.put([sent("a", 3 * HOUR), sent("b", 2 * HOUR), sent("c")])
    assert [await found(ledger, most=2), await found(ledger, most=2)] == [["a", "b"], ["c"]]


async def test_it_comes_again_if_nobody_says_that_it_was_asked_for(ledger: Ledger) -> None:
    """Whoever had it was killed before."""
    await ledger.put([sent("a")])
    assert await found(ledger) == ["a"]
    assert await found(ledger, after=600_000 - 70_000) == ["a"]  # as in 70 s


@pytest.mark.parametrize("status", [State.DELIVERED, State.UNDELIVERED, State.FAILED])
async def test_one_with_a_receipt_is_not(ledger: Ledger, status: State) -> None:
    await ledger.put([sent("a")])
    await ledger.put([row("a", 3, status)])
    assert await found(ledger) == []
    await ledger.put([sent("a")])  # read again
    assert await found(ledger) == []


async def test_one_of_a_provider_that_cannot_be_asked_is_not(ledger: Ledger) -> None:
    await ledger.put([sent("a", provider="vonage"), sent("b", provider_message_id=None)])
    assert await found(ledger, Provider.VONAGE) == []
    assert await found(ledger) == []


async def test_each_provider_has_its_own(ledger: Ledger) -> None:
    await ledger.put([sent("a", provider="telnyx", organization="other"), sent("b")])
    assert await found(ledger, Provider.TELNYX) == ["a"]
    assert await found(ledger) == ["b"]


async def test_what_is_too_long_ago_is_let_go(ledger: Ledger) -> None:
    await ledger.put([sent("old", 2 * DAY), sent("a")])
    assert await found(ledger) == ["a"]
    until = now() - HOUR // 2
    assert await ledger.without_receipt(Provider.TWILIO, (until - 5 * DAY, until), 10) == []


async def test_what_nobody_asks_for_is_let_go_when_its_row_is_forgotten(ledger: Ledger, redis: Redis) -> None:
    """HELIO_MESSAGES__RECEIPT_SECONDS=0: then nobody polls."""
    old = [sent(f"old{n}", 8 * DAY) for n in range(3)]
    await ledger.put(old)
    await ledger.put([sent("young", 6 * DAY)])
    assert await redis.zrange("helio:queue:sent:twilio", 0, -1) == [b"young"]


async def test_what_is_pending_moves_over_from_its_queue(ledger: Ledger) -> None:
    await ledger.first([First(row("a"))])
    await ledger.put([sent("a")])
    assert await found(ledger) == ["a"]
    queues = (await ledger.queues("acme", now())).queues
    assert (queues[Provider.TWILIO].pending, queues[Provider.TWILIO].failed) == (0, 0)


async def test_without_its_queue_of_its_own_what_is_late_would_be_lost(ledger: Ledger) -> None:
    """As a queue that counts until a moment it would be trimmed an hour after that."""
    break_script(ledger, "view_put", "or string.sub(queue, 1, 5) == 'sent:'", "")
    await ledger.put([sent("a", 3 * HOUR)])
    await ledger.put([sent("b", 3 * HOUR)])
    assert await found(ledger) != ["a", "b"]
