"""A key that was used over Kafka is known to REST before its record is anywhere else."""

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from directory.snapshot import Directory
from ingress import metrics
from ingress.binding import Binding, Used
from ingress.codes import Code
from ingress.problems import Problem
from ingress.replies import Reply
from ingress.requested import Fate, Judged, Read, Terms, judge, read
from ledger import LedgerNotReadyError, LedgerUnavailableError
from ledger.holds import Found, Hold
from schemas import ids
from schemas.requests import SendRequest, fingerprint
from schemas.settings import IntakeSettings, MessageSettings
from schemas.topics import requests_of
from tests.fakes import world
from tests.fakes.doors import NOW, MemoryDoor
from tests.fakes.ledger import MemoryLedger

BODY = {"from_phone_number": world.TWILIO, "to_phone_number": world.HANDSET, "message": "Hello"}
ID = ids.of_key("acme", "k")
HOUR = 3_600_000


@dataclass
class Doors(MemoryDoor):
    """Both doors before one ledger. Nobody is behind them: no row is ever written."""

    async def over_kafka(self, **fields: Any) -> Judged:
        """As far as intake goes before it produces."""
        found = judged(record(**fields), self.directory)
        assert found.used is not None
        await Binding(self.view.hold, lambda: NOW).bind([found.used])
        return found

    async def over_rest(self, **fields: Any) -> Reply | Problem:
        request = SendRequest.model_validate({**BODY, "idempotency_key": "k", **fields})
        return await self.sending.send(request, "acme")


TERMS = Terms(IntakeSettings(), MessageSettings())


def judged(record: ConsumerRecord, directory: Directory) -> Judged:
    found = read(record, TERMS)
    return judge(found, directory, TERMS, NOW) if isinstance(found, Read) else found


def record(**fields: Any) -> ConsumerRecord:
    return ConsumerRecord(
        topic=requests_of("acme"), partition=0, offset=7, timestamp=NOW, timestamp_type=1, key=None,
        value=json.dumps({**BODY, "idempotency_key": "k", **fields}).encode(), checksum=None,
        serialized_key_size=0, serialized_value_size=0, headers=(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sender", "fate"), [(world.TWILIO, Fate.ACCEPTED), ("+19995550100", Fate.REFUSED), ("+1", Fate.REFUSED)]
)
async def test_other_content_over_rest_is_a_conflict_at_once(sender: str, fate: Fate) -> None:
    """Without it the answer is `queued`, for a message that is refused behind its caller's back."""
    doors = Doors(view=MemoryLedger(now=NOW))
    assert (await doors.over_kafka(from_phone_number=sender)).fate is fate
    problem = await doors.over_rest(message="Other")
    assert isinstance(problem, Problem)
    assert (problem.code, problem.more["message_id"]) == (Code.CONFLICT, ID)
    assert doors.broker.records == []


async def test_the_same_content_over_rest_is_the_same_message() -> None:
    doors = Doors(view=MemoryLedger(now=NOW))
    await doors.over_kafka()
    answer = await doors.over_rest()
    assert isinstance(answer, Reply)
    assert [message.message_id for message in doors.broker.messages()] == [ID]


async def test_a_request_that_is_under_way_keeps_its_key() -> None:
    doors = Doors(view=MemoryLedger(now=NOW))
    mine = Hold(ID, "1:mine", "rest", hold_ms=5000, forget_at=NOW + 72 * HOUR)
    await doors.view.hold([mine])
    await doors.over_kafka()
    [found] = await doors.view.hold([mine])
    assert found.hold == "own"


async def test_of_two_contents_in_a_batch_the_first_counts() -> None:
    """As it does for `route`."""
    doors = Doors(view=MemoryLedger(now=NOW))
    used = [Used(ID, fingerprint(SendRequest.model_validate({**BODY, "message": text}))) for text in "ab"]
    await Binding(doors.view.hold, lambda: NOW).bind(used)
    assert isinstance(await doors.over_rest(message="a"), Reply)
    assert isinstance(await doors.over_rest(message="b"), Problem)


@pytest.mark.parametrize("key", [None, "", "k"])
def test_only_a_record_with_a_key_uses_one(key: str | None) -> None:
    found = judged(record(idempotency_key=key), world.directory())
    asked = SendRequest.model_validate({**BODY, "idempotency_key": key})
    assert found.used == (Used(ID, fingerprint(asked)) if key else None)


async def test_what_is_asked_of_the_ledger() -> None:
    """Over at once, and for an hour: the row is there by then."""
    asked: list[list[Hold]] = []

    async def hold(asks: Sequence[Hold]) -> list[Found]:
        asked.append(list(asks))
        return []

    await Binding(hold, lambda: NOW).bind([Used(f"m-{n}", "1:x") for n in range(1200)])
    # Each call holds up everybody else.
    assert [len(asks) for asks in asked] == [500, 500, 200]
    assert asked[0][0] == Hold("m-0", "1:x", "intake", hold_ms=0, forget_at=NOW + HOUR)


@pytest.mark.parametrize("down", [LedgerUnavailableError("away"), LedgerNotReadyError("not yet")])
async def test_without_the_ledger_records_go_on(down: Any, caplog: pytest.LogCaptureFixture) -> None:
    before = metrics.KEYS_UNBOUND._value.get()
    with caplog.at_level(logging.WARNING):
        await Binding(MemoryLedger(down=down).hold, lambda: NOW).bind([Used(ID, "1:x"), Used("m", "1:y")])
    assert "keys.unbound count=2" in caplog.text
    assert metrics.KEYS_UNBOUND._value.get() == before + 2


async def test_records_do_not_wait_for_a_ledger_that_hangs() -> None:
    never = asyncio.Event()

    async def hang(_: Sequence[Hold]) -> list[Found]:
        await never.wait()
        raise AssertionError

    async with asyncio.timeout(10):
        await Binding(hang, lambda: NOW).bind([Used(ID, "1:x")])
    never.set()
