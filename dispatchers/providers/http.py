"""The aiohttp session under the Twilio and Telnyx SDKs: it writes one request, if the claim still holds."""

import asyncio
import select
from collections.abc import Mapping, Sequence
from weakref import WeakSet

import aiohttp
from aiohttp import ClientRequest, ClientTimeout
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from dispatchers.providers.exchange import NotWrittenError, Reply, current
from schemas.settings import DispatchSettings


class ClaimingConnector(aiohttp.TCPConnector):
    """Asks for leave when the connection is there: no task switch lies between that and the first byte."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit=limit)
        self._used: WeakSet[ResponseHandler] = WeakSet()

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> Connection:
        """The connection to write to.

        Raises:
            NotWrittenError: the claim is lost; the connection went back to the pool unused.
        """
        connection = await self._alive(req, traces, timeout)
        try:
            current().leave()
        except BaseException:
            connection.release()
            raise
        return connection

    async def _alive(self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout) -> Connection:  # noqa: ASYNC109 - see `connect`
        """One that the server has not closed, as far as the kernel knows.

        The loop may not have heard of it yet; a text written to a closed connection would be ambiguous.
        """
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            assert protocol is not None  # noqa: S101 - it was acquired just now
            if protocol not in self._used or not _has_input(connection.transport):
                self._used.add(protocol)
                return connection
            connection.close()


def _has_input(transport: asyncio.Transport | None) -> bool:
    """Whether an idle connection has something to read: its end, for nothing was asked."""
    if transport is None:
        return True
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))


def session(http: DispatchSettings) -> aiohttp.ClientSession:
    """A session with timeouts, to be made in the running loop. Redirects and retries are off.

    Hand-overs never wait for the connection of a question: there is one for each.

    The environment's proxies are not used: callers on one host must not differ by what is set there.
    """
    return aiohttp.ClientSession(
        connector=ClaimingConnector(http.max_in_flight + http.max_questions),
        timeout=ClientTimeout(total=http.http_timeout_seconds, sock_connect=http.connect_timeout_seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


async def write(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str] | Sequence[tuple[str, str]],
) -> None:
    """Write one request, and tell the current exchange how it went."""
    exchange = current()
    try:
        async with session.request(
            method, url, data=body or None, headers=headers, allow_redirects=False
        ) as response:
            exchange.reply = Reply(response.status, response.headers, await response.read())
    except (aiohttp.ClientError, OSError, NotWrittenError) as error:
        # TimeoutError is an OSError. Whether it left is the exchange's knowledge, not the exception's.
        exchange.failed(error)
