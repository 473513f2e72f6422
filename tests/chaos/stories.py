"""What the status topic tells of each message: repeats dropped, and looked at for contradictions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from schemas.ids import of_transition
from schemas.status import MOVES, State
from tests.chaos.logs import Transition

#: The failure that is only our policy's belief.
BELIEVED: Final = "unknown_outcome"


@dataclass(frozen=True)
class Act:
    """A policy's act on a message that was unknown: sent again, or given up. `at` in epoch seconds."""

    at: float
    again: bool


@dataclass
class Story:
    """One message as its subscribers see it: its transitions by sequence."""

    message_id: str
    transitions: dict[int, Transition] = field(default_factory=dict)
    #: What a repeat said otherwise than the first time, which must never be.
    contradictions: list[str] = field(default_factory=list)

    def add(self, found: Transition) -> None:
        """One more record; a repeat must say the same, to the letter."""
        known = self.transitions.setdefault(found.sequence, found)
        if known is not found and known.raw != found.raw:
            self.contradictions.append(f"sequence {found.sequence} was told twice, and differently")

    @property
    def steps(self) -> Sequence[Transition]:
        """In their order."""
        return [self.transitions[sequence] for sequence in sorted(self.transitions)]

    @property
    def last(self) -> Transition:
        """What holds at the end."""
        return self.transitions[max(self.transitions)]

    @property
    def text(self) -> str:
        """The message's text."""
        return str(self.last.record["text"])

    @property
    def policy_acts(self) -> list[Act]:
        """What policies did, oldest first."""
        found = []
        for before, after in pairwise(self.steps):
            at = after.record["at"] / 1000
            if before.status == State.UNKNOWN and after.status == State.QUEUED:
                found.append(Act(at, again=True))
            elif before.status == State.UNKNOWN and after.failure == BELIEVED:
                found.append(Act(at, again=False))
        return found

    @property
    def settled(self) -> list[str]:
        """How each time that it was unknown was settled; the last one may be `held`, or nothing said."""
        found = [
            str(after.record.get("settled_by") or "nobody")
            for before, after in pairwise(self.steps)
            if before.status == State.UNKNOWN
        ]
        return [*found, "held"] if self.last.status == State.UNKNOWN else found

    def faults(self) -> list[str]:
        """What is wrong with it, whatever the message."""
        steps, found = self.steps, list(self.contradictions)
        if [step.sequence for step in steps] != list(range(1, len(steps) + 1)):
            found.append(f"its sequences {[step.sequence for step in steps]} have a gap")
        told: list[tuple[str, int]] = []
        before: State | None = None
        for step in steps:
            record, status = step.record, State(step.status)
            told.append((record["status"], record["at"]))
            if status not in MOVES[before]:
                found.append(f"it went from {before} to {status}")
            if record.get("previous") != before:
                found.append(f"{status} (sequence {step.sequence}) says that it was {record.get('previous')}")
            if [(past["status"], past["at"]) for past in record["history"]] != told:
                found.append(f"the history of sequence {step.sequence} is not what was told")
            if record["id"] != of_transition(self.message_id, step.sequence):
                found.append(f"sequence {step.sequence} has another id than it must")
            before = status
        return found


def stories(log: Iterable[Transition]) -> dict[str, Story]:
    """By message id."""
    found: dict[str, Story] = {}
    for transition in log:
        found.setdefault(transition.message_id, Story(transition.message_id)).add(transition)
    return found
