"""A send over REST: what is said when, whatever broker and ledger do."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from ingress.codes import Code
from ingress.problems import Problem
from ingress.sending import Queued, Sending
from ledger import LedgerNotReadyError, LedgerUnavailableError
from schemas import ids
from schemas.messages import Message
from schemas.provider import Provider
from schemas.public import Failure, StatusRecord
from schemas.requests import SendRequest
from schemas.settings import MessageSettings
from schemas.status import State
from tests.fakes import world
from tests.fakes.doors import MemoryBroker, MemoryView

NOW = 1_700_000_000_000
DOWN = [LedgerNotReadyError("epoch"), LedgerUnavailableError("timeout")]


@dataclass
class Door:
    """A door with everything in memory."""

    view: MemoryView = field(default_factory=MemoryView)
    broker: MemoryBroker = field(default_factory=MemoryBroker)

    async def send(self, organization: str = "acme", **fields: Any) -> Queued | Problem:
        sending = Sending(
            world.directory,
            self.view,
            self.broker,
            MessageSettings(),
            clock=lambda: NOW,
            random=lambda count: b"\x07" * count,
        )
        body = {"from_phone_number": world.TWILIO, "to_phone_number": world.HANDSET, "message": "Hello"}
        return await sending.send(SendRequest.model_validate({**body, **fields}), organization)

    def published(self) -> list[Message]:
        return [Message.decode(value) for _, value in self.broker.records]


async def test_acknowledged_then_shown_then_answered() -> None:
    door = Door()
    answer = await door.send()
    (message,) = door.published()
    assert answer == Queued(message.message_id, Provider.TWILIO)
    assert door.broker.records[0][0] == message.message_id
    assert message.message_id == ids.uuid7(NOW, b"\x07" * 10)
    row = door.view.rows[message.message_id]
    assert (row.sequence, row.status, row.organization) == (0, State.QUEUED, "acme")
    assert (row.provider, row.fingerprint) == (Provider.TWILIO, message.content.fingerprint)


async def test_nothing_is_queued_that_the_broker_has_not_acknowledged() -> None:
    door = Door()
    door.broker.away = True
    problem = await door.send(idempotency_key="k")
    assert isinstance(problem, Problem)
    assert problem.code is Code.BROKER_UNAVAILABLE
    assert problem.more["message_id"] == ids.of_key("acme", "k")
    assert "Retry-After" in problem.headers
    assert door.view.rows == {}


async def test_a_refused_request_reaches_nobody() -> None:
    door = Door()
    problem = await door.send(message="")
    assert isinstance(problem, Problem)
    assert problem.code is Code.EMPTY_MESSAGE
    assert door.broker.records == []
    assert door.view.rows == {}


async def test_a_used_key_is_answered_without_producing() -> None:
    door = Door()
    first = await door.send(idempotency_key="k")
    assert isinstance(first, Queued)
    again = await door.send(idempotency_key="k")
    assert again == Queued(first.message_id, first.provider, replayed=True)
    assert len(door.broker.records) == 1


async def test_a_used_key_with_other_content_is_a_conflict() -> None:
    door = Door()
    await door.send(idempotency_key="k")
    problem = await door.send(idempotency_key="k", message="Other")
    assert isinstance(problem, Problem)
    assert problem.code is Code.CONFLICT
    assert problem.more["message_id"] == ids.of_key("acme", "k")
    assert len(door.broker.records) == 1


async def test_another_organizations_key_is_another_key() -> None:
    door = Door()
    await door.send(idempotency_key="k")
    other = await door.send("globex", from_phone_number=world.OTHERS, idempotency_key="k")
    assert isinstance(other, Queued)
    assert not other.replayed
    assert len(door.broker.records) == 2


async def test_a_repeat_is_answered_after_its_sender_was_suspended() -> None:
    """What was taken was taken: the first answer still holds."""
    door = Door()
    message_id = ids.of_key("acme", "k")
    await door.send(idempotency_key="k")
    row = door.view.rows.pop(message_id)
    # As if the number had been suspended in between: the row is of a number that is suspended now.
    suspended = "+14155550103"
    known = await fingerprint_of(from_phone_number=suspended, idempotency_key="k")
    door.view.rows[message_id] = row.model_copy(update={"fingerprint": known})
    answer = await door.send(from_phone_number=suspended, idempotency_key="k")
    assert answer == Queued(message_id, Provider.TWILIO, replayed=True)


async def fingerprint_of(**fields: Any) -> str:
    from schemas.requests import fingerprint

    body = {"from_phone_number": world.TWILIO, "to_phone_number": world.HANDSET, "message": "Hello"}
    return fingerprint(SendRequest.model_validate({**body, **fields}))


@pytest.mark.parametrize("sender", ["+19995550100", world.TWILIO])
async def test_what_the_kafka_door_refused_is_refused_here_too(sender: str) -> None:
    """Also when it would be taken by now: the message has failed, and `queued` would never come true."""
    door = Door()
    fields = {"from_phone_number": sender, "idempotency_key": "k"}
    message_id = ids.of_key("acme", "k")
    await door.view.put([failed(message_id, await fingerprint_of(**fields))])
    problem = await door.send(**fields)
    assert isinstance(problem, Problem)
    assert problem.code is Code.SENDER_NOT_FOUND


def failed(message_id: str, fingerprint: str) -> StatusRecord:
    return StatusRecord(
        id="s", message_id=message_id, organization="acme", sequence=1, status=State.FAILED, at=NOW,
        accepted_at=NOW, forget_at=NOW, from_number="", to_number="", text="", segments=1,
        fingerprint=fingerprint, failure=Failure(code="sender_not_found", detail="No assistant has it"),
    )  # fmt: skip


async def test_while_the_view_is_not_whole_only_keys_that_it_knows_are_answered() -> None:
    door = Door()
    await door.send(idempotency_key="known")
    door.view.whole = False
    known = await door.send(idempotency_key="known")
    assert isinstance(known, Queued)
    unknown = await door.send(idempotency_key="unknown")
    assert isinstance(unknown, Problem)
    assert unknown.code is Code.LEDGER_UNAVAILABLE
    assert unknown.more["message_id"] == ids.of_key("acme", "unknown")
    assert isinstance(await door.send(), Queued)
    assert len(door.broker.records) == 2


@pytest.mark.parametrize("down", DOWN)
async def test_without_the_ledger_requests_without_a_key_go_on(
    down: LedgerNotReadyError | LedgerUnavailableError,
) -> None:
    door = Door()
    door.view.down = down
    assert isinstance(await door.send(), Queued)
    keyed = await door.send(idempotency_key="k")
    assert isinstance(keyed, Problem)
    assert keyed.code is Code.LEDGER_UNAVAILABLE
    malformed = await door.send(idempotency_key="k", message="")
    assert isinstance(malformed, Problem)
    assert malformed.code is Code.EMPTY_MESSAGE
    assert len(door.broker.records) == 1
