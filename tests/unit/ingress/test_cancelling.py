"""A cancel is decided once, by the claim; whatever is cut short on the way can be repeated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from ingress.cancelling import Already, Cancelled
from ingress.codes import Code
from ingress.problems import Problem
from ledger import LedgerNotReadyError, LedgerUnavailableError
from ledger.claims import Absent, Cancel, Claim, Closed, Open, Sending, Why
from schemas import topics
from schemas.facts import CancelAsked, ClosedWhy
from schemas.facts import Closed as ClosedFact
from schemas.provider import Provider
from schemas.public import StatusRecord
from schemas.status import State
from tests.fakes.doors import NOW, MemoryDoor
from tests.fakes.ledger import MemoryLedger

ID = "01900000-0000-7000-8000-00000000000a"
HELD = Sending(attempt=1, record="t:0:1", nonce="n", until=1, maybe_sent=False)
DOWN = [LedgerNotReadyError("epoch"), LedgerUnavailableError("timeout")]


def row(status: State = State.QUEUED, **fields: Any) -> StatusRecord:
    found: dict[str, Any] = {"sequence": 1, "provider": Provider.TELNYX, **fields}
    return StatusRecord(
        id="s", message_id=ID, organization="acme", status=status, at=0, accepted_at=0, forget_at=NOW + 1,
        from_number="+1", to_number="+2", text="Hello", segments=1, fingerprint="1:x", **found,
    )  # fmt: skip


@dataclass
class Door(MemoryDoor):
    """A door with one message."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.view.rows.setdefault(ID, row())

    async def cancel(self) -> Cancelled | Already | Problem:
        return await self.cancelling.cancel(ID, "acme")

    async def fold(self, status: State) -> None:
        await self.view.put([row(status, sequence=self.view.rows[ID].sequence + 1)])


def holding(claim: Claim, status: State = State.QUEUED) -> Door:
    door = Door()
    door.view.claims[ID] = claim
    door.view.rows[ID] = row(status)
    return door


@pytest.mark.parametrize(
    ("claim", "attempt"), [(Absent(), 1), (Open(attempt=2, record="t:0:1", maybe_sent=False), 2)]
)
async def test_the_wish_then_the_claim_then_the_fact(claim: Claim, attempt: int) -> None:
    """In this order: a claim without the wish in Kafka is forgotten with the ledger, and the message sent."""
    seen: list[int] = []

    class Watched(MemoryLedger):
        async def cancel(self, asks: Sequence[Cancel]) -> list[Claim]:
            seen.append(len(door.broker.records))
            return await super().cancel(asks)

    door = Door(view=Watched())
    door.view.claims[ID] = claim
    assert await door.cancel() == Cancelled(ID)
    assert seen == [1]
    asked, closed = door.broker.facts()
    assert asked == CancelAsked(
        message_id=ID, organization="acme", at=NOW, forget_at=NOW + 1, attempt=attempt
    )
    assert closed == ClosedFact(
        message_id=ID, organization="acme", at=NOW, forget_at=NOW + 1, why=ClosedWhy.CANCELLED
    )
    assert {(topic, key) for topic, key, _ in door.broker.records} == {(topics.EVENTS, ID)}


@pytest.mark.parametrize(
    ("status", "word"), [(State.QUEUED, "sending"), (State.UNKNOWN, "unknown")], ids=["queued", "unknown"]
)
@pytest.mark.parametrize(
    ("claim", "attempt"),
    [(HELD, 1), (Closed("unknown", 1), 1), (Open(attempt=2, record="t:0:1", maybe_sent=True), 2)],
)
async def test_what_may_have_been_sent_is_already_sending(
    claim: Claim, attempt: int, status: State, word: str
) -> None:
    """The wish is kept for the policy, of an attempt that no rebuild cancels after this answer."""
    door = holding(claim, status)
    assert await door.cancel() == Already(ID, "sending", word)
    assert door.view.claims[ID] == claim
    (asked,) = door.broker.facts()
    assert isinstance(asked, CancelAsked)
    assert asked.attempt == attempt


async def test_a_wish_that_came_too_late_is_not_told_unless_it_is_kept() -> None:
    door = holding(Closed("unknown", 1))
    door.broker.away = True
    assert isinstance(await door.cancel(), Problem)


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        (HELD, Already(ID, "sending", "sending")),
        (Closed("unknown", 1, "n"), Already(ID, "sending", "sending")),
        (Closed("sent", 1), Already(ID, "sending", "sending")),
        (Closed("expired", 1), Already(ID, "failed", "failed")),
        (Closed("opted_out", 1), Already(ID, "failed", "failed")),
        (Closed("sender_suspended", 1), Already(ID, "failed", "failed")),
    ],
)
async def test_a_dispatcher_that_was_quicker_than_the_wish(claim: Claim, expected: Already) -> None:
    """Between the look and the claim: what counts is the claim."""

    class Raced(MemoryLedger):
        async def cancel(self, asks: Sequence[Cancel]) -> list[Claim]:
            self.claims[ID] = claim
            return await super().cancel(asks)

    door = Door(view=Raced())
    assert await door.cancel() == expected
    assert [type(fact) for fact in door.broker.facts()] == [CancelAsked]


async def test_an_attempt_that_came_to_nothing_meanwhile_is_followed_by_a_wish_for_the_next() -> None:
    """A wish is good for one attempt: the claim was tried between look and claim, and is open again."""

    class Tried(MemoryLedger):
        async def cancel(self, asks: Sequence[Cancel]) -> list[Claim]:
            if self.claims.get(ID) is None:
                self.claims[ID] = Open(attempt=2, record="t:0:1", maybe_sent=False)
            return await super().cancel(asks)

    door = Door(view=Tried())
    assert await door.cancel() == Cancelled(ID)
    first, second, closed = door.broker.facts()
    assert isinstance(first, CancelAsked)
    assert isinstance(second, CancelAsked)
    assert isinstance(closed, ClosedFact)
    assert (first.attempt, second.attempt) == (1, 2)


async def test_what_is_held_until_its_time_is_cancelled_though_it_has_no_sender_yet() -> None:
    door = Door()
    held: dict[str, Any] = {"send_at": NOW + 3_600_000, "use_case_id": "u", "provider": None, "sequence": 0}
    door.view.rows[ID] = row(**held)
    assert await door.cancel() == Cancelled(ID)
    asked, closed = door.broker.facts()
    assert isinstance(asked, CancelAsked)
    assert isinstance(closed, ClosedFact)
    assert (asked.attempt, closed.why) == (1, ClosedWhy.CANCELLED)
    assert door.view.claims[ID] == Closed("cancelled", 0)


@pytest.mark.parametrize("why", [why.value for why in ClosedWhy if why is not ClosedWhy.CANCELLED])
async def test_what_is_over_is_not_asked_for(why: Why) -> None:
    door = holding(Closed(why, 1))
    assert await door.cancel() == Already(ID, "failed", "failed")
    assert door.broker.records == []


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (State.UNKNOWN, "sending"),
        (State.SENT, "sent"),
        (State.DELIVERED, "sent"),
        (State.UNDELIVERED, "failed"),
        (State.FAILED, "failed"),
        (State.CANCELLED, "cancelled"),
    ],
)
async def test_what_has_moved_on_is_told_by_its_row(status: State, word: str) -> None:
    door = holding(Absent(), status)
    assert await door.cancel() == Already(ID, word, status)
    assert door.broker.records == []


async def test_a_row_that_is_about_to_say_more_is_waited_for() -> None:
    """The claim is closed before the fold has told: `sending` would be wrong a moment later."""

    class Telling(MemoryLedger):
        async def get_many(self, ids: Sequence[str]) -> list[Any]:
            await door.fold(State.SENT)
            return await super().get_many(ids)

    door = Door(view=Telling())
    door.view.claims[ID] = Closed("sent", 1)
    assert await door.cancel() == Already(ID, "sent", "sent")


async def test_a_repeat_of_what_was_decided_but_not_told_succeeds_and_tells_it() -> None:
    """As after a 503, or a kill between claim and fact: else the row would stay `queued` for ever."""

    class Cut(MemoryLedger):
        async def cancel(self, asks: Sequence[Cancel]) -> list[Claim]:
            door.broker.away = True
            return await super().cancel(asks)

    door = Door(view=Cut())
    first = await door.cancel()
    assert isinstance(first, Problem)
    assert first.code is Code.BROKER_UNAVAILABLE
    door.broker.away = False
    assert await door.cancel() == Cancelled(ID)
    assert [fact.type for fact in door.broker.facts()] == ["cancel_asked.v1", "closed.v1"]


async def test_a_repeat_of_what_was_told_is_already_cancelled() -> None:
    door = Door()
    assert await door.cancel() == Cancelled(ID)
    await door.fold(State.CANCELLED)
    assert await door.cancel() == Already(ID, "cancelled", "cancelled")


async def test_a_repeat_before_the_fold_has_told_waits_for_it() -> None:
    class Telling(MemoryLedger):
        async def get_many(self, ids: Sequence[str]) -> list[Any]:
            await door.fold(State.CANCELLED)
            return await super().get_many(ids)

    door = Door(view=Telling())
    assert await door.cancel() == Cancelled(ID)
    assert await door.cancel() == Already(ID, "cancelled", "cancelled")


async def test_a_wish_that_is_not_acknowledged_decides_nothing() -> None:
    door = Door()
    door.broker.away = True
    problem = await door.cancel()
    assert isinstance(problem, Problem)
    assert problem.code is Code.BROKER_UNAVAILABLE
    assert door.view.claims == {}


@pytest.mark.parametrize("down", DOWN)
async def test_without_the_ledger_nothing_is_decided(
    down: LedgerNotReadyError | LedgerUnavailableError,
) -> None:
    class NoClaims(MemoryLedger):
        async def cancel(self, _: Sequence[Cancel]) -> list[Claim]:
            raise down

    for door in (Door(view=NoClaims()), Door(view=MemoryLedger(down=down))):
        problem = await door.cancel()
        assert isinstance(problem, Problem)
        assert problem.code is Code.LEDGER_UNAVAILABLE
        assert "Retry-After" in problem.headers


async def test_an_unknown_id_is_404_only_in_a_whole_view() -> None:
    door = Door()
    door.view.rows.clear()
    missing = await door.cancel()
    door.view.whole = False
    unsure = await door.cancel()
    assert isinstance(missing, Problem)
    assert isinstance(unsure, Problem)
    assert (missing.code, unsure.code) == (Code.MESSAGE_NOT_FOUND, Code.LEDGER_UNAVAILABLE)


@pytest.mark.parametrize("down", DOWN)
async def test_what_was_not_even_asked_is_not_said_to_hold(
    down: LedgerNotReadyError | LedgerUnavailableError,
) -> None:
    door = Door()
    door.view.down = down
    answer = await door.cancel()
    assert isinstance(answer, Problem)
    assert (answer.code, "may still hold" in answer.detail) == (Code.LEDGER_UNAVAILABLE, False)
    assert door.broker.records == []
