"""What is kept of a message's attempts at a hand-over: of each the weightiest word, the latest twenty.

Pure. Words of one attempt are totally ordered, and attempts are counted by their numbers, so neither the
order nor the repetition of facts matters. What a transition has shown is kept as it was: a replay shows the
same.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from schemas.public import Attempt, AttemptOutcome

#: Attempts that a status record shows, by their numbers the latest.
MOST_SHOWN: Final = 20

#: The provider's own word over `unknown`, that over a refusal for now (docs/protocol.md, rule 6).
_WEIGHTS: Final = {
    AttemptOutcome.THROTTLED: 0,
    AttemptOutcome.UNAVAILABLE: 0,
    AttemptOutcome.UNKNOWN: 1,
    AttemptOutcome.REJECTED: 2,
    AttemptOutcome.ACCEPTED: 3,
}


class Try(NamedTuple):
    """What a fact said of an attempt, and the offset of that fact."""

    offset: int
    attempt: Attempt


def heard(tries: tuple[Try, ...], new: Try, shown_to: int) -> tuple[Try, ...]:
    """`tries` with `new` among them; the same object if it says nothing new, or is outweighed.

    Tries up to offset `shown_to` have been shown by a transition, and stay as they are. Of those after it
    only the last of each attempt is kept.
    """
    if not tries:
        return (new,)
    known = _by_number(tries)
    number = new.attempt.number
    before = known.get(number)
    if before is not None and _weightier(before, new.attempt) is before:
        return tries
    latest = sorted(known | {number: new.attempt})[-MOST_SHOWN:]
    if number < latest[0]:
        return tries  # never to be shown: there are enough later ones
    shown = tuple(one for one in tries if one.offset <= shown_to)
    kept = [
        one for one in tries[len(shown) :] if one.attempt.number != number and one.attempt.number >= latest[0]
    ]
    return (*shown, *kept, new)


def known_at(tries: Iterable[Try], offset: int) -> list[Attempt]:
    """The attempts as the facts up to `offset` told them, by number: the latest ones."""
    known = _by_number([one for one in tries if one.offset <= offset])
    return [known[number] for number in sorted(known)[-MOST_SHOWN:]]


def _by_number(tries: Iterable[Try]) -> dict[int, Attempt]:
    # In the order of their offsets: the last is the weightiest.
    return {one.attempt.number: one.attempt for one in tries}


def _weightier(old: Attempt, new: Attempt) -> Attempt:
    """The one that holds, whichever came first."""
    if old == new:
        return old
    ours, theirs = (_WEIGHTS[old.outcome], -old.at), (_WEIGHTS[new.outcome], -new.at)
    if ours == theirs:  # equals but for their details: any fixed choice will do
        return max(old, new, key=repr)
    return old if ours > theirs else new
