"""What operators are told of their providers' health: each change once, and only of the own provider."""

from logging import INFO, WARNING

from dispatchers.health import changes, only, show
from dispatchers.metrics import BREAKER_OPEN
from ledger.health import Breaker, Health, Slowed
from ledger.health import health as answered
from schemas.provider import Provider
from tests.unit.dispatchers.test_paces import ACCOUNT, SENDER, directory, number

OPEN, PROBING = Breaker("open", 100, 2_100), Breaker("probing", 100, 20_000)
NOTHING = Health(50, {}, {})


def health(at: int, *breaker: Breaker, **slowed: float) -> Health:
    shares = {pace: Slowed(share, 0) for pace, share in slowed.items()}
    return Health(at, dict(zip(["tw"], breaker, strict=False)), shares)


def said(before: Health, now: Health) -> list[tuple[int, str]]:
    return [(level, line.split(":")[0]) for level, line in changes(before, now)]


def test_a_breaker_is_told_as_it_opens_and_as_it_closes() -> None:
    assert said(NOTHING, health(200, OPEN)) == [(WARNING, "breaker.open account=tw")]
    assert said(health(200, OPEN), health(300, PROBING)) == []
    closed = health(400, Breaker("closed", 350))
    assert said(health(300, PROBING), closed) == [(INFO, "breaker.closed account=tw")]
    assert said(closed, health(500, Breaker("closed", 350, bad=1, all=9))) == []


def test_what_opened_and_closed_between_two_looks_is_told() -> None:
    closed = Breaker("closed", 350)
    assert said(health(200, Breaker("closed", 0)), health(400, closed)) == [
        (INFO, "breaker.closed account=tw")
    ]
    # Whoever starts later has missed nothing of its own.
    assert said(Health(0, {}, {}), health(400, closed)) == []


def test_a_slowed_pace_is_told_once_and_when_it_is_back() -> None:
    half, less = health(100, fast=0.5), health(200, fast=0.25)
    assert said(NOTHING, half) == [(WARNING, "pace.slowed pace=fast share=0.50")]
    assert said(half, less) == []
    assert said(less, health(300)) == [(INFO, "pace.restored pace=fast")]


def test_each_process_tells_of_its_own_provider() -> None:
    slowed = Slowed(0.5, 0)
    mine = {f"number:{SENDER}": slowed, "account:tw": slowed}
    found = Health(1, {"tw": OPEN, "vo": OPEN}, {**mine, "number:+1": slowed, "account:vo": slowed})
    known = directory(ACCOUNT, number())
    assert only(found, known, Provider.TWILIO) == Health(1, {"tw": OPEN}, mine)
    assert only(found, known, Provider.VONAGE) == Health(1, {}, {})


def test_a_breaker_that_is_not_known_any_more_is_closed() -> None:
    """Its account left, or the ledger has forgotten it."""
    assert said(health(200, OPEN), health(300)) == [(INFO, "breaker.closed account=tw")]
    show(health(200, OPEN))
    assert [sample.value for sample in next(iter(BREAKER_OPEN.collect())).samples] == [1]
    show(health(300))
    assert next(iter(BREAKER_OPEN.collect())).samples == []


def test_what_nothing_was_heard_of_for_an_hour_is_not_told() -> None:
    """Another account's outcomes keep the hash alive."""
    hour = 3_600_000
    lines = [b"breaker:old", b"open 2000 50 1000", b"breaker:tw", b"probing 2000 60 2000 n"]
    paces = [b"number:old", b"0.5 1000000 900000", b"number:new", b"0.5 1000000 2000000"]
    found = answered((1_000 + hour, lines, paces))
    assert (set(found.not_closed), set(found.slowed)) == ({"tw"}, {"number:new"})
    assert answered((999 + hour, lines, paces)).not_closed.keys() == {"old", "tw"}
