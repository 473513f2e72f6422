"""One try: a signed POST, and what its answer means."""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar

from notifiers.pauses import retry_after
from notifiers.resolver import AddressRefusedError, connector
from schemas.base import Millis
from schemas.settings import NotifierSettings
from schemas.signing import sign
from schemas.tracing import TRACEPARENT

_AGENT: Final = "Heliograph"
#: So much of an answer is read, so that its connection can be used again; more closes it.
_READ_BYTES: Final = 16_384
_READ_SECONDS: Final = 1.0


class Outcome(StrEnum):
    """What came of a try. Only the first is not a failure."""

    #: 2xx.
    DELIVERED = "delivered"
    #: 410: the endpoint wants nothing any more.
    GONE = "gone"
    #: 429, or 503 with a `Retry-After`: it asks for a pause.
    THROTTLED = "throttled"
    #: Any other answer below 500; redirects, too.
    REFUSED = "refused"
    #: 5xx.
    ERROR = "error"
    #: No whole answer in time.
    TIMEOUT = "timeout"
    #: No connection, no name, no valid certificate, no answer that can be read.
    UNREACHABLE = "unreachable"
    #: It has an address that may not be connected to.
    ADDRESS = "address"


#: What says nothing of the endpoint for sure: it may be our own network that is down.
UNHEARD: Final = frozenset({Outcome.TIMEOUT, Outcome.UNREACHABLE})


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome with a few words for the log: never bodies, never URLs."""

    outcome: Outcome
    detail: str
    #: The pause that it asks for, in milliseconds.
    pause_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """What is POSTed. `secrets` sign, newest first."""

    url: str
    id: str
    body: bytes
    secrets: Sequence[bytes]
    trace: bytes | None = None


def headers(post: Post, now: Millis) -> dict[str, str]:
    """What Standard Webhooks ask for, and the trace that the event belongs to."""
    timestamp = now // 1000
    signatures = [sign(secret, post.id, timestamp, post.body) for secret in post.secrets]
    found = {
        "content-type": "application/json",
        "user-agent": _AGENT,
        "webhook-id": post.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
    return found if post.trace is None else found | {TRACEPARENT: post.trace.decode("latin-1")}


def meaning(status: int, wanted: str | None, now: Millis) -> Answer:
    """What an answer with that status means; `wanted` is its `Retry-After`."""
    if 200 <= status < 300:
        return Answer(Outcome.DELIVERED, str(status))
    if status == 410:
        return Answer(Outcome.GONE, "410 Gone")
    pause = retry_after(wanted, now) if status in (429, 503) else None
    if status == 429 or pause is not None:
        return Answer(Outcome.THROTTLED, str(status), pause)
    return Answer(Outcome.ERROR if status >= 500 else Outcome.REFUSED, str(status))


class Poster:
    """Connections to endpoints, within a block.

    Never follows a redirect, keeps no cookie, takes no proxy from the environment, and unpacks nothing.
    """

    def __init__(self, settings: NotifierSettings) -> None:
        self._settings = settings
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        own = self._settings
        self._session = ClientSession(
            connector=connector(allow_private=own.allow_private, most=own.max_in_flight),
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=None),
            auto_decompress=False,
            trust_env=False,
            max_line_size=_READ_BYTES,
            max_field_size=_READ_BYTES,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, post: Post, now: Millis) -> Answer:
        """Try once. Every failure is an answer; only a cancel is raised."""
        if not self._settings.allow_private and not post.url.startswith("https://"):
            return Answer(Outcome.ADDRESS, "its URL is not https")
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                response = await self._send(post, now)
        except TimeoutError:
            return Answer(Outcome.TIMEOUT, f"no answer within {self._settings.timeout_seconds:g} s")
        except (ClientError, OSError, ValueError) as error:
            return failure(error)
        await _drain(response)
        return meaning(response.status, response.headers.get("retry-after"), now)

    async def _send(self, post: Post, now: Millis) -> ClientResponse:
        if self._session is None:
            raise RuntimeError("not within its block")
        return await self._session.post(
            post.url, data=post.body, headers=headers(post, now), allow_redirects=False
        )


async def _drain(response: ClientResponse) -> None:
    """The status was the answer. What follows is read only so that the connection can be used again."""
    left = _READ_BYTES
    try:
        async with asyncio.timeout(_READ_SECONDS):
            async for part in response.content.iter_any():
                left -= len(part)
                if left < 0:
                    break
    except (ClientError, OSError, ValueError):
        pass
    finally:
        response.close()  # what was read to its end is in the pool already


def failure(error: BaseException) -> Answer:
    """What an error on the way means. Errors' own words may hold URLs, so kinds are told, not words."""
    for one in _causes(error):
        if isinstance(one, AddressRefusedError):
            return Answer(Outcome.ADDRESS, str(one))
        if isinstance(one, ssl.SSLError) and (reason := getattr(one, "reason", None)):
            return Answer(Outcome.UNREACHABLE, f"TLS: {reason}")
    return Answer(Outcome.UNREACHABLE, type(error).__name__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what is behind it."""
    left, seen = [error], set()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (getattr(one, "os_error", None), one.__cause__, one.__context__)
        left += [found for found in inner if found is not None]
        left += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
