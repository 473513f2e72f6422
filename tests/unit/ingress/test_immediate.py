"""What a `queue: false` request is answered, for every state of row and claim."""

import json
from typing import Any

import pytest

from ingress import immediate
from ingress.codes import Code
from ingress.problems import Problem
from ingress.replies import Reply, Subject
from ledger.claims import Absent, Claim, Closed, Open, Sending
from ledger.view import Seen
from schemas.provider import Fault, Provider
from schemas.public import Failure, StatusRecord
from schemas.status import State

ASKED = "1:asked"
SUBJECT = Subject("m", Provider.TELNYX, 2)
HELD = Sending(attempt=1, record="t:0:1", nonce="n", until=1, maybe_sent=False)
AGAIN = Open(attempt=2, record="t:0:1", maybe_sent=False)


def row(status: State, **fields: Any) -> StatusRecord:
    found: dict[str, Any] = {"provider": Provider.TELNYX, "fingerprint": ASKED, **fields}
    return StatusRecord(
        id="s", message_id="m", organization="acme", sequence=1, status=status, at=0, accepted_at=0,
        forget_at=0, from_number="+1", to_number="+2", text="Hello", segments=2, **found,
    )  # fmt: skip


def answered(row: StatusRecord | None, claim: Claim | None = None) -> dict[str, Any]:
    """Status and members of the answer."""
    reply = immediate.answer(SUBJECT, frozenset({ASKED}), Seen(row, claim or Absent(), whole=True))
    assert isinstance(reply, Reply)
    return {"http": reply.status, **json.loads(reply.body)}


@pytest.mark.parametrize("state", [State.SENT, State.DELIVERED])
def test_sent(state: State) -> None:
    found = answered(row(state))
    assert list(found.items()) == [
        ("http", 200), ("success", True), ("message_id", "m"),
        ("message", "SMS sent successfully via telnyx"), ("provider", "telnyx"), ("status", "sent"),
        ("num_segments", 2),
    ]  # fmt: skip


@pytest.mark.parametrize("code", ["rejected", "failed", "expired", "opted_out"])
def test_a_failure_is_a_500_with_the_documented_sentence(code: str) -> None:
    failure = Failure(code=code, detail="Why", provider_code="1", fault=Fault.RECIPIENT)
    found = answered(row(State.FAILED, failure=failure))
    assert found["http"] == 500
    assert found["detail"] == "Failed to send SMS via telnyx"
    assert found["code"] == Code.SEND_FAILED
    assert (found["success"], found["message_id"], found["provider"]) == (False, "m", "telnyx")
    assert (found["status"], found["state"]) == ("failed", "failed")
    assert (found["failure_code"], found["reason"]) == (code, "Why")


def test_undelivered_is_a_failure_with_its_own_state() -> None:
    failure = Failure(code="undelivered", detail="Unreachable")
    found = answered(row(State.UNDELIVERED, failure=failure))
    assert (found["http"], found["status"], found["state"]) == (500, "failed", "undelivered")


def test_what_we_refused_after_all_has_the_doors_own_answer() -> None:
    failure = Failure(code="sender_suspended", detail="Phone number +1 is suspended")
    found = answered(row(State.FAILED, failure=failure))
    assert (found["http"], found["code"]) == (403, "sender_suspended")
    assert found["detail"] == "Phone number +1 is suspended"


@pytest.mark.parametrize(
    ("state", "claim"), [(State.QUEUED, Closed("cancelled", 0)), (State.CANCELLED, Absent())]
)
def test_cancelled(state: State, claim: Claim) -> None:
    """As soon as the claim says so, not only once the fold does."""
    found = answered(row(state), claim)
    assert (found["http"], found["success"]) == (200, False)
    assert (found["status"], found["state"]) == ("failed", "cancelled")
    assert found["message"] == "SMS was cancelled before it was sent"


@pytest.mark.parametrize(
    ("state", "claim", "word", "far"),
    [
        (State.QUEUED, Absent(), "queued", "waiting for its turn"),
        (State.QUEUED, AGAIN, "queued", "waiting to be tried again: telnyx did not take it at once"),
        (State.QUEUED, HELD, "sending", "handed to telnyx, whose answer is not known yet"),
        (State.QUEUED, Closed("unknown", 1), "sending", "handed to telnyx, whose answer is not known yet"),
        (State.QUEUED, Closed("sent", 1), "sending", "handed to telnyx, whose answer is not known yet"),
        (State.UNKNOWN, Closed("unknown", 1), "unknown", "handed to telnyx, whose answer is not known yet"),
    ],
)
def test_past_its_bound_it_says_how_far_it_has_got(state: State, claim: Claim, word: str, far: str) -> None:
    found = answered(row(state), claim)
    assert (found["http"], found["success"], found["status"]) == (200, True, "queued")
    assert found["state"] == word
    assert found["message"] == f"SMS queued via telnyx; {far}"


@pytest.mark.parametrize("seen", [None, Seen(None, Absent(), whole=True)])
def test_while_nobody_can_tell_it_says_that(seen: Seen | None) -> None:
    reply = immediate.answer(SUBJECT, frozenset({ASKED}), seen)
    assert isinstance(reply, Reply)
    found = json.loads(reply.body)
    assert (found["status"], found["state"]) == ("queued", "queued")
    assert found["message"] == "SMS queued via telnyx; how far it has got cannot be told at the moment"


def test_the_provider_is_the_one_that_has_it() -> None:
    found = answered(row(State.SENT, provider=Provider.VONAGE))
    assert (found["provider"], found["message"]) == ("vonage", "SMS sent successfully via vonage")


@pytest.mark.parametrize("state", list(State))
def test_another_message_under_the_id_is_a_conflict(state: State) -> None:
    """Its outcome told as ours would call a message sent that was refused."""
    problem = immediate.answer(
        SUBJECT, frozenset({ASKED}), Seen(row(state, fingerprint="1:x"), Absent(), whole=True)
    )
    assert isinstance(problem, Problem)
    assert problem.code is Code.CONFLICT
