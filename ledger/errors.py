"""The ways in which the ledger cannot answer. None says anything about a message."""


class LedgerAwayError(Exception):
    """It cannot answer now, for whichever reason."""


class LedgerNotReadyError(LedgerAwayError):
    """The ledger has no valid epoch: it was wiped, restarted or failed over. Hold until it is rebuilt."""


class LedgerUnavailableError(LedgerAwayError):
    """The server does not answer in time, or cannot take writes now. What was asked may have been done."""


class FencedError(Exception):
    """A rebuild has lost its lock, or the server has changed under it: it publishes nothing."""


class UnreadableIntentsError(Exception):
    """A record of `sms.intents.v1` cannot be read; a hand-over that nobody may repeat could hide in it."""
