"""What the doors need of the world, in memory; tests/contracts/ports holds it to the real one's contract."""

from ingress.ports import NotAcknowledgedError
from ingress.tracing import Headers
from tests.fakes.ledger import MemoryLedger

#: A status view is what the doors have used of the ledger so far.
MemoryView = MemoryLedger


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
