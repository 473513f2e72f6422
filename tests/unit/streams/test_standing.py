"""What stands against senders: by breakers and day caps, kept while nobody can tell."""

import asyncio
from collections.abc import Sequence

import pytest

from directory.pool import Standing
from directory.snapshot import Directory
from ledger import LedgerUnavailableError
from ledger.health import Breaker, Health
from schemas.caps import Cap
from schemas.directory import Number
from streams.standing import Outlook
from tests.unit.directory.pools import BRAND, CAMPAIGN, number, pool

SF = "+12125550101"
NOW = 1_000_000


def health(**breakers: Breaker) -> Health:
    return Health(at=NOW, breakers=breakers, slowed={})


def capped(many: int = 1) -> Directory:
    numbers: list[Number] = [number(f"+1415555{n:04d}", day_cap=10 + n) for n in range(many)]
    capped_brand = BRAND.model_copy(update={"day_cap": 2000})
    return pool(*numbers, number(SF), others=[capped_brand, CAMPAIGN.model_copy(update={"day_cap": 500})])


class Ledger:
    """What it says, and whether it does."""

    def __init__(self) -> None:
        self.health_ = health()
        self.used: frozenset[str] = frozenset()
        self.away: Exception | None = None
        self.asked: list[Sequence[Cap]] = []

    async def health(self) -> Health:
        if self.away is not None:
            raise self.away
        return self.health_

    async def used_up(self, caps: Sequence[Cap], /) -> frozenset[str]:
        self.asked.append(caps)
        return self.used & {cap.name for cap in caps}


def test_accounts_are_left_out_while_nothing_may_go_through_them() -> None:
    found = health(
        open=Breaker("open", 1, until=NOW + 1),
        probing=Breaker("probing", 1, until=NOW + 1),
        closed=Breaker("closed", 1),
        # Its time is over: the next message tries it, or nobody ever would.
        due=Breaker("open", 1, until=NOW),
    )
    assert found.closed_to_all == {"open", "probing"}


async def test_it_is_as_the_ledger_says_and_stays_so_while_that_is_away() -> None:
    ledger = Ledger()
    outlook = Outlook(ledger, lambda: capped(700))
    assert outlook.standing == Standing()
    ledger.health_ = health(tw=Breaker("open", 1, until=NOW + 1))
    ledger.used = frozenset({"brand:acme", "number:+14155550699"})
    await outlook.look()
    expected = Standing(frozenset({"tw"}), frozenset({"brand:acme", "number:+14155550699"}))
    assert outlook.standing == expected
    assert [len(caps) for caps in ledger.asked] == [500, 202]
    ledger.away = LedgerUnavailableError("gone")
    with pytest.raises(LedgerUnavailableError):
        await outlook.look()
    assert outlook.standing == expected


async def test_a_changed_directory_has_other_caps() -> None:
    ledger, senders = Ledger(), [capped(1)]
    outlook = Outlook(ledger, lambda: senders[-1])
    await outlook.look()
    senders.append(capped(5))
    await outlook.look()
    assert [len(caps) for caps in ledger.asked] == [3, 7]


async def test_it_looks_on_through_absences_and_tells_of_any_other_end() -> None:
    ledger = Ledger()
    ledger.away = LedgerUnavailableError("gone")
    outlook = Outlook(ledger, Directory)
    await outlook.start()
    await asyncio.sleep(0)
    outlook.check()
    await outlook.stop()
    ledger.away = ValueError("not a breaker")
    await outlook.start()
    assert outlook._looking is not None
    await asyncio.wait((outlook._looking,))
    with pytest.raises(ValueError, match="not a breaker"):
        outlook.check()
    await outlook.stop()
