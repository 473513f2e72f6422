"""What is asked of the ledger about recipients: together, in order, and never for long."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from ingress import metrics, recipients
from ingress.permission import UNASKED, Recipient
from ingress.recipients import Asking, reach
from ledger import LedgerNotReadyError, LedgerUnavailableError
from ledger.optouts import Reach
from schemas.requests import SendRequest
from tests.fakes.ledger import MemoryLedger
from tests.fakes.pools import HANDSET, USE_CASE, WEST, directory

DIRECTORY = directory()
OUT, FIXED = "+14157700111", "+14157700112"


def request(to: str = HANDSET, **fields: Any) -> SendRequest:
    return SendRequest.model_validate(
        {"use_case_id": USE_CASE, "to_phone_number": to, "message": "Hello", **fields}
    )


PLAIN = request(use_case_id=None, from_phone_number=WEST)


@dataclass
class Counting(MemoryLedger):
    """Counts what it is asked."""

    opted: set[tuple[str, str]] = field(default_factory=lambda: {("acme", OUT)})
    fixed: set[str] = field(default_factory=lambda: {FIXED})
    asked: list[int] = field(default_factory=list)

    async def opted_out(self, reaches: Sequence[Reach]) -> list[bool]:
        self.asked.append(len(reaches))
        return await super().opted_out(reaches)


def unasked() -> float:
    return float(metrics.RECIPIENTS_UNASKED._value.get())


async def test_nobody_asks_for_a_message_that_names_its_sender() -> None:
    ledger = Counting()
    assert await Asking(ledger).one(PLAIN, "acme", DIRECTORY) is UNASKED
    assert await Asking(ledger).batch([None, None]) == [UNASKED, UNASKED]
    assert ledger.asked == []


async def test_nobody_asks_about_what_is_no_number() -> None:
    ledger = Counting()
    for to in ("", "nobody", "+1 415 770 0199", "1" * 200_000):
        assert reach(request(to), "acme", DIRECTORY) is None
        assert await Asking(ledger).one(request(to), "acme", DIRECTORY) is UNASKED
    assert ledger.asked == []


async def test_a_batch_is_asked_at_once_and_answered_in_order() -> None:
    ledger = Counting()
    asks = [PLAIN, request(OUT), request(), PLAIN, request(FIXED)]
    known = await Asking(ledger).batch([reach(ask, "acme", DIRECTORY) for ask in asks])
    assert known == [UNASKED, Recipient(opted_out=True), Recipient(), UNASKED, Recipient(landline=True)]
    assert ledger.asked == [3]


async def test_a_call_holds_up_nobody_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipients, "_MOST", 2)
    ledger = Counting()
    known = await Asking(ledger).batch([reach(request(to), "acme", DIRECTORY) for to in (OUT, HANDSET, OUT)])
    assert [one.opted_out for one in known] == [True, False, True]
    assert ledger.asked == [2, 1]


async def test_requests_that_come_together_are_asked_for_together() -> None:
    ledger = Counting()
    asking = Asking(ledger)
    found = await asyncio.gather(
        *(asking.one(request(to), "acme", DIRECTORY) for to in (HANDSET, OUT, FIXED))
    )
    assert found == [Recipient(), Recipient(opted_out=True), Recipient(landline=True)]
    assert sum(ledger.asked) == 3


@pytest.mark.parametrize("error", [LedgerNotReadyError("epoch"), LedgerUnavailableError("timeout")])
async def test_a_ledger_that_is_away_is_left_out_and_counted(
    error: LedgerNotReadyError | LedgerUnavailableError,
) -> None:
    asking = Asking(Counting(down=error))
    before = unasked()
    assert await asking.one(request(OUT), "acme", DIRECTORY) == UNASKED
    assert await asking.batch([reach(request(OUT), "acme", DIRECTORY), None]) == [UNASKED, UNASKED]
    assert unasked() == before + 2


async def test_so_is_one_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipients, "_SECONDS", 0.01)

    class Hanging(Counting):
        async def opted_out(self, reaches: Sequence[Reach]) -> list[bool]:
            await asyncio.Event().wait()
            return await super().opted_out(reaches)

    asking = Asking(Hanging())
    before = unasked()
    assert await asking.batch([reach(request(OUT), "acme", DIRECTORY)]) == [UNASKED]
    assert unasked() == before + 1
