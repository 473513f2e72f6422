"""What a service's exit code says (table: docs/operations.md). A supervisor starts the process again."""

from enum import IntEnum
from typing import Self


class Exit(IntEnum):
    """Why a process ended by itself. 0: it was told to. 1: a fault of ours, with a traceback."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """A code with its sentence."""
        self = int.__new__(cls, code)
        self._value_ = code
        self.meaning = meaning
        return self

    SEND = 70, "The broker refuses a record of ours, or the producer has failed for good."
    HANDLER = 71, "A handler, or what runs between records, raised."
    GAP = 72, "Records of a partition were skipped; it is read again from its commit."
    PAUSED = 73, "The group gave our partitions away while we held them: stopped, or cut off for too long."
    TOPICS = (
        74,
        "A topic is missing or set up otherwise; the log names it. `helio topics` makes missing ones.",
    )
    RECOVERY = 75, "A table cannot be rebuilt from its changelog, or not in time."
    CRASH = 76, "A Kafka client found no broker when it started, failed, stands still, or does not stop."
    DIRECTORY = 77, "The directory cannot be read on."
    REFUSED = (
        78,
        "A setting is wrong, or Kafka refuses our login, certificate or rights; the log says what to do.",
    )
    RETENTION = (
        79,
        "Retention deleted tasks that nobody had handed over; the log names them and says how to go on.",
    )
