"""The HTTP client of callbacks: keeps connections open, and tells failures before from after.

A general client costs three times as much, more than all the rest of a callback; what is needed
here is one POST with known headers, and the status of the answer.
"""

import asyncio
from collections import defaultdict
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

import httptools

from simulator.provider import Callback, Outcome

_Origin: TypeAlias = tuple[str, str, int]
"""Scheme, host and port."""


class CallbackClient:
    """Sends callbacks; an idle connection to the same origin is used again."""

    def __init__(self) -> None:
        self._idle: defaultdict[_Origin, list[_Connection]] = defaultdict(list)

    async def post(self, callback: Callback) -> Outcome:
        """Send one callback and wait for its answer.

        The URL goes out as it is, not quoted anew, since it may be signed. A redirection is an
        answer like any other.
        """
        try:
            url = urlsplit(callback.url)
            origin = _origin(url)
            connection = await self._connected(origin, callback.connect_timeout)
        except (OSError, ValueError):
            return "unreachable"
        try:
            async with asyncio.timeout(callback.read_timeout):
                status = await connection.post(_request(url, callback))
        except OSError:
            return "unanswered"
        finally:
            if connection.reusable:
                self._idle[origin].append(connection)
            else:
                connection.close()
        return status

    def close(self) -> None:
        """Close the idle connections."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    async def _connected(self, origin: _Origin, timeout: float) -> "_Connection":  # noqa: ASYNC109 - the provider's own limit on connecting
        idle = self._idle[origin]
        while idle:
            connection = idle.pop()
            if connection.reusable:
                return connection
        scheme, host, port = origin
        async with asyncio.timeout(timeout):
            _, connection = await asyncio.get_running_loop().create_connection(
                _Connection, host, port, ssl=True if scheme == "https" else None
            )
        return connection


class _Connection(asyncio.Protocol):
    """One connection, with at most one request under way."""

    def __init__(self) -> None:
        self.reusable = False
        """Open, idle, and not asked to be closed."""
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._status = 0

    async def post(self, request: bytes) -> int:
        """Write a request; the status of its answer.

        Raises:
            ConnectionError: the connection ended without an answer.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError("the connection is closed")
        self.reusable = False
        self._status = 0
        self._parser = httptools.HttpResponseParser(self)
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """End the connection at once."""
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment] # a stream's transport is one

    def data_received(self, data: bytes) -> None:
        """Parse what came; bytes that nobody asked for end the connection."""
        if self._parser is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(f"not HTTP: {error}"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """An answer whose end is the end of the connection is complete; any other is lost."""
        self.reusable = False
        if self._status >= 200:
            self._succeed()
        else:
            self._fail(ConnectionError(f"closed without an answer: {exc}"))

    # What the parser calls.

    def on_headers_complete(self) -> None:
        """The status is known."""
        if self._parser is not None:
            self._status = self._parser.get_status_code()

    def on_message_complete(self) -> None:
        """The answer is whole; a 1xx only announces it."""
        if self._parser is None or self._status < 200:
            return
        self.reusable = self._parser.should_keep_alive()
        self._parser = None
        self._succeed()

    def _succeed(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._status)

    def _fail(self, error: ConnectionError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


def _origin(url: SplitResult) -> _Origin:
    """Where to connect.

    Raises:
        ValueError: the URL names no host, or no scheme that is known.
    """
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError(f"not an http or https URL: {url.geturl()}")
    return url.scheme, url.hostname, url.port or (443 if url.scheme == "https" else 80)


def _request(url: SplitResult, callback: Callback) -> bytes:
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    host = url.netloc.rpartition("@")[2]
    headers = "".join(f"{name}: {value}\r\n" for name, value in callback.headers.items())
    head = (
        f"POST {target} HTTP/1.1\r\nHost: {host}\r\n{headers}Accept: */*\r\n"
        f"Content-Length: {len(callback.body)}\r\n\r\n"
    )
    return head.encode() + callback.body
