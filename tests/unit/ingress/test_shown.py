"""The whole record of a message."""

from typing import Any

from ingress import shown
from ledger.claims import Absent, Closed
from ledger.view import Seen
from schemas.provider import Fault, Provider
from schemas.public import Attempt, AttemptOutcome, Failure, SettledBy, StatusRecord, Step
from schemas.status import State

AT = 1_777_544_100_250


def attempt(number: int, outcome: AttemptOutcome, **fields: Any) -> Attempt:
    return Attempt(
        number=number, at=AT + number, provider=Provider.TELNYX, account="tx", sender="+12125550110",
        outcome=outcome, **fields,
    )  # fmt: skip


def row(**fields: Any) -> StatusRecord:
    usual = {"status": State.QUEUED, "provider": Provider.TELNYX, "from_number": "+12125550110"}
    found: dict[str, Any] = {**usual, **fields}
    return StatusRecord(
        id="s", message_id="m", organization="acme", sequence=1, at=AT + 9, accepted_at=AT, forget_at=0,
        to_number="+2", text="Hello", segments=2, fingerprint="1:x", **found,
    )  # fmt: skip


def told(row: StatusRecord, claim: Any = None, tries: tuple[Attempt, ...] = ()) -> dict[str, Any]:
    return shown.members(row, Seen(row, claim or Absent(), True, tries))


def test_everything_that_is_known() -> None:
    failure = Failure(code="rejected", detail="No", provider_code="30006", fault=Fault.RECIPIENT)
    found = told(
        row(
            status=State.FAILED,
            account="tx",
            provider_message_id="pm",
            reason="the number's account",
            reference="mine",
            media=("https://example.com/a.png",),
            failure=failure,
            history=(
                Step(status=State.QUEUED, at=AT),
                Step(status=State.FAILED, at=AT + 9, settled_by=SettledBy.POLICY),
            ),
            attempts=(attempt(1, AttemptOutcome.REJECTED, provider_code="30006", fault=Fault.RECIPIENT),),
        )
    )
    assert found == {
        "message_id": "m",
        "status": "failed",
        "state": "failed",
        "use_case_id": None,
        "from_phone_number": "+12125550110",
        "to_phone_number": "+2",
        "message": "Hello",
        "media_urls": ["https://example.com/a.png"],
        "redacted": False,
        "num_segments": 2,
        "reference": "mine",
        "provider": "telnyx",
        "account": "tx",
        "sender": "+12125550110",
        "provider_message_id": "pm",
        "error": "No",
        "failure": {"code": "rejected", "detail": "No", "provider_code": "30006", "fault": "recipient"},
        "send_at": None,
        "accepted_at": "2026-04-30T10:15:00.250Z",
        "updated_at": "2026-04-30T10:15:00.259Z",
        "history": [
            {"status": "queued", "at": "2026-04-30T10:15:00.250Z", "settled_by": None},
            {"status": "failed", "at": "2026-04-30T10:15:00.259Z", "settled_by": "policy"},
        ],
        "attempts": [
            {
                "number": 1,
                "at": "2026-04-30T10:15:00.251Z",
                "provider": "telnyx",
                "account": "tx",
                "sender": "+12125550110",
                "outcome": "rejected",
                "provider_message_id": None,
                "provider_code": "30006",
                "fault": "recipient",
                "detail": None,
            }
        ],
        "reason": "the number's account",
        "conflicts_with": None,
    }


def test_what_is_not_known_yet_is_null() -> None:
    found = told(row())
    assert [found[name] for name in ("sender", "account", "failure", "error", "reason")] == [None] * 5
    assert (found["attempts"], found["media_urls"], found["provider"]) == ([], [], "telnyx")


def test_attempts_of_which_the_row_does_not_tell_yet_are_the_ledgers() -> None:
    tries = (attempt(1, AttemptOutcome.THROTTLED), attempt(2, AttemptOutcome.UNAVAILABLE))
    found = told(row(account="tx"), tries=tries)
    assert [(one["number"], one["outcome"]) for one in found["attempts"]] == [
        (1, "throttled"),
        (2, "unavailable"),
    ]


def test_a_message_of_a_use_case_has_a_sender_once_one_is_chosen() -> None:
    before = told(row(use_case_id="u", from_number=None, provider=None, send_at=AT + 5_000))
    assert [before[name] for name in ("from_phone_number", "sender", "provider")] == [None] * 3
    assert (before["use_case_id"], before["send_at"]) == ("u", "2026-04-30T10:15:05.250Z")
    chosen = told(row(use_case_id="u", account="tx", attempt=1))
    assert (chosen["from_phone_number"], chosen["sender"]) == ("+12125550110", "+12125550110")


def test_the_sender_is_that_of_the_latest_attempt_that_anybody_knows_of() -> None:
    """After a failover the row may speak of a sender that has not tried yet; or be behind the ledger."""
    left = attempt(1, AttemptOutcome.UNAVAILABLE).model_copy(update={"sender": "+12125550199"})
    moved = told(row(use_case_id="u", account="tx", attempt=1), tries=(left,))
    assert moved["sender"] == "+12125550110"
    behind = told(row(use_case_id="u", account="tx", attempt=0), tries=(left,))
    assert behind["sender"] == "+12125550199"


def test_of_one_attempt_the_rows_word_counts() -> None:
    """The ledger's is what a dispatcher believed; the row's is what all facts together say."""
    tries = (attempt(2, AttemptOutcome.THROTTLED), attempt(1, AttemptOutcome.THROTTLED))
    known = (attempt(1, AttemptOutcome.UNKNOWN), attempt(3, AttemptOutcome.ACCEPTED))
    found = told(row(attempts=known), tries=tries)
    assert [(one["number"], one["outcome"]) for one in found["attempts"]] == [
        (1, "unknown"),
        (2, "throttled"),
        (3, "accepted"),
    ]


def test_a_cancel_shows_before_the_fold_has_told() -> None:
    found = told(row(), claim=Closed("cancelled", 0))
    assert (found["status"], found["state"]) == ("cancelled", "cancelled")
