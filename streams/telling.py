"""How a transition is told: the status record of a row, the same bytes however often it is made."""

from typing import Final

from pydantic import TypeAdapter

from schemas import ids
from schemas.messages import Content
from schemas.public import Attempt, AttemptOutcome, Failure, StatusRecord, Step
from schemas.status import State
from streams import tries
from streams.rows import Rank, Row, Told, Word

#: A third of what the models' own constructors cost, and each record has several.
_to_steps: Final = TypeAdapter(tuple[Step, ...]).validator.validate_python


def record(row: Row, sequence: int) -> StatusRecord:
    """Transition number `sequence` of `row` (1 for the first) as it is published.

    Made of what never changes once it is told, so it is the same each time.
    """
    origin = row.origin
    if origin is None:
        raise AssertionError("a row without origin tells nothing")
    told = row.told[:sequence]
    content, word, steps = origin.content, told[-1].word, _steps(told)
    return StatusRecord(
        id=ids.of_transition(row.message_id, sequence),
        message_id=row.message_id,
        organization=origin.organization,
        sequence=sequence,
        status=word.state,
        previous=told[-2].word.state if sequence > 1 else None,
        at=word.at,
        accepted_at=content.accepted_at,
        forget_at=row.forget_at,
        from_number=content.from_number or word.sender,
        use_case_id=content.use_case_id,
        to_number=content.to_number,
        text=content.told_text,
        media=content.told_media,
        redacted=content.redact,
        segments=content.segments,
        reference=content.reference,
        fingerprint=content.told_fingerprint,
        send_at=content.send_at,
        attempt=word.attempt,
        provider=word.provider,
        account=word.account,
        provider_message_id=word.provider_message_id,
        reason=told[-1].reason or origin.reason,
        failure=_failure(word, content),
        settled_by=steps[-1].settled_by,
        history=steps,
        attempts=_attempts(row, told, content) if row.tries else (),
        conflicts_with=origin.conflicts_with,
        taken_back=origin.taken_back,
    )


def _failure(word: Word, content: Content) -> Failure | None:
    if word.failure is None or not content.redact:
        return word.failure
    return word.failure.model_copy(update={"detail": content.told(word.failure.detail)})


def _steps(told: tuple[Told, ...]) -> tuple[Step, ...]:
    words = [one.word for one in told]
    befores = (None, *[word.state for word in words])
    steps: tuple[Step, ...] = _to_steps(
        [
            {"status": word.state, "at": word.at, "settled_by": word.by if before is State.UNKNOWN else None}
            for before, word in zip(befores, words, strict=False)
        ]
    )
    return steps


def _attempts(row: Row, told: tuple[Told, ...], content: Content) -> tuple[Attempt, ...]:
    """Those that were known when the last of `told` was told."""
    known = [_settled(one, told) for one in tries.known_at(row.tries, told[-1].offset)]
    return tuple([_unquoted(one, content) for one in known] if content.redact else known)


def _unquoted(attempt: Attempt, content: Content) -> Attempt:
    """`attempt` without what its provider's sentence quotes of the text."""
    if attempt.detail is None:
        return attempt
    return attempt.model_copy(update={"detail": content.told(attempt.detail)})


def _settled(attempt: Attempt, told: tuple[Told, ...]) -> Attempt:
    """`attempt`; if nobody knew what came of it until a receipt spoke of it, as that says."""
    if attempt.outcome is not AttemptOutcome.UNKNOWN:
        return attempt
    for word in [one.word for one in told]:
        if word.attempt == attempt.number and word.rank >= Rank.SENT:
            taken = {"provider_message_id": word.provider_message_id, "at": word.at, "detail": None}
            return attempt.model_copy(update={"outcome": AttemptOutcome.ACCEPTED, **taken})
    return attempt
