"""A lost ledger counts again what the day's caps have let go: never too little, whatever came of it."""

from ledger.days import Day, day, midnights
from ledger.recount import Recount
from schemas.facts import AmbiguousFact, AnyFact, OutcomeFact
from schemas.provider import Accepted, Certain, Fault, Provider, Rejected, Throttled, Unavailable
from schemas.tasks import Intent, Intents, RecordId, Void

RECORD = RecordId(topic="sms.dispatch.twilio.queued.v1", partition=1, offset=7)
NUMBER, BRAND = "number:+14155550100", "brand:acme"
TODAY = Day(1_000_000_000, 1_086_400_000)
NOON = TODAY.start + 43_200_000
ATTEMPTED = {
    "message_id": "m", "organization": "acme", "forget_at": 2_000_000_000, "attempt": 1,
    "provider": Provider.TWILIO, "account": "main", "sender": "+14155550100",
}  # fmt: skip


def intents(at: int, *nonces: str, segments: int = 1, voids: tuple[str, ...] = ()) -> Intents:
    made = [
        Intent(**ATTEMPTED, nonce=nonce, record=RECORD, segments=segments, caps=(NUMBER, BRAND))
        for nonce in nonces
    ]
    gone = [Void(message_id="m", attempt=1, nonce=nonce) for nonce in voids]
    return Intents(at=at, intents=tuple(made), voids=tuple(gone))


def outcome(nonce: str, came: Certain, at: int = NOON, *, again: bool = False) -> OutcomeFact:
    return OutcomeFact(**ATTEMPTED, at=at, nonce=nonce, record=RECORD, outcome=came, again=again)


def counted(facts: list[AnyFact], *batches: Intents) -> int:
    recount = Recount(TODAY)
    for fact in facts:
        recount.fact(fact)
    for batch in batches:
        recount.intents(batch)
    found = recount.segments
    assert found.get(NUMBER) == found.get(BRAND)
    return found.get(NUMBER, 0)


def test_what_was_sent_or_may_have_been_counts_its_segments() -> None:
    unknown = AmbiguousFact(**ATTEMPTED, at=NOON, nonces=("c",), detail="timeout")
    facts: list[AnyFact] = [
        outcome("a", Accepted(provider_message_id="SM1")),
        outcome("b", Rejected(fault=Fault.RECIPIENT, detail="no such number")),
        unknown,
    ]
    assert counted(facts, intents(NOON, "a", "b"), intents(NOON, "c", "d", segments=3)) == 8


def test_what_provably_was_not_sent_does_not() -> None:
    facts: list[AnyFact] = [
        outcome("a", Throttled()),
        outcome("b", Unavailable(detail="refused")),
        outcome("c", Rejected(fault=Fault.SENDER, detail="not registered"), again=True),
    ]
    assert counted(facts, intents(NOON, "a", "b", "c", "d"), intents(NOON, voids=("d",))) == 0


def test_a_day_is_from_midnight_to_midnight_and_what_waited_over_it_counts() -> None:
    assert counted([], intents(TODAY.start - 3_600_000, "a")) == 0
    assert counted([], intents(TODAY.start - 1_000, "a"), intents(TODAY.start, "b")) == 2


def test_an_intent_that_is_read_twice_counts_once() -> None:
    assert counted([], intents(NOON, "a"), intents(NOON, "a")) == 1


def test_a_day_begins_and_ends_by_the_clocks_of_its_zone() -> None:
    # In Los Angeles clocks go forward on 8 March 2026: that day has 23 hours.
    hour = 3_600_000
    noon = 1_772_996_400_000  # 2026-03-08 12:00 there
    sunday = day("America/Los_Angeles", noon)
    assert sunday == Day(noon - 11 * hour, noon + 12 * hour)
    assert midnights("America/Los_Angeles", noon)[0] == sunday.start - 24 * hour
    assert day("America/Los_Angeles", sunday.end) == Day(sunday.end, sunday.end + 24 * hour)
    assert day("America/Los_Angeles", sunday.end - 1) == sunday
