"""What was done about a dead letter, as its marks say."""

from dataclasses import dataclass

from broker.letters import Letter
from cli.dlq.states import State
from schemas.replays import Mark, What


@dataclass(frozen=True)
class Handled:
    """What the marks of one letter say."""

    #: Oldest first.
    marks: tuple[Mark, ...] = ()

    @property
    def state(self) -> State:
        """What was done, as far as it is known."""
        done = [mark.what for mark in self.marks]
        if not done:
            return State.OPEN
        if What.REPLAYED in done:
            return State.REPLAYED
        # What was dropped can be replayed all the same, and killed at that.
        return State.DROPPED if done[-1] is What.DROPPED else State.IN_DOUBT

    @property
    def begun_at(self) -> int | None:
        """When a replay was first begun; None where none was."""
        return min((mark.at for mark in self.marks if mark.what is What.BEGUN), default=None)


@dataclass(frozen=True)
class Found:
    """A letter, and what was done about it."""

    letter: Letter
    handled: Handled
