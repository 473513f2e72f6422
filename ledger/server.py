"""The connection to Redis or Valkey, and the scripts that run there."""

import logging
from importlib.resources import files
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as NoAnswer

from ledger.errors import FencedError, LedgerNotReadyError, LedgerUnavailableError
from schemas.settings import RedisSettings

log = logging.getLogger(__name__)

_CLAIMS: Final = ("run", "ready", "clock", "claims")
_HEALTH: Final = ("breakers", "slowing", "health")
#: Each script and the files that it is made of, in their order.
SCRIPTS: Final[dict[str, tuple[str, ...]]] = {
    **{name: ("run", "ready", "clock", "claims", name) for name in ("look", "take_over", "cancel")},
    **{name: ("run", "ready", "clock", "claims", "wins", name) for name in ("expire", "refuse")},
    **{name: ("run", "ready", "clock", "claims", *_HEALTH, name) for name in ("close", "lose")},
    "reopen": ("run", "ready", "clock", "claims", "days", *_HEALTH, "reopen"),
    "used_up": ("run", "ready", "clock", "days", "used_up"),
    **{
        name: (*_CLAIMS, "wishes", "wins", "pace", *_HEALTH, "slots", "days", "twins", name)
        for name in ("claim", "ask")
    },
    "healthy": ("run", "ready", "clock", *_HEALTH, "healthy"),
    "allow": ("clock", "pace", "allow"),
    "place": ("clock", "place"),
    "inbound": ("inbound",),
    "failing": ("failing",),
    **{name: (name,) for name in ("landline_get", "landline_put")},
    **{name: ("wishes", name) for name in ("wish_ask", "wish_note")},
    "wish_list": ("run", "ready", "wishes", "wish_list"),
    "view_first": ("clock", "rows", "figures", "holds", "view_first"),
    "view_put": ("clock", "rows", "figures", "view_put"),
    **{name: ("clock", "rows", "figures", name) for name in ("poll", "polled")},
    "view_get": ("run", "view_read", "reading", "rows", "seen", "view_get"),
    "queues": ("run", "view_read", "reading", "clock", "rows", "figures", "queues"),
    "hold": ("run", "view_read", "reading", "clock", "rows", "seen", "holds", "hold"),
    **{name: ("holds", name) for name in ("release", "answered")},
    **{name: ("run", name) for name in ("rebuild_lock", "rebuild_sweep")},
    **{name: ("run", "rebuild_fence", name) for name in ("rebuild_write", "rebuild_days", "rebuild_publish")},
    "rebuild_unlock": ("rebuild_unlock",),
    **{
        f"{what}_{step}": ("run", f"{what}_read", f"read_{step}")
        for what in ("view", "sticky")
        for step in ("missing", "begin", "whole")
    },
    "sticky_get": ("run", "sticky_read", "reading", "sticky_get"),
    "sticky_put": ("sticky_put",),
}
#: Codes of error replies that say that the server cannot serve now, beside those that redis-py knows.
_PASSING: Final = ("NOREPLICAS", "MASTERDOWN", "MISCONF", "BUSY", "UNKILLABLE", "READONLY", "OOM")
_CONNECTIONS: Final = 32
#: uvloop says RuntimeError where the server closed a connection between its opening and the first write.
_NO_CONNECTION: Final = (NoConnection, RuntimeError)


def script_text(parts: tuple[str, ...]) -> str:
    """The Lua of these files, one after the other: what the first define, the later ones use."""
    return "\n".join((files("ledger.scripts") / f"{part}.lua").read_text() for part in parts)


def encryption(settings: RedisSettings) -> dict[str, Any]:
    """What redis-py is told beside the URL: whom to trust, and who we are. It checks certificate and name."""
    files = {
        "ssl_ca_certs": settings.ssl_ca_file,
        "ssl_certfile": settings.ssl_certificate_file,
        "ssl_keyfile": settings.ssl_key_file,
    }
    return {name: str(path) for name, path in files.items() if path is not None}


class Server:
    """One server. Connects when first asked; what is lost is connected again."""

    def __init__(self, settings: RedisSettings) -> None:
        pool = BlockingConnectionPool.from_url(
            settings.url,
            **encryption(settings),
            max_connections=_CONNECTIONS,
            timeout=settings.timeout_seconds,
            socket_timeout=settings.timeout_seconds,
            socket_connect_timeout=settings.timeout_seconds,
            # A pooled connection may have died with the server's last run. Every script may be repeated.
            retry=Retry(NoBackoff(), 1, _NO_CONNECTION),  # type: ignore[arg-type] # any exception will do
        )
        self._client = Redis.from_pool(pool)
        self._scripts = {
            name: self._client.register_script(script_text(parts)) for name, parts in SCRIPTS.items()
        }

    async def ping(self) -> None:
        """Check that the server answers.

        Raises:
            LedgerUnavailableError: it does not.
        """
        try:
            await self._client.ping()
        except (RedisError, RuntimeError) as e:
            raise _meaning(e) from e

    async def run(self, script: str, *args: str | bytes | float) -> Any:
        """What the script answers; it runs wholly or not at all, and nothing else runs meanwhile.

        Raises:
            LedgerNotReadyError: see there.
            LedgerUnavailableError: see there; the script may have run.
        """
        try:
            return await self._scripts[script](args=args)
        except (RedisError, RuntimeError) as e:
            raise _meaning(e) from e

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _meaning(error: Exception) -> Exception:
    if isinstance(error, (*_NO_CONNECTION, NoAnswer, ReadOnlyError, OutOfMemoryError)):
        return LedgerUnavailableError(f"{type(error).__name__}: {error}")
    if isinstance(error, ResponseError):
        text = str(error)
        if text.startswith("NOTREADY"):
            return LedgerNotReadyError(text.partition(" ")[2])
        if text.startswith("FENCED"):
            return FencedError(text.partition(" ")[2])
        if text.startswith(_PASSING):
            return LedgerUnavailableError(text)
    return error
