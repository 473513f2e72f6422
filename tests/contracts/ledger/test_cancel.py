"""A cancel is decided once (P8): against a claim that comes at the same moment, one of the two has it."""

import asyncio
from collections.abc import Sequence
from random import Random

import pytest

from ledger import Ledger
from ledger.claims import Absent, Again, Ask, Cancel, Closed, Looked, Open, Own, Refused, Sending, Won
from schemas.settings import RedisSettings
from schemas.tasks import How
from tests.contracts.ledger.conftest import TRIED

pytestmark = pytest.mark.broker

FAR = 4_000_000_000_000
RACES = 10_000
CANCELLED = Closed("cancelled", 0)


def ask(id_: str, attempt: int = 1, nonce: str = "n") -> Ask:
    return Ask(
        message_id=id_, attempt=attempt, how=How.PLAIN, nonce=nonce, record="t:0:1", segments=1, paces=(),
        valid_until=FAR, forget_at=FAR, hold_ms=60_000,
    )  # fmt: skip


def batches(ids: Sequence[str], random: Random) -> list[list[str]]:
    """In another order, some at once, as dispatchers and doors do."""
    rest, found = random.sample(ids, len(ids)), []
    while rest:
        size = random.randint(1, 40)
        found.append(rest[:size])
        rest = rest[size:]
    return found


async def test_of_a_claim_and_a_cancel_exactly_one_has_it(ledger: Ledger, settings_: RedisSettings) -> None:
    ids = [f"m{n}" for n in range(RACES)]
    # Every other one has been tried before, and is open to its second attempt.
    tried = ids[::2]
    await ledger.claim([ask(id_) for id_ in tried])
    await ledger.reopen([Again(Own(id_, 1, "n", FAR), "t:0:1", TRIED) for id_ in tried])
    attempt = dict.fromkeys(ids, 1) | dict.fromkeys(tried, 2)
    random = Random(4)
    won: set[str] = set()
    cancelled: set[str] = set()

    async def dispatch(client: Ledger, work: list[list[str]]) -> None:
        while work:
            batch = work.pop()
            verdicts = await client.claim([ask(id_, attempt[id_], "mine") for id_ in batch])
            for id_, verdict in zip(batch, verdicts, strict=True):
                assert isinstance(verdict, Won) or verdict == Refused(CANCELLED)
                won.update([id_] if isinstance(verdict, Won) else [])

    async def cancel(client: Ledger, work: list[list[str]]) -> None:
        while work:
            batch = work.pop()
            claims = await client.cancel([Cancel(id_, attempt[id_], FAR) for id_ in batch])
            for id_, claim in zip(batch, claims, strict=True):
                assert isinstance(claim, Sending) or claim == CANCELLED
                cancelled.update([id_] if claim == CANCELLED else [])

    claiming, cancelling = batches(ids, random), batches(ids, random)
    async with Ledger(settings_) as other, asyncio.timeout(120):
        await asyncio.gather(
            *(dispatch(ledger, claiming) for _ in range(3)), *(cancel(other, cancelling) for _ in range(3))
        )
    assert not won & cancelled
    assert won | cancelled == set(ids)
    # Else one was always first, and nothing was tried.
    assert len(won) > RACES / 10
    assert len(cancelled) > RACES / 10
    looked = await ledger.look(ids)
    assert {id_ for id_, found in zip(ids, looked, strict=True) if found.claim == CANCELLED} == cancelled


async def test_asked_again_it_says_the_same(ledger: Ledger) -> None:
    wanted = [Cancel("m", 1, FAR), Cancel("m", 1, FAR)]
    assert await ledger.cancel(wanted) == [CANCELLED, CANCELLED]
    assert await ledger.cancel(wanted) == [CANCELLED, CANCELLED]
    assert await ledger.claim([ask("m")]) == [Refused(CANCELLED)]


async def test_too_late_it_says_how_far_it_had_got(ledger: Ledger) -> None:
    [won] = await ledger.claim([ask("m")])
    assert isinstance(won, Won)
    [found] = await ledger.cancel([Cancel("m", 1, FAR)])
    assert found == Sending(1, "t:0:1", "n", won.until, maybe_sent=False)
    await ledger.close([Own("m", 1, "n", FAR)])
    assert await ledger.cancel([Cancel("m", 1, FAR)]) == [Closed("sent", 1)]


async def test_what_may_have_been_sent_is_not_cancelled(ledger: Ledger) -> None:
    """Open again after an attempt that nobody knows the end of."""
    unknown = Own("m", 1, "n", FAR)
    await ledger.claim([ask("m")])
    await ledger.lose([unknown])
    resend = Ask(
        message_id="m", attempt=2, how=How.RESEND, nonce="n2", record="t:0:2", segments=1, paces=(),
        valid_until=FAR, forget_at=FAR, hold_ms=60_000,
    )  # fmt: skip
    await ledger.claim([resend])
    await ledger.reopen([Again(Own("m", 2, "n2", FAR), "t:0:2", TRIED)])
    still = Open(3, "t:0:2", maybe_sent=True)
    assert await ledger.cancel([Cancel("m", 3, FAR)]) == [still]
    assert await ledger.look(["m"]) == [Looked(still, until_passed=False)]


async def test_it_is_decided_for_the_attempt_that_it_was_asked_of(ledger: Ledger) -> None:
    """What a rebuild grants is what the script would have: a wish is good for one attempt."""
    assert await ledger.cancel([Cancel("m", 2, FAR)]) == [Absent()]
    await ledger.claim([ask("m")])
    await ledger.reopen([Again(Own("m", 1, "n", FAR), "t:0:1", TRIED)])
    assert await ledger.cancel([Cancel("m", 1, FAR)]) == [Open(2, "t:0:1", maybe_sent=False)]
    assert await ledger.cancel([Cancel("m", 2, FAR)]) == [CANCELLED]
