"""One planned message with all that the four logs have of it, and what a run may be found to have broken."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas.status import State
from tests.chaos.logs import TAKEN, Said, Text, Told, What
from tests.chaos.plan import Planned
from tests.chaos.stories import Story

#: The code of a message that was handed in under another's key.
CONFLICT: Final = "conflict"


class Kind(StrEnum):
    """How a promise can be broken."""

    #: Taken, and neither on its handset nor ended in a way that its owner can understand.
    LOST = "lost"
    #: On the handset more often than once, and once for each time that its owner's policy had it sent again.
    DOUBLED = "doubled"
    #: What was told contradicts the handset, the plan, the API, or itself.
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """A broken promise: of which planned message (None: of none), and what was seen."""

    kind: Kind
    number: int | None
    sentence: str

    def __str__(self) -> str:
        return self.sentence if self.number is None else f"message {self.number}: {self.sentence}"


@dataclass(frozen=True)
class Case:
    """One planned message and all that the logs have of it."""

    planned: Planned
    told: Sequence[Told]
    texts: Sequence[Text]
    #: None: the status topic never spoke of it.
    story: Story | None
    #: What the API said of that story's id at the end.
    said: Said | None
    #: The plan has a cancel of it.
    cancel_asked: bool

    @property
    def whats(self) -> set[What]:
        """Everything that its clients were told."""
        return {told.what for told in self.told}

    @property
    def taken(self) -> bool:
        """Its client was told so."""
        return bool(self.whats & TAKEN)

    @property
    def state(self) -> State | None:
        """What it is at the end."""
        return None if self.story is None else State(self.story.last.status)

    @property
    def failure(self) -> str:
        """Why it failed at the end, or nothing."""
        return "" if self.story is None else self.story.last.failure

    def lost(self, sentence: str) -> Finding:
        """That it is lost."""
        return Finding(Kind.LOST, self.planned.number, sentence)

    def wrong(self, sentence: str) -> Finding:
        """That something told of it is wrong."""
        return Finding(Kind.WRONG, self.planned.number, sentence)

    def doubled(self, allowed: int) -> list[Finding]:
        """That it is on the handset more often than `allowed`, if it is."""
        if len(self.texts) <= allowed:
            return []
        sentence = f"it is on the handset {len(self.texts)} times, and may be there {allowed} times"
        return [Finding(Kind.DOUBLED, self.planned.number, sentence)]
