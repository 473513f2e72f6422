"""Tasks that come too late: expired where nothing may have been sent, else unknown, by Redis' clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import pytest
from redis.asyncio import Redis

from ledger import Ledger
from ledger.claims import Absent, Claim, Closed, Looked, Open, Sending, Why
from ledger.expiring import Early, Late
from ledger.server import SCRIPTS, script_text
from schemas.tasks import How
from tests.contracts.ledger.conftest import epoch_name
from tests.contracts.ledger.reference import Reference

pytestmark = pytest.mark.broker

PAST, FAR = 1, 4_000_000_000_000
WHYS: tuple[Why, ...] = ("sent", "unknown", "cancelled", "expired", "opted_out")
ATTEMPTS = (1, 2, 3)
CLAIMS: list[Claim] = [
    Absent(),
    *(Open(attempt, "t:0:1", maybe_sent) for attempt, maybe_sent in product(ATTEMPTS, (False, True))),
    *(
        Sending(attempt, "t:0:1", "n", until, maybe_sent=False)
        for attempt in ATTEMPTS
        for until in (PAST, FAR)
    ),
    *(Closed(why, attempt, nonce) for why, attempt, nonce in product(WHYS, ATTEMPTS, ("", "n"))),
]


def line(claim: Claim) -> str | None:
    match claim:
        case Open(attempt, record, maybe_sent):
            return f"open {attempt} {int(maybe_sent)} {record}"
        case Sending(attempt, record, nonce, until, maybe_sent):
            return f"sending {attempt} {int(maybe_sent)} {until} {nonce} {record}"
        case Closed(why, attempt, nonce):
            return f"closed {why} {attempt} {nonce}".rstrip()
        case _:
            return None


def ended(claim: Claim, late: Late) -> Claim:
    """What the claim becomes of a task that is too late."""
    model = Reference(claim)
    model.too_late(late.attempt, late.how)
    return model.claim


async def check(ledger: Ledger, redis: Redis) -> None:
    """Every claim, by every attempt and way, in time and too late in each of both ways."""
    limits = ((PAST, FAR), (FAR, PAST), (FAR, FAR))
    cases = [
        (claim, Late(f"m{n}", attempt, how, *until))
        for n, (claim, attempt, how, until) in enumerate(product(CLAIMS, ATTEMPTS, How, limits))
    ]
    epoch = await epoch_name(redis)
    lines = {f"helio:{epoch}:c:{late.message_id}": line(claim) for claim, late in cases}
    await redis.mset({key: value for key, value in lines.items() if value is not None})
    for _ in range(2):  # an answer that was lost is given again
        answers = await ledger.expire([late for _, late in cases])
        looked = await ledger.look([late.message_id for _, late in cases])
        for (claim, late), answer, found in zip(cases, answers, looked, strict=True):
            if (late.valid_until, late.forget_at) == (FAR, FAR):
                if Reference(claim).wins(late.attempt, late.how):
                    assert isinstance(answer, Early), (claim, late)
                    assert answer.ms > 0
                    assert found.claim == claim, (claim, late)
                    continue
                after = claim
            else:
                after = ended(claim, late)
            passed = isinstance(after, Sending) and after.until == PAST
            assert answer == found == Looked(after, until_passed=passed), (claim, late)


async def test_what_was_never_handed_over_expires_and_what_may_have_been_sent_stays_unknown(
    ledger: Ledger, redis: Redis
) -> None:
    await check(ledger, redis)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("return ask.attempt == 1", "return true"),
        ("return claim.attempt == ask.attempt\n", "return true\n"),
        ("and ask.how == 'resend'", ""),
        ("and claim.attempt == ask.attempt - 1", ""),
        ("if not wins(claim, late) then", "if claim.state == 'closed' then"),
        ("elseif left < 0 then", "elseif true then"),
        ("math.min(late.valid_until, late.forget_at)", "late.valid_until"),
        ("write_claim(late.id, late_line(claim, late), late.forget_at)", "claim.line"),
        ("maybe_sent(claim, ask) == '1' and UNKNOWN or why", "why"),
        ("or claim.maybe_sent == '1'", ""),
        ("ask.how ~= 'plain' or", ""),
        ("claim.till < now", "true"),
    ],
)
async def test_a_script_that_decides_otherwise_is_noticed(
    ledger: Ledger, redis: Redis, right: str, wrong: str
) -> None:
    with broken(ledger, right, wrong), pytest.raises(AssertionError):
        await check(ledger, redis)


@contextmanager
def broken(ledger: Ledger, right: str, wrong: str) -> Iterator[None]:
    text = script_text(SCRIPTS["expire"])
    assert right in text
    scripts = ledger.server._scripts
    kept = scripts["expire"]
    scripts["expire"] = ledger.server._client.register_script(text.replace(right, wrong))
    try:
        yield
    finally:
        scripts["expire"] = kept
