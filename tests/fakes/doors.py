"""What the doors need of the world, in memory; tests/contracts/ports holds it to the real one's contract."""

from collections.abc import Sequence

from ingress.ports import NotAcknowledgedError
from ingress.tracing import Headers
from ledger import LedgerNotReadyError, LedgerUnavailableError
from ledger.view import Seen
from schemas.public import StatusRecord


class MemoryView:
    """A status view. `whole` and `down` are for tests to set."""

    def __init__(self) -> None:
        self.rows: dict[str, StatusRecord] = {}
        self.whole = True
        self.down: LedgerNotReadyError | LedgerUnavailableError | None = None
        self.sending: set[str] = set()

    async def first(self, rows: Sequence[StatusRecord]) -> None:
        """Rows of sequence 0, never over another."""
        self._up()
        for row in rows:
            self.rows.setdefault(row.message_id, row)

    async def put(self, rows: Sequence[StatusRecord]) -> None:
        """Rows of the status topic."""
        self._up()
        for row in rows:
            known = self.rows.get(row.message_id)
            if known is None or known.sequence < row.sequence:
                self.rows[row.message_id] = row

    async def get(self, message_id: str) -> Seen:
        """What is known of a message."""
        self._up()
        return Seen(self.rows.get(message_id), message_id in self.sending, self.whole)

    def _up(self) -> None:
        if self.down is not None:
            raise self.down


class MemoryBroker:
    """Keeps what is published. `away` is for tests to set."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes]] = []
        self.headers: list[Headers] = []
        self.away = False

    async def __call__(self, message_id: str, value: bytes, headers: Headers) -> None:
        """Take a record."""
        if self.away:
            raise NotAcknowledgedError(message_id)
        self.records.append((message_id, value))
        self.headers.append(headers)
