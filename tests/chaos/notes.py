"""What was done to a stack, fault by fault."""

from dataclasses import asdict, dataclass
from typing import Any

from tests.chaos.faults import Fault


@dataclass
class Note:
    """One fault that was done."""

    fault: Fault
    #: Epoch seconds.
    at: float
    #: Messages that were accepted and had not ended.
    in_flight: int
    #: Processes of ours that got SIGKILL.
    killed: int = 0
    #: Of these, exactly at a point.
    killed_at_points: int = 0
    #: Seconds until it was over and every process that it met was ready again.
    ready_after: float = 0.0
    #: What did not come about: a point that nobody reached.
    missed: str = ""

    def written(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "fault": {"type": type(self.fault).__name__, **asdict(self.fault)}}

    @property
    def kind(self) -> str:
        return self.fault.kind
