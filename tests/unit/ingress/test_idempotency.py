"""What a used key is answered: every state of row, answer and hold, before every request."""

from itertools import product
from typing import Any

import pytest

from ingress import replies
from ingress.codes import Code
from ingress.idempotency import Go, Judgement, Wait, judge, subject
from ingress.problems import Problem
from ingress.replies import Reply
from ledger.claims import Absent
from ledger.holds import Answer, Found, Word
from ledger.view import Seen
from schemas.provider import Provider
from schemas.public import Failure, StatusRecord
from schemas.status import State

ID, ASKED, OTHER = "m", "1:asked", "1:other"
WORDS: tuple[Word, ...] = ("own", "live", "bound", "none")


def row(fingerprint: str = ASKED, **fields: Any) -> StatusRecord:
    found: dict[str, Any] = {"status": State.QUEUED, "provider": Provider.TELNYX, **fields}
    return StatusRecord(
        id="s", message_id=ID, organization="acme", sequence=1, at=0, accepted_at=0, forget_at=0,
        from_number="+1", to_number="+2", text="Hello", segments=2, fingerprint=fingerprint, **found,
    )  # fmt: skip


def found(
    hold: Word, row: StatusRecord | None = None, answer: Answer | None = None, *, whole: bool = True
) -> Found:
    return Found(Seen(row, Absent(), whole), answer, hold)


def judged(found: Found, *, queue: bool = True) -> Judgement:
    return judge(found, ID, frozenset({ASKED}), queue=queue)


def code(judgement: Judgement) -> Code:
    assert isinstance(judgement, Problem)
    return judgement.code


@pytest.mark.parametrize("queue", [True, False])
def test_a_key_that_nobody_has_used_goes_on(queue: bool) -> None:
    assert judged(found("own"), queue=queue) == Go()


@pytest.mark.parametrize(
    ("hold", "whole", "expected"),
    [
        ("live", True, Code.IN_FLIGHT),
        ("live", False, Code.IN_FLIGHT),
        ("bound", True, Code.CONFLICT),
        ("bound", False, Code.CONFLICT),
        ("none", False, Code.LEDGER_UNAVAILABLE),
        ("none", True, Code.LEDGER_UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("queue", [True, False])
def test_a_key_without_a_message(hold: Word, whole: bool, expected: Code, queue: bool) -> None:
    assert code(judged(found(hold, whole=whole), queue=queue)) is expected


@pytest.mark.parametrize(("hold", "whole"), list(product(WORDS, [True, False])))
def test_a_queued_message_is_answered_again_whoever_holds_its_key(hold: Word, whole: bool) -> None:
    """Also while the first request has not ended its hold: the row is there because the broker has it."""
    known = row()
    assert judged(found(hold, known, whole=whole)) == replies.queued(subject(known), replayed=True)


@pytest.mark.parametrize("state", list(State))
def test_a_queued_message_is_answered_as_at_first_wherever_it_is_now(state: State) -> None:
    """The same bytes: what has become of it since is what GET is for."""
    failure = Failure(code="rejected", detail="No") if state is State.FAILED else None
    answer = judged(found("none", row(status=state, failure=failure)))
    assert answer == replies.queued(subject(row()), replayed=True)


@pytest.mark.parametrize("hold", WORDS)
def test_an_immediate_message_without_an_answer(hold: Word) -> None:
    judgement = judged(found(hold, row()), queue=False)
    if hold == "live":
        assert code(judgement) is Code.IN_FLIGHT
    else:
        assert judgement == Wait(row())


@pytest.mark.parametrize(("hold", "known", "queue"), list(product(WORDS, [row(), None], [True, False])))
def test_an_answer_is_given_again_as_it_was(hold: Word, known: StatusRecord | None, queue: bool) -> None:
    answer = Answer(ASKED, 500, b'{"instance":"urn:uuid:1"}')
    assert judged(found(hold, known, answer), queue=queue) == Reply(
        500, b'{"instance":"urn:uuid:1"}', "replayed", replayed=True
    )


@pytest.mark.parametrize(("hold", "queue"), list(product(WORDS, [True, False])))
def test_other_content_is_a_conflict_whoever_holds_the_key(hold: Word, queue: bool) -> None:
    """Told first: who asks again for a key in flight must not learn only later that it was not its own."""
    assert code(judged(found(hold, row(OTHER)), queue=queue)) is Code.CONFLICT
    assert code(judged(found(hold, row(OTHER), Answer(OTHER, 200, b"")), queue=queue)) is Code.CONFLICT
    assert code(judged(found(hold, None, Answer(OTHER, 200, b"")), queue=queue)) is Code.CONFLICT


@pytest.mark.parametrize(("hold", "queue"), list(product(WORDS, [True, False])))
def test_what_no_door_has_accepted_is_refused_again(hold: Word, queue: bool) -> None:
    failure = Failure(code="sender_not_found", detail="No assistant has it")
    refused = row(provider=None, status=State.FAILED, failure=failure)
    assert judged(found(hold, refused), queue=queue) == Problem(
        Code.SENDER_NOT_FOUND, "No assistant has it", {"message_id": ID}
    )


def test_a_conflict_names_the_message_that_has_the_key() -> None:
    judgement = judged(found("none", row(OTHER)))
    assert isinstance(judgement, Problem)
    assert judgement.more == {"message_id": ID}
