"""What Redis holds, and nothing else knows: claims, pacing, the status view, the epoch and its rebuild."""

from ledger.errors import LedgerAwayError, LedgerNotReadyError, LedgerUnavailableError
from ledger.ledger import Ledger

__all__ = ["Ledger", "LedgerAwayError", "LedgerNotReadyError", "LedgerUnavailableError"]
