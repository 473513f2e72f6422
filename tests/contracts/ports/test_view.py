"""The ledger as the doors need it: the one in memory and the real one keep one contract."""

import os
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

import pytest

from ledger import Ledger
from ledger.claims import Absent, Cancel, Claim, Closed
from ledger.holds import Answer, Found, Hold, Word
from ledger.limits import Limit
from ledger.lock import Lock
from ledger.queues import Queue, Queues
from ledger.view import First, Seen
from schemas.provider import Provider
from schemas.public import StatusRecord
from schemas.settings import RedisSettings
from schemas.status import State
from tests.conftest import Store
from tests.fakes.ledger import MemoryLedger

HOUR = 3_600_000
FAR = 4_000_000_000_000


class Written(Protocol):
    """What the doors use, and the side of it that the status topic writes."""

    async def first(self, rows: Sequence[First]) -> None: ...
    async def put(self, rows: Sequence[StatusRecord]) -> None: ...
    async def get(self, message_id: str) -> Seen: ...
    async def get_many(self, ids: Sequence[str]) -> list[Seen]: ...
    async def hold(self, asks: Sequence[Hold]) -> list[Found]: ...
    async def release(self, message_id: str, token: str) -> None: ...
    async def answered(self, message_id: str, token: str, answer: Answer, forget_at: int) -> Answer: ...
    async def cancel(self, asks: Sequence[Cancel]) -> list[Claim]: ...
    async def allow(self, asks: Sequence[Limit]) -> list[int]: ...
    async def queues(self, organization: str, now: int) -> Queues: ...


@pytest.fixture(params=["memory", pytest.param("ledger", marks=pytest.mark.broker)])
async def view(request: pytest.FixtureRequest) -> AsyncIterator[Written]:
    if request.param == "memory":
        yield MemoryLedger(now=now())
        return
    store: Store = request.getfixturevalue("valkey")
    async with Ledger(RedisSettings(url=store.url)) as ledger:
        lock = await Lock.acquire(ledger.server, 30_000)
        if isinstance(lock, Lock):
            await lock.publish()
        await ledger.mark_whole(0, await ledger.begin_partition(0), 1)
        yield ledger


@pytest.fixture
def message_id() -> str:
    return f"m-{os.urandom(8).hex()}"


def now() -> int:
    return time.time_ns() // 1_000_000


def row(message_id: str, sequence: int = 0, **fields: Any) -> StatusRecord:
    known = {
        "id": f"{message_id}-{sequence}", "message_id": message_id, "organization": "acme",
        "sequence": sequence, "status": State.QUEUED, "at": 1, "accepted_at": 1, "forget_at": FAR,
        "from_number": "+1", "to_number": "+2", "text": "Grüße 🙂", "segments": 1, "fingerprint": "1:x",
    }  # fmt: skip
    return StatusRecord.model_validate(known | fields)


async def test_nothing_is_known_of_what_was_never_written(view: Written, message_id: str) -> None:
    assert await view.get(message_id) == Seen(None, Absent(), whole=True)


async def test_the_first_row_is_found_at_once(view: Written, message_id: str) -> None:
    await view.first([First(row(message_id)), First(row(message_id + "b"))])
    assert (await view.get(message_id)).row == row(message_id)
    assert (await view.get(message_id + "b")).row == row(message_id + "b")


async def test_many_are_found_in_their_order(view: Written, message_id: str) -> None:
    await view.first([First(row(message_id))])
    found = await view.get_many([message_id + "none", message_id])
    assert [seen.row for seen in found] == [None, row(message_id)]
    assert await view.get_many([]) == []


async def test_the_first_row_never_goes_over_another(view: Written, message_id: str) -> None:
    await view.put([row(message_id, 1)])
    await view.first([First(row(message_id))])
    assert (await view.get(message_id)).row == row(message_id, 1)


async def test_of_two_first_rows_the_first_stays(view: Written, message_id: str) -> None:
    await view.first([First(row(message_id, reference="a"))])
    await view.first([First(row(message_id, reference="b"))])
    assert (await view.get(message_id)).row == row(message_id, reference="a")


async def test_the_fold_goes_over_the_first_row_and_never_backwards(view: Written, message_id: str) -> None:
    await view.first([First(row(message_id))])
    await view.put([row(message_id, 2)])
    await view.put([row(message_id, 1)])
    assert (await view.get(message_id)).row == row(message_id, 2)


async def test_a_cancel_shows_before_the_fold_has_told_it(view: Written, message_id: str) -> None:
    await view.first([First(row(message_id))])
    assert not (await view.get(message_id)).cancelled
    wanted = [Cancel(message_id, 1, FAR)] * 2
    assert await view.cancel(wanted) == [Closed("cancelled", 0)] * 2
    assert (await view.get(message_id)).cancelled
    await view.put([row(message_id, 1, status=State.CANCELLED)])
    assert not (await view.get(message_id)).cancelled


def ask(message_id: str, token: str, content: str = "x", **more: Any) -> Hold:
    return Hold(message_id, f"1:{content}", token, **{"hold_ms": 60_000, "forget_at": FAR} | more)


async def words(view: Written, *asks: Hold) -> list[Word]:
    return [found.hold for found in await view.hold(asks)]


async def test_one_request_holds_a_key_until_its_row_is_there(view: Written, message_id: str) -> None:
    mine, theirs = ask(message_id, "mine"), ask(message_id, "theirs")
    other = ask(message_id, "other", "y")
    assert await words(view, mine, mine, theirs, other) == ["own", "own", "live", "live"]
    await view.first([First(row(message_id), "mine")])
    [found] = await view.hold([theirs])
    assert (found.hold, found.seen.row, found.answer) == ("none", row(message_id), None)


async def test_a_hold_that_is_over_is_bound_to_its_content(view: Written, message_id: str) -> None:
    mine, theirs = ask(message_id, "mine"), ask(message_id, "theirs")
    other = ask(message_id, "other", "y")
    await view.hold([mine])
    await view.release(message_id, "theirs")
    assert await words(view, other) == ["live"]
    await view.release(message_id, "mine")
    assert await words(view, other, theirs, mine) == ["bound", "own", "live"]
    late = ask(message_id + "late", "mine", hold_ms=-1)
    assert await words(view, late, ask(message_id + "late", "other", "y")) == ["own", "bound"]


async def test_a_hold_without_time_binds_its_content_only(view: Written, message_id: str) -> None:
    """What the Kafka door asks for: over when it begins."""
    bound = ask(message_id, "intake", hold_ms=0)
    assert await words(view, bound, ask(message_id, "b", "other"), bound) == ["own", "bound", "own"]
    assert await words(view, ask(message_id, "c"), bound) == ["own", "live"]


async def test_the_first_answer_is_kept_and_ends_the_hold(view: Written, message_id: str) -> None:
    first, second = Answer("1:x", 200, b"{ }\n"), Answer("1:x", 500, b"")
    mine, again = ask(message_id, "mine"), ask(message_id, "again", retake=True)
    other = ask(message_id, "other", "y", retake=True)
    await view.hold([mine])
    await view.first([First(row(message_id), "mine")])
    # The message is known, and was never answered: a repeat may wait for it.
    assert await words(view, mine, other, again, mine) == ["none", "none", "own", "live"]
    assert await view.answered(message_id, "again", first, FAR) == first
    assert await view.answered(message_id, "mine", second, FAR) == first
    [found] = await view.hold([again])
    assert (found.hold, found.answer) == ("none", first)


async def test_a_limit_lets_go_what_it_holds(view: Written, message_id: str) -> None:
    assert await view.allow([Limit(message_id, 1, 2)]) == [0]


async def test_queues_count_each_message_once(view: Written, message_id: str) -> None:
    organization, at = f"o{message_id}", now()
    mine: dict[str, Any] = {
        "organization": organization, "accepted_at": at - 5, "at": at - HOUR, "provider": "telnyx",
    }  # fmt: skip
    await view.first([First(row(message_id, **mine)), First(row(message_id + "b", **mine))])
    await view.put([row(message_id + "b", n, status=State.UNKNOWN, **mine) for n in (1, 2)])
    await view.put([row(message_id + "c", 1, status=State.UNDELIVERED, **mine)])
    await view.put([row(message_id + "d", 1, status=State.FAILED, **mine | {"at": at - 25 * HOUR})])
    await view.put([row(message_id + "e", 1, status=State.SENT, **mine)])
    empty = Queue(0, 0, 0, None)
    assert await view.queues(organization, at) == Queues(
        whole=True,
        queues={
            Provider.TWILIO: empty, Provider.TELNYX: Queue(1, 1, 1, at - 5), Provider.VONAGE: empty,
        },
    )  # fmt: skip
