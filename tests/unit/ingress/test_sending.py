"""A send over REST: what is said when, whatever broker and ledger do."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ingress import replies
from ingress.codes import Code
from ingress.problems import Problem
from ingress.replies import Reply, Subject
from ledger import LedgerNotReadyError, LedgerUnavailableError
from ledger.claims import Closed
from ledger.holds import Found, Hold
from ledger.optouts import Reach
from ledger.view import First, Seen
from schemas import ids, topics
from schemas.provider import Provider
from schemas.public import Failure, StatusRecord
from schemas.requests import SendRequest, fingerprint
from schemas.settings import MessageSettings
from schemas.status import State
from schemas.tracing import Headers
from tests.fakes import world
from tests.fakes.doors import NOW, MemoryBroker, MemoryDoor, until
from tests.fakes.ledger import MemoryLedger
from tests.fakes.pools import USE_CASE

BODY = {"from_phone_number": world.TWILIO, "to_phone_number": world.HANDSET, "message": "Hello"}
DOWN = [LedgerNotReadyError("epoch"), LedgerUnavailableError("timeout")]


@dataclass
class Door(MemoryDoor):
    """A door with everything in memory."""

    async def send(self, organization: str = "acme", **fields: Any) -> Reply | Problem:
        return await self.sending.send(SendRequest.model_validate({**BODY, **fields}), organization)


async def test_acknowledged_then_shown_then_answered() -> None:
    door = Door()
    answer = await door.send()
    (message,) = door.broker.messages()
    assert answer == replies.queued(Subject(message.message_id, Provider.TWILIO, 1))
    assert door.broker.records[0][:2] == (topics.MESSAGES, message.message_id)
    assert message.message_id == ids.uuid7(NOW, (1).to_bytes(10))
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


@pytest.mark.parametrize("flaw", [{"message": ""}, {"to_phone_number": "nobody"}])
async def test_what_is_malformed_waits_for_no_ledger(flaw: dict[str, str]) -> None:
    class Unasked(MemoryLedger):
        async def opted_out(self, reaches: Sequence[Reach]) -> list[bool]:
            raise AssertionError(reaches)

    door = Door(view=Unasked())
    through: dict[str, Any] = {"from_phone_number": None, "use_case_id": USE_CASE, **flaw}
    problem = await door.send(**through)
    assert isinstance(problem, Problem)
    assert problem.code in {Code.EMPTY_MESSAGE, Code.INVALID_RECIPIENT}


async def test_a_used_key_is_answered_without_producing() -> None:
    door = Door()
    first = await door.send(idempotency_key="k")
    again = await door.send(idempotency_key="k")
    assert isinstance(first, Reply)
    assert again == replace(first, outcome="replayed", replayed=True)
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
    assert isinstance(other, Reply)
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
    known = fingerprint_of(from_phone_number=suspended, idempotency_key="k")
    door.view.rows[message_id] = row.model_copy(update={"fingerprint": known})
    answer = await door.send(from_phone_number=suspended, idempotency_key="k")
    assert answer == replies.queued(Subject(message_id, Provider.TWILIO, 1), replayed=True)


ACCOUNT = "account: tw}"
OWNED = f'"{world.TWILIO}": {{{ACCOUNT}'


@pytest.mark.parametrize(
    ("fields", "after", "code"),
    [
        ({}, "account: tw, capabilities: [mms]}", Code.SMS_NOT_SUPPORTED),
        (
            {"media_urls": ["https://a.example/x"]},
            "account: tw, capabilities: [sms]}",
            Code.MEDIA_NOT_SUPPORTED,
        ),
        ({"message": "x" * 1600}, "account: tx}", Code.TEXT_TOO_LONG_FOR_PROVIDER),
        (
            {"media_urls": ["https://a.example/" + "x" * 2000]},
            "account: tx}",
            Code.INVALID_MEDIA_URL,
        ),
        ({}, "account: tw, status: suspended}", Code.SENDER_SUSPENDED),
        ({}, "account: tw-old}", Code.ACCOUNT_UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("queue", [True, False])
async def test_whatever_the_directory_refuses_by_now_its_repeat_is_replayed(
    fields: dict[str, Any], after: str, code: Code, queue: bool
) -> None:
    """Also a 400: what a number can do, and which provider's limits count, is the directory's."""
    door = Impatient()
    asked = {"queue": queue, **fields}
    first = await door.send(idempotency_key="k", **asked)
    assert isinstance(first, Reply)
    assert OWNED in world.FILE
    door.directory = world.directory(world.FILE.replace(OWNED, OWNED.replace(ACCOUNT, after)))
    again = await door.send(idempotency_key="k", **asked)
    assert again == replace(first, outcome="replayed", replayed=True)
    for key in (None, "new"):
        refused = await door.send(idempotency_key=key, **asked)
        assert isinstance(refused, Problem)
        assert refused.code is code
    assert ids.of_key("acme", "new") not in door.view.holds


def fingerprint_of(**fields: Any) -> str:
    return fingerprint(SendRequest.model_validate({**BODY, **fields}))


@pytest.mark.parametrize("sender", ["+19995550100", world.TWILIO])
async def test_what_the_kafka_door_refused_is_refused_here_too(sender: str) -> None:
    """Also when it would be taken by now: the message has failed, and `queued` would never come true."""
    door = Door()
    fields = {"from_phone_number": sender, "idempotency_key": "k"}
    message_id = ids.of_key("acme", "k")
    await door.view.put([failed(message_id, fingerprint_of(**fields))])
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
    assert isinstance(known, Reply)
    unknown = await door.send(idempotency_key="unknown")
    assert isinstance(unknown, Problem)
    assert unknown.code is Code.LEDGER_UNAVAILABLE
    assert unknown.more["message_id"] == ids.of_key("acme", "unknown")
    assert isinstance(await door.send(), Reply)
    assert len(door.broker.records) == 2


@pytest.mark.parametrize("down", DOWN)
async def test_without_the_ledger_requests_without_a_key_go_on(
    down: LedgerNotReadyError | LedgerUnavailableError,
) -> None:
    door = Door()
    door.view.down = down
    assert isinstance(await door.send(), Reply)
    keyed = await door.send(idempotency_key="k")
    assert isinstance(keyed, Problem)
    assert keyed.code is Code.LEDGER_UNAVAILABLE
    malformed = await door.send(idempotency_key="k", message="")
    assert isinstance(malformed, Problem)
    assert malformed.code is Code.EMPTY_MESSAGE
    assert len(door.broker.records) == 1


async def test_a_key_whose_first_request_is_under_way_is_in_flight() -> None:
    """Without the hold both are produced, and the second is answered by a message that may not be its own."""
    door = Door()
    door.sending = slow(door, gate := asyncio.Event())
    first = asyncio.create_task(door.send(idempotency_key="k"))
    await until(lambda: bool(door.view.holds))
    for fields in ({}, {"message": "Other"}):
        async with asyncio.timeout(10):
            again = await door.send(idempotency_key="k", **fields)
        assert isinstance(again, Problem)
        assert (again.code, again.headers["Retry-After"]) == (Code.IN_FLIGHT, "1")
    gate.set()
    assert isinstance(await first, Reply)
    replayed = await door.send(idempotency_key="k")
    assert isinstance(replayed, Reply)
    assert replayed.replayed
    assert len(door.broker.records) == 1


def slow(door: MemoryDoor, gate: asyncio.Event) -> Any:
    """The door's send, whose broker acknowledges when it is told to."""

    class Broker(MemoryBroker):
        async def __call__(self, topic: str, message_id: str, value: bytes, headers: Headers) -> None:
            await gate.wait()
            await door.broker(topic, message_id, value, headers)

    made = MemoryDoor(view=door.view, broker=Broker(), immediate_seconds=door.immediate_seconds)
    return made.sending


async def test_after_a_produce_without_acknowledgement_the_key_keeps_its_content() -> None:
    """It may still be sent: other content would be a second message under the key."""
    door = Door()
    door.broker.away = True
    await door.send(idempotency_key="k")
    door.broker.away = False
    other = await door.send(idempotency_key="k", message="Other")
    assert isinstance(other, Problem)
    assert other.code is Code.CONFLICT
    again = await door.send(idempotency_key="k")
    assert isinstance(again, Reply)
    assert not again.replayed


async def test_a_refused_request_does_not_use_its_key_up() -> None:
    """Its owner mends the request, and sends it under the same key."""
    door = Door()
    refused = await door.send(idempotency_key="k", from_phone_number="+19995550100")
    assert isinstance(refused, Problem)
    assert refused.code is Code.SENDER_NOT_FOUND
    mended = await door.send(idempotency_key="k")
    assert isinstance(mended, Reply)
    assert not mended.replayed


async def test_a_caller_that_goes_away_leaves_nothing_half_done() -> None:
    door = Door()
    door.sending = slow(door, gate := asyncio.Event())
    impatient = asyncio.create_task(door.send(idempotency_key="k"))
    await until(lambda: bool(door.view.holds))
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    gate.set()
    await until(lambda: bool(door.view.rows))
    again = await door.send(idempotency_key="k")
    assert isinstance(again, Reply)
    assert again.replayed
    assert len(door.broker.records) == 1


async def test_a_crash_after_the_produce_gives_the_key_to_nobody() -> None:
    """Only time does, or the row: the record may lie with the broker."""

    class Broken(MemoryLedger):
        async def first(self, rows: Sequence[First]) -> None:
            raise ZeroDivisionError(rows)

    door = Door(view=Broken())
    with pytest.raises(ZeroDivisionError):
        await door.send(idempotency_key="k")
    again = await door.send(idempotency_key="k")
    assert isinstance(again, Problem)
    assert again.code is Code.IN_FLIGHT
    door.view.now += 60_000
    with pytest.raises(ZeroDivisionError):
        await door.send(idempotency_key="k")
    assert len(door.broker.records) == 2
    assert len({message.message_id for message in door.broker.messages()}) == 1


@dataclass
class Impatient(Door):
    """One that waits for nobody."""

    immediate_seconds: float = 0.001


async def after_first_row(door: MemoryDoor, **fields: Any) -> None:
    """As the fold goes on from the first row."""
    await until(lambda: bool(door.view.rows))
    (first,) = door.view.rows.values()
    await door.view.put([first.model_copy(update={"sequence": 1, **fields})])


@pytest.mark.parametrize("state", [State.SENT, State.DELIVERED])
async def test_an_immediate_send_is_answered_with_the_providers_word(state: State) -> None:
    door = Door()
    answer, _ = await asyncio.gather(
        door.send(queue=False, idempotency_key="k"), after_first_row(door, status=state)
    )
    assert isinstance(answer, Reply)
    message_id = ids.of_key("acme", "k")
    assert (answer.status, json.loads(answer.body)) == (
        200,
        {
            "success": True,
            "message_id": message_id,
            "message": "SMS sent successfully via twilio",
            "provider": "twilio",
            "status": "sent",
            "num_segments": 1,
        },
    )
    assert await door.send(queue=False, idempotency_key="k") == replace(
        answer, outcome="replayed", replayed=True
    )


async def test_a_failed_immediate_send_is_the_same_500_again() -> None:
    """With an `instance` of its own each time it would not be the same bytes."""
    door = Door()
    failure = Failure(code="rejected", detail="Not a mobile number")
    answer, _ = await asyncio.gather(
        door.send(queue=False, idempotency_key="k"),
        after_first_row(door, status=State.FAILED, failure=failure),
    )
    assert isinstance(answer, Reply)
    assert answer.status == 500
    assert json.loads(answer.body)["detail"] == "Failed to send SMS via twilio"
    again = await door.send(queue=False, idempotency_key="k")
    assert again == replace(answer, outcome="replayed", replayed=True)
    assert len(door.broker.records) == 1


async def test_past_its_bound_an_immediate_send_says_how_far_it_has_got_and_stays_so() -> None:
    door = Impatient()
    answer = await door.send(queue=False, idempotency_key="k")
    assert isinstance(answer, Reply)
    body = json.loads(answer.body)
    assert (body["status"], body["state"]) == ("queued", "queued")
    await after_first_row(door, status=State.DELIVERED)
    again = await door.send(queue=False, idempotency_key="k")
    assert again == replace(answer, outcome="replayed", replayed=True)


async def test_an_answer_that_nobody_was_given_is_waited_for_by_the_repeat() -> None:
    """As after a kill between produce and answer."""
    door = Impatient()
    door.view.answers = Forgetful()
    await door.send(queue=False, idempotency_key="k")
    door.view.answers = {}
    await after_first_row(door, status=State.SENT)
    again = await door.send(queue=False, idempotency_key="k")
    assert isinstance(again, Reply)
    assert (again.outcome, again.replayed) == ("sent", False)
    assert ids.of_key("acme", "k") in door.view.answers
    assert len(door.broker.records) == 1


class Forgetful(dict[str, Any]):
    """Keeps nothing."""

    def __setitem__(self, *_: object) -> None: ...

    def setdefault(self, _: str, value: Any = None) -> Any:
        return value


async def test_while_an_outcome_is_waited_for_its_key_is_in_flight() -> None:
    door = Door()
    first = asyncio.create_task(door.send(queue=False, idempotency_key="k"))
    await until(lambda: bool(door.view.rows))
    again = await door.send(queue=False, idempotency_key="k")
    assert isinstance(again, Problem)
    assert again.code is Code.IN_FLIGHT
    await after_first_row(door, status=State.SENT)
    assert isinstance(await first, Reply)


async def test_of_two_answers_to_one_key_the_first_that_was_kept_is_given() -> None:
    door = Impatient()
    door.view.now = 0
    first = await door.send(queue=False, idempotency_key="k")
    assert isinstance(first, Reply)
    kept = replace(door.view.answers[ids.of_key("acme", "k")], body=b"{}")

    class Late(dict[str, Any]):
        """Another request's answer is stored between the look and our own."""

        def get(self, *_: object) -> None: ...

        def setdefault(self, *_: object) -> Any:
            return kept

    door.view.answers = Late()
    again = await door.send(queue=False, idempotency_key="k")
    assert again == Reply(200, b"{}", "replayed", replayed=True)


async def test_a_cancelled_immediate_send_is_told_so() -> None:
    door = Door()
    sending = asyncio.create_task(door.send(queue=False))
    await until(lambda: bool(door.view.rows))
    (message_id,) = door.view.rows
    door.view.claims[message_id] = Closed("cancelled", 0)
    answer = await sending
    assert isinstance(answer, Reply)
    body = json.loads(answer.body)
    assert (answer.status, body["success"], body["status"], body["state"]) == (
        200,
        False,
        "failed",
        "cancelled",
    )
    assert body["message"] == "SMS was cancelled before it was sent"
    assert door.view.answers == {}


async def test_a_ledger_that_is_away_for_a_moment_is_waited_for() -> None:
    refused = 0

    class Shaky(MemoryLedger):
        async def get_many(self, ids: Sequence[str]) -> list[Seen]:
            nonlocal refused
            if refused < 2:
                refused += 1
                raise LedgerUnavailableError("timeout")
            return await super().get_many(ids)

    # Nobody waits that long: who stops to look answers nothing at all.
    door = Door(view=Shaky(), immediate_seconds=3600)
    sending = asyncio.create_task(door.send(queue=False))
    await until(lambda: bool(door.view.rows))
    (row,) = door.view.rows.values()
    await door.view.put([row.model_copy(update={"sequence": 1, "status": State.SENT})])
    async with asyncio.timeout(10):
        answer = await sending
    assert refused == 2
    assert isinstance(answer, Reply)
    assert answer.outcome == "sent"


async def test_an_answer_that_cannot_be_kept_is_given() -> None:
    class Away(MemoryLedger):
        async def answered(self, *_: object) -> Any:
            raise LedgerUnavailableError("timeout")

    door = Impatient(view=Away())
    answer = await door.send(queue=False, idempotency_key="k")
    assert isinstance(answer, Reply)
    assert answer.outcome == "late"


async def test_a_key_that_the_other_door_was_quicker_with_is_a_conflict() -> None:
    """The row under the id is the other message's: its outcome is not ours to tell."""
    door = Door()
    answer, _ = await asyncio.gather(
        door.send(queue=False, idempotency_key="k"),
        after_first_row(door, status=State.SENT, fingerprint="1:other"),
    )
    assert isinstance(answer, Problem)
    assert answer.code is Code.CONFLICT
    assert door.view.answers == {}


@pytest.mark.parametrize(("queue", "seconds"), [(True, 15), (False, 15 + 7)])
async def test_a_key_is_held_for_as_long_as_its_request_may_take_and_remembered_as_its_message(
    queue: bool, seconds: int
) -> None:
    """A hold that ends while its owner waits goes to another; one that is forgotten early lets the key go."""
    asked: list[Hold] = []

    class Noting(MemoryLedger):
        async def hold(self, asks: Sequence[Hold]) -> list[Found]:
            asked.extend(asks)
            raise LedgerUnavailableError("timeout")

    door = Door(
        view=Noting(),
        immediate_seconds=7,
        messages=MessageSettings(lifetime_seconds=24 * 3600, validity_seconds=3600),
    )
    await door.send(queue=queue, idempotency_key="k", valid_for=48 * 3600)
    assert [hold.hold_ms for hold in asked] == [1000 * seconds]
    assert asked[0].forget_at >= NOW + 48 * 3_600_000
