"""Tasks that may not go any more: closed for what they say where nothing may have been sent, else unknown."""

from itertools import product

import pytest
from redis.asyncio import Redis

from ledger import Ledger
from ledger.claims import Claim, Closed, Looked, Sending
from ledger.expiring import Ended
from schemas.facts import ClosedWhy
from schemas.tasks import How
from tests.contracts.ledger.conftest import break_script, epoch_name
from tests.contracts.ledger.reference import Reference
from tests.contracts.ledger.test_expire import ATTEMPTS, CLAIMS, FAR, PAST, line

pytestmark = pytest.mark.broker

WHYS = (ClosedWhy.BRAND_SUSPENDED, ClosedWhy.SENDER_NOT_FOUND)


def ended(claim: Claim, task: Ended) -> Claim:
    model = Reference(claim)
    model.too_late(task.attempt, task.how)
    after = model.claim
    return (
        Closed(task.why.value, task.attempt)
        if after != claim and after == Closed("expired", task.attempt)
        else after
    )


async def check(ledger: Ledger, redis: Redis) -> None:
    """Every claim, by every attempt and way."""
    cases = [
        (claim, Ended(f"m{n}", attempt, how, why, FAR))
        for n, (claim, attempt, how, why) in enumerate(product(CLAIMS, ATTEMPTS, How, WHYS))
    ]
    epoch = await epoch_name(redis)
    lines = {f"helio:{epoch}:c:{task.message_id}": line(claim) for claim, task in cases}
    await redis.mset({key: value for key, value in lines.items() if value is not None})
    for _ in range(2):  # an answer that was lost is given again
        answers = await ledger.refuse([task for _, task in cases])
        looked = await ledger.look([task.message_id for _, task in cases])
        for (claim, task), answer, found in zip(cases, answers, looked, strict=True):
            after = ended(claim, task)
            passed = isinstance(after, Sending) and after.until == PAST
            assert answer == found == Looked(after, until_passed=passed), (claim, task)


async def test_what_was_never_handed_over_ends_and_what_may_have_been_sent_stays_unknown(
    ledger: Ledger, redis: Redis
) -> None:
    await check(ledger, redis)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("if wins(claim, ended) then", "if claim.state ~= 'closed' then"),
        ("return claim.attempt == ask.attempt\n", "return true\n"),
        ("maybe_sent(claim, ask) == '1' and UNKNOWN or why", "why"),
        ("or claim.maybe_sent == '1'", ""),
        ("ended_line(claim, ended, ended.why)", "late_line(claim, ended)"),
        ("claim.till < now and 1 or 0", "1 or 0"),
    ],
)
async def test_a_script_that_decides_otherwise_is_noticed(
    ledger: Ledger, redis: Redis, right: str, wrong: str
) -> None:
    break_script(ledger, "refuse", right, wrong)
    with pytest.raises(AssertionError):
        await check(ledger, redis)
