"""What may have been done about a dead letter, and which of that `--state` means."""

from enum import StrEnum


class State(StrEnum):
    """What is known to have been done about a letter."""

    OPEN = "open"
    #: A replay was begun, and nobody said that it was done.
    IN_DOUBT = "in-doubt"
    REPLAYED = "replayed"
    DROPPED = "dropped"

    @property
    def pending(self) -> bool:
        """Whether somebody has to look at it."""
        return self in {State.OPEN, State.IN_DOUBT}


class Which(StrEnum):
    """What `--state` may say."""

    PENDING = "pending"
    OPEN = "open"
    IN_DOUBT = "in-doubt"
    REPLAYED = "replayed"
    DROPPED = "dropped"
    ANY = "any"

    def means(self, state: State) -> bool:
        """Whether letters in `state` are meant."""
        if self is Which.PENDING:
            return state.pending
        return self is Which.ANY or self.value == state.value
