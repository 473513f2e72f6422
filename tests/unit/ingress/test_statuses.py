"""What GET says of each state, and to whom."""

import json
from typing import Any

import pytest

from ingress import statuses
from ingress.codes import Code
from ingress.problems import Problem
from ledger.claims import Absent, Sending
from ledger.view import Seen
from schemas.provider import Provider
from schemas.public import Failure, StatusRecord
from schemas.status import State

ID = "01900000-0000-7000-8000-00000000000a"
HELD = Sending(attempt=1, record="t:0:1", nonce="n", until=1, maybe_sent=False)


def row(status: State = State.QUEUED, **fields: Any) -> StatusRecord:
    return StatusRecord(
        id="s", message_id=ID, organization="acme", sequence=1, status=status, at=1_777_544_100_999,
        accepted_at=0, forget_at=0, from_number="+1", to_number="+2", text="Hello", segments=1,
        fingerprint="1:x", **fields,
    )  # fmt: skip


def said(seen: Seen) -> dict[str, Any]:
    body = statuses.answer(ID, "acme", seen, statuses.status)
    assert isinstance(body, bytes)
    found: dict[str, Any] = json.loads(body)
    return found


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (State.QUEUED, "queued"),
        (State.UNKNOWN, "sending"),
        (State.SENT, "sent"),
        (State.DELIVERED, "sent"),
        (State.UNDELIVERED, "failed"),
        (State.FAILED, "failed"),
        (State.CANCELLED, "cancelled"),
    ],
)
def test_words(status: State, word: str) -> None:
    found = said(Seen(row(status), Absent(), True))
    assert (found["status"], found["state"]) == (word, status)


def test_a_held_claim_is_sending() -> None:
    found = said(Seen(row(), HELD, True))
    assert (found["status"], found["state"]) == ("sending", "sending")


def test_the_members_are_those_of_the_reference() -> None:
    failure = Failure(code="rejected", detail="Not a mobile number", provider_code="30006")
    found = said(
        Seen(
            row(State.FAILED, provider=Provider.TWILIO, provider_message_id="SM1", failure=failure),
            Absent(),
            True,
        )
    )
    assert found == {
        "message_id": ID,
        "status": "failed",
        "provider_message_id": "SM1",
        "error": "Not a mobile number",
        "updated_at": "2026-04-30T10:15:00Z",
        "state": "failed",
        "num_segments": 1,
        "send_at": None,
    }


def test_one_that_is_held_says_until_when() -> None:
    found = said(Seen(row(send_at=1_777_547_700_000), Absent(), True))
    assert (found["state"], found["send_at"]) == ("queued", "2026-04-30T11:15:00Z")


def test_another_organizations_message_is_not_found() -> None:
    problem = statuses.answer(ID, "globex", Seen(row(), Absent(), True), statuses.status)
    assert problem == Problem(Code.MESSAGE_NOT_FOUND, f"Message {ID} not found")


def test_a_missing_row_means_something_only_in_a_whole_view() -> None:
    missing = statuses.answer(ID, "acme", Seen(None, Absent(), True), statuses.status)
    assert missing == Problem(Code.MESSAGE_NOT_FOUND, f"Message {ID} not found")
    unsure = statuses.answer(ID, "acme", Seen(None, Absent(), False), statuses.status)
    assert isinstance(unsure, Problem)
    assert unsure.code is Code.LEDGER_UNAVAILABLE


@pytest.mark.parametrize(("given", "found"), [(ID.upper(), ID), ("nope", None), ("", None)])
def test_ids(given: str, found: str | None) -> None:
    assert statuses.canonical(given) == found
