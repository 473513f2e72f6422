"""How far each partition may be committed, and the tasks that were read of it."""

from dataclasses import dataclass, field

from ledger.days import Counted
from schemas.tasks import How, RecordId, Task

Partition = tuple[str, int]


class GapError(Exception):
    """Records of a partition were skipped. Nothing may be committed past them; the process must end."""


class Line:
    """One partition since it was assigned: which of its offsets are unfinished.

    An item keeps its line, so what finishes after the partition has moved away counts for nothing.
    """

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.revoked = False
        self._unfinished: dict[int, None] = {}  # in the order of the log
        self._first: int | None = None
        self._next: int | None = None
        self._start: int | None = None
        self._committed: int | None = None

    def __len__(self) -> int:
        return len(self._unfinished)

    def begin(self, start: int) -> None:
        """The group's commit, or the log's beginning, is `start`: the first record to be read.

        Raises:
            GapError: another one was read first.
        """
        self._start = start
        self._check(self._first)

    def open(self, offset: int) -> None:
        """A record has been read.

        Raises:
            GapError: it is not the next one.
        """
        if self._next is None:
            self._first = offset
            self._check(offset)
        elif offset != self._next:
            raise GapError(f"{self.partition}: read {offset}, and {self._next} was next")
        self._unfinished[offset] = None
        self._next = offset + 1

    def _check(self, first: int | None) -> None:
        if first is not None and self._start is not None and first != self._start:
            raise GapError(f"{self.partition}: read {first} first, and {self._start} was next")

    def finish(self, offset: int) -> None:
        """Nothing more will be done about the record at `offset`."""
        self._unfinished.pop(offset, None)

    def due(self) -> int | None:
        """The lowest unfinished offset, if that is not what was committed last."""
        lowest = next(iter(self._unfinished), self._next)
        return None if lowest == self._committed else lowest

    def committed(self, offset: int) -> None:
        """The group's commit stands at `offset`."""
        self._committed = offset


@dataclass(eq=False)
class Item:
    """A task at hand. `nonce` is set while an intent for it stands."""

    line: Line
    offset: int
    task: Task
    nonce: str | None = None
    #: From this moment on it may not be handed over any more, by our clock (milliseconds since the epoch).
    late_from: int = field(init=False)
    #: Since when it is at hand.
    since: int = field(default=0, init=False)
    #: What its claim counted against day caps, once it is won.
    counted: Counted | None = field(default=None, init=False)
    #: Nothing more will be done about it.
    finished: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        # As the claim script has it: in time until the very millisecond.
        self.late_from = min(self.task.valid_until, self.task.forget_at) + 1

    @property
    def record(self) -> RecordId:
        """The identity of the task: its first record's, carried through waiting."""
        if self.task.record is not None:
            return self.task.record
        topic, partition = self.line.partition
        return RecordId(topic=topic, partition=partition, offset=self.offset)

    @property
    def waiting_since(self) -> int:
        """Since when it might have been handed over (milliseconds since the epoch): accepted, and due."""
        return max(self.task.accepted_at or self.since, self.task.not_before)

    def retry_as(self, attempt: int, *, maybe_sent: bool, not_before: int = 0) -> None:
        """The same task, identified by the same record, as a later attempt."""
        self.task = self.task.model_copy(
            update={
                "attempt": attempt,
                "how": How.AFTER_UNKNOWN if maybe_sent else How.PLAIN,
                "record": self.record,
                "not_before": not_before,
            }
        )

    def finish(self) -> None:
        """Nothing more will be done about it."""
        self.finished = True
        self.line.finish(self.offset)
