"""Every claim meets all that can be asked of it: scripts decide as the rules say, broken ones do not."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pytest
from redis.asyncio import Redis

from ledger import Ledger
from ledger.claims import (
    Absent,
    Again,
    Ask,
    Cancel,
    Claim,
    Closed,
    Looked,
    Open,
    Own,
    Refused,
    Sending,
    Via,
    Why,
    Won,
)
from ledger.optouts import Noted
from schemas.optouts import Consent, OptOut, Source
from schemas.provider import Provider
from schemas.tasks import How
from tests.contracts.ledger.conftest import TRIED, break_script, epoch_name
from tests.contracts.ledger.reference import Reference

pytestmark = pytest.mark.broker

#: Moments at which a claim's time is over, is not over, and will be over once it is won (whenever that is).
PAST, FAR, NEW = 1, 4_000_000_000_000, 0
RECORDS, NONCES, ATTEMPTS = ("t:0:1", "t:0:2"), ("mine", "theirs"), (1, 2, 3)
WHYS: tuple[Why, ...] = ("sent", "unknown", "cancelled", "expired", "opted_out")

#: What hand-overs went out through: lines may have it or not.
MINE = Via(Provider.TWILIO, "main", "+15550100")
OTHER = Via(Provider.VONAGE, "spare-1", "+15550101")

NO_MORE = OptOut(
    organization="acme", number="+14155550101", consent=Consent.OUT, source=Source.TEXT, at=1, note="stop"
)

CLAIMS: list[Claim] = [
    Absent(),
    *(Open(*parts) for parts in product(ATTEMPTS, RECORDS, (False, True))),
    *(
        Sending(*parts)
        for parts in product(ATTEMPTS, RECORDS, NONCES, (PAST, FAR), (False, True), (None, OTHER))
    ),
    *(Closed(*parts) for parts in product(WHYS, ATTEMPTS, ("", *NONCES))),
    *(Closed("unknown", *parts, OTHER) for parts in product(ATTEMPTS, NONCES)),
]


@dataclass(frozen=True)
class Way:
    """What is asked of one message, by whoever knows the nonce `mine`."""

    id: str
    attempt: int
    how: How

    @property
    def own(self) -> Own:
        return Own(self.id, self.attempt, "mine", FAR)

    def ask(self, valid_until: int) -> Ask:
        return Ask(
            message_id=self.id, attempt=self.attempt, how=self.how, nonce="mine", record="t:0:1", segments=1,
            paces=(), valid_until=valid_until, forget_at=FAR, hold_ms=60_000, via=MINE,
        )  # fmt: skip


def expect_claim(model: Reference, way: Way) -> Won | Refused:
    model.asked(way.attempt, way.how, "mine", "t:0:1", NEW, via=MINE)
    if isinstance(model.claim, Sending) and model.claim.nonce == "mine":
        return Won(model.claim.until)
    return Refused(model.claim)


def expect_late_claim(model: Reference, way: Way) -> Won | Refused:
    if isinstance(model.claim, Sending) and model.claim.nonce == "mine":
        return Won(model.claim.until)  # it was in time then
    model.too_late(way.attempt, way.how)
    return Refused(model.claim)


async def claim_unwanted(ledger: Ledger, ways: Sequence[Way]) -> list[Any]:
    await ledger.note_optouts([Noted(0, NO_MORE)])
    scopes = (NO_MORE.organization, "acme/news")
    return await ledger.claim(
        [replace(way.ask(FAR), scopes=scopes, to_number=NO_MORE.number) for way in ways]
    )


def expect_unwanted_claim(model: Reference, way: Way) -> Won | Refused:
    if isinstance(model.claim, Sending) and model.claim.nonce == "mine":
        return Won(model.claim.until)  # nobody had opted out then
    model.ended(way.attempt, way.how, "opted_out")
    return Refused(model.claim)


def expect_take_over(model: Reference, _way: Way) -> Claim:
    model.taken_over(now=PAST + 1)
    return model.claim


Script = tuple[
    Callable[[Ledger, Sequence[Way]], Awaitable[Sequence[Any] | None]], Callable[[Reference, Way], Any]
]
SCRIPT: dict[str, Script] = {
    "claim": (lambda ledger, ways: ledger.claim([way.ask(FAR) for way in ways]), expect_claim),
    "claim, late": (lambda ledger, ways: ledger.claim([way.ask(PAST) for way in ways]), expect_late_claim),
    "claim, opted out": (claim_unwanted, expect_unwanted_claim),
    "close": (
        lambda ledger, ways: ledger.close([way.own for way in ways]),
        lambda model, way: model.closed(way.attempt, "mine"),
    ),
    "lose": (
        lambda ledger, ways: ledger.lose([way.own for way in ways]),
        lambda model, _: model.lost("mine"),
    ),
    "reopen": (
        lambda ledger, ways: ledger.reopen([Again(way.own, "t:0:1", TRIED) for way in ways]),
        lambda model, way: model.reopened(way.attempt, "mine", "t:0:1"),
    ),
    "cancel": (
        lambda ledger, ways: ledger.cancel([Cancel(way.id, way.attempt, FAR) for way in ways]),
        lambda model, way: model.cancelled(way.attempt),
    ),
    "take_over": (lambda ledger, ways: ledger.take_over([way.id for way in ways]), expect_take_over),
}


def line(claim: Claim) -> str | None:
    match claim:
        case Open(attempt, record, maybe_sent):
            return f"open {attempt} {int(maybe_sent)} {record}"
        case Sending(attempt, record, nonce, until, maybe_sent, via):
            return f"sending {attempt} {int(maybe_sent)} {until} {nonce} {record} {via or ''}".rstrip()
        case Closed(why, attempt, nonce, via):
            return f"closed {why} {attempt} {nonce} {via or ''}".rstrip()
    return None


def timeless(found: Any) -> Any:
    """What was found, with a time that the script has set in place of the time that it is."""
    if isinstance(found, Sending | Won):
        return found if found.until in {PAST, FAR} else replace(found, until=NEW)
    return found


async def check(ledger: Ledger, redis: Redis, script: str) -> None:
    """Every claim, asked in every way, in one batch: the answers, and what the claims have become."""
    run, expect = SCRIPT[script]
    cases = [
        (claim, Way(f"m{n}", attempt, how))
        for n, (claim, attempt, how) in enumerate(product(CLAIMS, ATTEMPTS, How))
    ]
    epoch = await epoch_name(redis)
    lines = {f"helio:{epoch}:c:{way.id}": line(claim) for claim, way in cases}
    await redis.mset({key: value for key, value in lines.items() if value is not None})
    ways = [way for _, way in cases]
    answers = await run(ledger, ways) or [None] * len(ways)
    looked = await ledger.look([way.id for way in ways])
    for (claim, way), answer, found in zip(cases, answers, looked, strict=True):
        model = Reference(claim)
        assert timeless(answer) == expect(model, way), (claim, way)
        passed = isinstance(model.claim, Sending) and model.claim.until == PAST
        assert Looked(timeless(found.claim), found.until_passed) == Looked(model.claim, passed), (claim, way)


@pytest.mark.parametrize("script", SCRIPT)
async def test_a_script_decides_as_the_rules_say(ledger: Ledger, redis: Redis, script: str) -> None:
    await check(ledger, redis, script)


#: The protocol model's mutants and left-out fixes that a script could have, and more like them.
BROKEN: dict[str, tuple[str, str, str]] = {
    "claim-off": ("claim", "elseif not wins(claim, ask) then", "elseif false then"),
    "own-nonce": ("claim", "if is_own_sending(claim, ask.nonce) then", "if false then"),
    "any-sending": ("claim", "if is_own_sending(claim, ask.nonce) then", "if claim.till then"),
    "any-attempt": ("claim", "return ask.attempt == 1", "return true"),
    "open-any": ("claim", "return claim.attempt == ask.attempt\n", "return true\n"),
    "closed-attempt": ("claim", "and claim.attempt == ask.attempt - 1", ""),
    "resend-only": ("claim", "and ask.how == 'resend'", ""),
    "resend-over-all": ("claim", "and claim.why == UNKNOWN and ask.how", "and ask.how"),
    "maybe-sent": ("claim", "or claim.maybe_sent == '1'", ""),
    "claim-over-cancelled": (
        "claim",
        "and claim.why == UNKNOWN and ask.how",
        "and claim.why ~= SENT and ask.how",
    ),
    "claim-of-nobody": ("claim", "ask.nonce, ask.record, ask.via }", "ask.nonce, ask.record }"),
    "late-expires": ("claim, late", "== '1' and UNKNOWN or why", "== '2' and UNKNOWN or why"),
    "late-is-unknown": ("claim, late", "== '1' and UNKNOWN or why", "~= '2' and UNKNOWN or why"),
    "late-goes": ("claim, late", "elseif now > math.min", "elseif now < math.min"),
    "opted-out-goes": ("claim, opted out", "elseif ask.scopes and", "elseif false and"),
    "opted-out-is-certain": ("claim, opted out", "== '1' and UNKNOWN or why", "== '2' and UNKNOWN or why"),
    "opted-out-is-expired": ("claim, opted out", "claim, ask, 'opted_out'", "claim, ask, 'expired'"),
    "opted-out-unsaid": (
        "claim, opted out",
        "write_claim(ask.id, ended_line(claim, ask, 'opted_out'), ask.forget_at)",
        "claim.line",
    ),
    "cancel-sending": ("cancel", "may_cancel(claim, ask) then", "may_cancel(claim, ask) or claim.till then"),
    "cancel-closed": ("cancel", "may_cancel(claim, ask) then", "may_cancel(claim, ask) or claim.why then"),
    "cancel-unknown": (
        "cancel",
        "may_cancel(claim, ask) then",
        "may_cancel(claim, ask) or claim.why == UNKNOWN then",
    ),
    "cancel-maybe-sent": ("cancel", " and claim.maybe_sent == '0'", ""),
    "cancel-absent-only": ("cancel", "return claim.state == 'open' and", "return false and"),
    "cancel-open-only": ("cancel", "return ask.attempt == 1", "return false"),
    "cancel-any-first": ("cancel", "return ask.attempt == 1", "return true"),
    "cancel-any-open": ("cancel", " and claim.attempt == ask.attempt", ""),
    "cancel-unsaid": ("cancel", "claim.line = write_claim", "local _ = write_claim"),
    "cancel-said-only": (
        "cancel",
        "write_claim(ask.id, closed_line(CANCELLED, 0), ask.forget_at)",
        "closed_line(CANCELLED, 0)",
    ),
    "early-takeover": ("take_over", " and claim.till < now", ""),
    "takeover-nonce": ("take_over", "= unknown_line(claim)", "= closed_line(UNKNOWN, claim.attempt)"),
    "takeover-of-nobody": ("take_over", "sending.via ~= ''", "false"),
    "lost-of-nobody": ("lose", "sending.via ~= ''", "false"),
    "script-first": ("reopen", "answers[n] = done and 1 or 0", "answers[n] = 1"),
    "retry-said-once": ("reopen", "answers[n] = done and 1 or 0", "answers[n] = 0"),
    "reopen-anothers": ("reopen", "if is_own_sending(claim, own.nonce) then", "if claim.till then"),
    "reopen-forgets": ("reopen", "claim.maybe_sent, own.record)", "'0', own.record)"),
    "delete-on-retry": (
        "reopen",
        "write_claim(own.id, open_line(own.attempt + 1, claim.maybe_sent, own.record), own.forget_at)",
        "redis.call('DEL', claim_key(own.id))",
    ),
    "lose-anothers": ("lose", "if is_own_sending(claim, own.nonce) then", "if claim.till then"),
    "lose-once": ("lose", "is_own_unknown(claim, own.nonce) and 1 or 0", "0"),
    "close-anothers": ("close", "if is_own_sending(claim, own.nonce)", "if claim.till"),
    "close-unknown": ("close", " or is_own_unknown(claim, own.nonce)", ""),
    "close-any-unknown": ("close", "is_own_unknown(claim, own.nonce)", "claim.why == UNKNOWN"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_script_is_noticed(ledger: Ledger, redis: Redis, name: str) -> None:
    script, right, wrong = BROKEN[name]
    break_script(ledger, script.partition(",")[0], right, wrong)
    with pytest.raises(AssertionError):
        await check(ledger, redis, script)
