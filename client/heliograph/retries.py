"""How often, and after which pause, a call is tried again: numbers and one pure decision."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Retries:
    """How patient a client is. `Retries(tries=1)` never tries again.

    Pauses double from `first_pause` to `longest_pause`, less up to half of each by chance, so that many
    clients do not come back at once. A `Retry-After` of the platform is waited for as it says, and a little
    longer by chance.
    """

    #: Tries of one call, the first among them.
    tries: int = 8
    #: Seconds from the start of a call. A try or a pause that would go beyond does not begin.
    deadline: float = 60.0
    #: Seconds.
    first_pause: float = 0.25
    longest_pause: float = 10.0

    def __post_init__(self) -> None:
        if self.tries < 1 or self.deadline <= 0 or not 0 <= self.first_pause <= self.longest_pause:
            raise ValueError("a call has one try at least, a deadline, and pauses that do not shrink")

    def pause(self, *, tried: int, elapsed: float, chance: float, told: float | None) -> float | None:
        """Seconds before the next try; None where there is none.

        Args:
            tried: tries so far.
            elapsed: seconds since the call began.
            chance: from 0 to 1, drawn for each try.
            told: `Retry-After`, in seconds.
        """
        if tried >= self.tries:
            return None
        # The exponent is bounded for whoever has thousands of tries.
        step = min(self.longest_pause, self.first_pause * 2.0 ** min(tried - 1, 30))
        pause = step * (1 - chance / 2) if told is None else told + min(step, 1.0) * chance
        return pause if elapsed + pause < self.deadline else None
