"""`dry_run`: the judgement and the sender as they would be, and nothing of it is done."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from directory.snapshot import Directory
from ingress.codes import Code
from ingress.problems import Problem
from ingress.replies import Reply
from ledger import LedgerNotReadyError, LedgerUnavailableError
from ledger.health import Breaker, Health
from schemas.requests import ChannelBody, SendBody
from tests.fakes.doors import MemoryDoor
from tests.fakes.ledger import MemoryLedger
from tests.fakes.pools import EAST, HANDSET, USE_CASE, WEST, directory

THROUGH = {"use_case_id": USE_CASE, "to_phone_number": HANDSET, "message": "Hello", "dry_run": True}
PLAIN = {"from_phone_number": WEST, "to_phone_number": HANDSET, "message": "Hello", "dry_run": True}


@dataclass
class Door(MemoryDoor):
    """A door over a directory with use cases."""

    directory: Directory = field(default_factory=directory)

    async def asked(self, **fields: Any) -> Reply | Problem:
        return await self.rehearsal.judge(ChannelBody.model_validate({**THROUGH, **fields}), "acme")

    async def plain(self, **fields: Any) -> Reply | Problem:
        return await self.rehearsal.judge(SendBody.model_validate({**PLAIN, **fields}), "acme")

    def untouched(self) -> bool:
        return (self.broker.records, self.view.rows, self.view.holds) == ([], {}, {})


def told(answer: Reply | Problem) -> dict[str, Any]:
    assert isinstance(answer, Reply), answer
    assert (answer.status, answer.outcome) == (200, "dry_run")
    body: dict[str, Any] = json.loads(answer.body)
    return body


async def test_what_would_become_of_it() -> None:
    door = Door()
    assert told(await door.asked(message="x" * 161, idempotency_key="k", reference="mine")) == {
        "success": True,
        "dry_run": True,
        "message": "SMS would be sent via twilio; nothing was",
        "from_number": WEST,
        "to_number": HANDSET,
        "provider": "twilio",
        "account": "tw",
        "reason": "geomatch: area code 415; the only one",
        "num_segments": 2,
        "send_at": None,
        "valid_until": "2023-11-15T22:13:20.000Z",
    }
    assert door.untouched()


async def test_the_number_that_the_recipient_knows() -> None:
    door = Door()
    door.view.known[USE_CASE, HANDSET] = EAST
    found = told(await door.asked())
    assert (found["from_number"], found["provider"]) == (EAST, "telnyx")
    assert found["reason"].startswith("sticky: ")


@pytest.mark.parametrize("trouble", ["breaker", "number", "campaign", "brand"])
async def test_what_is_passed_over_now_and_why(trouble: str) -> None:
    capped = {"day_cap": 5}
    door = Door(
        directory=directory(
            west={"day_cap": 5, "campaign": "orders"},
            **({"campaign": capped} if trouble == "campaign" else {}),
            **({"brand": capped} if trouble == "brand" else {}),
        )
    )
    match trouble:
        case "breaker":
            door.view.open_breakers = {"tw"}
        case "number":
            door.view.used = {f"number:{WEST}"}
        case "campaign":
            door.view.used = {"campaign:orders"}
        case "brand":
            door.view.used = {"brand:acme"}
    found = told(await door.asked())
    if trouble in {"breaker", "number"}:
        assert found["from_number"] == EAST
        assert f"skipped {WEST}" in found["reason"]
    else:
        # All numbers are of it: the best one, which waits.
        assert found["from_number"] == WEST
        assert "all must wait" in found["reason"]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"use_case": {"status": "suspended"}}, Code.USE_CASE_SUSPENDED),
        ({"use_case": {"numbers": []}}, Code.NO_SENDER),
        ({"brand": {"registration": "suspended"}}, Code.BRAND_SUSPENDED),
    ],
)
async def test_refused_as_it_would_be(state: dict[str, Any], code: Code) -> None:
    door = Door(directory=directory(**state))
    problem = await door.asked()
    assert isinstance(problem, Problem)
    assert problem.code is code
    assert door.untouched()


async def test_opted_out_and_landlines() -> None:
    door = Door()
    door.view.opted = {("acme", HANDSET)}
    problem = await door.asked()
    assert isinstance(problem, Problem)
    assert problem.code is Code.OPTED_OUT
    door.view.fixed = {HANDSET}
    problem = await door.asked()
    assert isinstance(problem, Problem)
    assert problem.code is Code.LANDLINE


@pytest.mark.parametrize("error", [LedgerNotReadyError("epoch"), LedgerUnavailableError("timeout")])
async def test_without_the_ledger_it_would_be_half_an_answer(error: Exception) -> None:
    door = Door()
    assert isinstance(error, LedgerNotReadyError | LedgerUnavailableError)
    door.view.down = error
    problem = await door.asked()
    assert isinstance(problem, Problem)
    assert (problem.code, "Retry-After" in problem.headers) == (Code.LEDGER_UNAVAILABLE, True)


@dataclass
class Wiped(MemoryLedger):
    """What needs no epoch is answered: nothing is known."""

    async def health(self) -> Health:
        raise LedgerNotReadyError("epoch")


async def test_after_a_loss_nobody_knows_who_has_opted_out() -> None:
    door = Door(view=Wiped())
    for problem in (await door.asked(), await door.plain()):
        assert isinstance(problem, Problem)
        assert problem.code is Code.LEDGER_UNAVAILABLE
    # What refuses it in the directory refuses it whatever was lost.
    refused = await Door(view=Wiped(), directory=directory(use_case={"status": "suspended"})).asked()
    assert isinstance(refused, Problem)
    assert refused.code is Code.USE_CASE_SUSPENDED


async def test_nor_which_number_a_recipient_knows_until_that_was_read_again() -> None:
    door = Door(view=MemoryLedger(whole=False))
    problem = await door.asked()
    assert isinstance(problem, Problem)
    assert problem.code is Code.LEDGER_UNAVAILABLE
    assert told(await door.plain())["from_number"] == WEST


async def test_what_is_malformed_is_refused_without_the_ledger() -> None:
    door = Door(view=MemoryLedger(down=LedgerUnavailableError("timeout")))
    problem = await door.asked(to_phone_number="nobody")
    assert isinstance(problem, Problem)
    assert problem.code is Code.INVALID_RECIPIENT


@dataclass
class Due(MemoryLedger):
    """The time of its open breaker is over: the next message tries it."""

    async def health(self) -> Health:
        return Health(self.now, {"tw": Breaker("open", since=0, until=self.now)}, {})


async def test_an_account_that_is_to_be_tried_is_passed_over_no_more_than_by_route() -> None:
    found = told(await Door(view=Due()).asked())
    assert found["from_number"] == WEST
    assert "breaker" not in found["reason"]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"brand": {"registration": "suspended"}}, Code.BRAND_SUSPENDED),
        ({"campaign": {"registration": "suspended"}}, Code.CAMPAIGN_NOT_VERIFIED),
    ],
)
async def test_a_number_whose_registration_is_suspended_would_not_send(
    state: dict[str, Any], code: Code
) -> None:
    problem = await Door(directory=directory(west={"campaign": "orders"}, **state)).plain()
    assert isinstance(problem, Problem)
    assert problem.code is code
    assert problem.detail.endswith(f"of phone number {WEST} is suspended")


async def test_of_a_send_from_a_number() -> None:
    door = Door(
        directory=directory(defaults={"quiet_hours": {"start": "12:00", "end": "23:00", "zone": "UTC"}})
    )
    found = told(await door.plain())
    assert (found["from_number"], found["provider"], found["account"]) == (WEST, "twilio", "tw")
    assert found["reason"] == f"from number: {WEST} sends through account tw"
    assert (found["send_at"], found["valid_until"]) == (
        "2023-11-14T23:00:00.000Z",
        "2023-11-15T23:00:00.000Z",
    )
    assert door.untouched()


async def test_of_a_send_from_a_number_that_would_fail() -> None:
    door = Door()
    problem = await door.plain(from_phone_number=EAST)
    assert isinstance(problem, Problem)
    assert problem.code is Code.SENDER_NOT_FOUND
    # It would be accepted, and fail at the hand-over: a STOP to this number was about the use case.
    door.view.opted = {(f"acme/{USE_CASE}", HANDSET)}
    problem = await door.plain()
    assert isinstance(problem, Problem)
    assert problem.code is Code.OPTED_OUT
    assert door.untouched()
