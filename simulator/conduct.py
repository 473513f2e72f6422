"""What a fault makes of one exchange: a pure table, performed by `exchange`."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from simulator.faults import (
    AnswerFault,
    Drop,
    Garbled,
    Hang,
    Refuse,
    Reject,
    ServerError,
    Slow,
    Throttle,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The provider's ordinary answer, its body held back for some seconds."""

    hold_body: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """An error in the provider's own shape."""

    status: int | None
    code: str | None
    message: str | None = None
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """An answer that is not the provider's: None stands for its usual success status."""

    status: int | None
    body: Literal["empty", "html", "object"]


@dataclass(frozen=True, slots=True)
class Closed:
    """No answer: the connection ends, in good order or by a reset."""

    reset: bool


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer, and the connection stays open so long."""

    max_seconds: float


Ending: TypeAlias = Answer | Failure | Page | Closed | Silence


@dataclass(frozen=True, slots=True)
class Conduct:
    """Wait, accept the text or not, wait again, end."""

    ending: Ending
    accept: bool = True
    wait_before: float = 0.0
    wait_after: float = 0.0
    remember_key: bool = True
    """Whether a repeat with the same idempotency key finds the accepted message."""


def conduct(fault: AnswerFault | None) -> Conduct:  # noqa: C901, PLR0911 - a table, one line a fault
    """How an exchange goes that meets `fault`."""
    match fault:
        case None:
            return Conduct(Answer())
        case Slow(part="body"):
            return Conduct(Answer(hold_body=fault.ms / 1000))
        case Slow(accepted="before"):
            return Conduct(Answer(), wait_after=fault.ms / 1000)
        case Slow():
            return Conduct(Answer(), wait_before=fault.ms / 1000)
        case Refuse():
            return Conduct(Closed(reset=True), accept=False)
        case Drop():
            return Conduct(Closed(reset=False), accept=fault.accepted)
        case Hang():
            return Conduct(Silence(fault.max_seconds), accept=fault.accepted)
        case Reject():
            return Conduct(Failure(fault.status, fault.code, fault.message), accept=False)
        case Throttle():
            return Conduct(Failure(429, fault.code, retry_after=fault.retry_after_seconds), accept=False)
        case ServerError():
            return Conduct(
                Page(fault.status, "html") if fault.body == "html" else Failure(fault.status, None),
                accept=fault.accepted,
                remember_key=fault.key_remembered,
            )
        case Garbled():
            return Conduct(Page(None, fault.body))
        case _:
            assert_never(fault)
