"""How far a partition may be committed: records are finished in any order, and none is passed over."""


class Window:
    """One partition since it was given to us: which of the offsets that were read are unfinished."""

    def __init__(self) -> None:
        #: It is another member's now; what finishes counts for nothing.
        self.revoked = False
        self._unfinished: dict[int, None] = {}  # in the order of the log
        self._next: int | None = None
        self._committed: int | None = None

    @property
    def span(self) -> int:
        """How far what was read last lies beyond what may be committed."""
        if self._next is None:
            return 0
        return self._next - next(iter(self._unfinished), self._next)

    def open(self, offset: int) -> None:
        """The record at `offset` was read: higher than all before."""
        self._unfinished[offset] = None
        self._next = offset + 1

    def finish(self, offset: int) -> None:
        """Nothing more is to be done about it."""
        self._unfinished.pop(offset, None)

    def due(self) -> int | None:
        """What may be committed: the lowest unfinished offset. None: that is committed already."""
        lowest = next(iter(self._unfinished), self._next)
        return None if lowest == self._committed else lowest

    def committed(self, offset: int) -> None:
        """The group's commit stands at `offset`."""
        self._committed = offset
