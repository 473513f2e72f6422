"""`GET /sms/queue/stats`: an organization's figures, as the ledger counts them."""

from typing import Any, Final

from ingress import statuses
from ingress.codes import Code
from ingress.problems import Problem, passing
from ledger.queues import Queue, Queues
from schemas.provider import Provider

_ALL: Final = tuple(Provider)


def asked(provider: str | None) -> tuple[Provider, ...] | Problem:
    """Whose figures `?provider=` asks for; None: everybody's."""
    if provider is None:
        return _ALL
    try:
        return (Provider(provider),)
    except ValueError:
        names = ", ".join(_ALL)
        return Problem(Code.INVALID_FIELD, f"Invalid provider: it must be one of {names}")


def members(found: Queues, providers: tuple[Provider, ...], now: int) -> dict[str, Any] | Problem:
    """The answer's members at `now`, epoch milliseconds; a problem while the figures are not true."""
    if not found.whole:
        return unsure()
    return {
        "timestamp": statuses.iso(now),
        "queues": {provider: _figures(found.queues[provider], now) for provider in providers},
    }


def _figures(queue: Queue, now: int) -> dict[str, Any]:
    since = queue.oldest_pending_at
    return {
        "pending": queue.pending,
        "active": queue.active,
        "failed": queue.failed,
        "oldest_pending_seconds": None if since is None else max(0, now - since) / 1000,
    }


def unsure() -> Problem:
    """Nobody can tell at the moment."""
    return passing(Code.LEDGER_UNAVAILABLE, "The figures are not known at the moment. Try again")
