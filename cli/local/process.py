"""What a process is, as data: how to run it and how to see that it is ready."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


class StartError(RuntimeError):
    """A process did not become ready. Carries one sentence for the person who started it."""


class MissingToolError(StartError):
    """A program is missing on this machine. The message says what to install."""


def always() -> bool:
    """Ready as soon as it runs."""
    return True


@dataclass(frozen=True)
class Process:
    """One row of the process table."""

    name: str
    """Unique in a stack; names the log file and the row in `run.json`."""
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to our own environment."""
    ready: Callable[[], bool] = always
    """Asked again and again after the start; must return within a second and raise nothing."""
    ready_file: Path | None = None
    """A file that it makes when it is ready; removed before each start. Has to be there beside `ready`."""
    ready_seconds: float = 120.0
    """Not ready after that long: the start has failed."""
    grace_seconds: float = 10.0
    """Between SIGTERM and SIGKILL."""

    def is_ready(self) -> bool:
        """Whether the run that was started last is ready."""
        return (self.ready_file is None or self.ready_file.exists()) and self.ready()
