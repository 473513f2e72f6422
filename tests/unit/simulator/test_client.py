"""The callbacks' client: what it sends, which connection it uses, how it names failures."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from simulator.client import CallbackClient
from simulator.provider import Callback
from tests.unit.simulator.harness import DEADLINE

_OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class Server:
    """Answers each request with the next of `answers`; None closes the connection instead."""

    answers: list[bytes | None] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            self.requests.append(head + await reader.readexactly(length))
            answer = self.answers.pop(0) if self.answers else _OK
            if answer is None:
                break
            writer.write(answer)
            if b"close" in answer or b"HTTP/1.0" in answer:
                break
        writer.close()
        self.ended.set()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[CallbackClient]:
    client = CallbackClient()
    yield client
    client.close()


def _callback(server: Server, target: str = "/hook", read: float = DEADLINE, headers: str = "x") -> Callback:
    url = f"http://127.0.0.1:{server.port}{target}"
    return Callback(url, {"X-Test": headers}, b"body", DEADLINE, read)


async def test_one_connection_serves_many(server: Server, client: CallbackClient) -> None:
    for _ in range(3):
        assert await client.post(_callback(server)) == 204
    assert server.connections == 1


async def test_as_many_connections_as_are_under_way(server: Server, client: CallbackClient) -> None:
    outcomes = await asyncio.gather(*(client.post(_callback(server)) for _ in range(3)))
    assert outcomes == [204] * 3
    assert server.connections == 3
    await client.post(_callback(server))
    assert server.connections == 3


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("/hook?m=a%2Bb&x=%C3%A9", b"POST /hook?m=a%2Bb&x=%C3%A9 HTTP/1.1"),
        ("/a%2Fb", b"POST /a%2Fb HTTP/1.1"),
        ("", b"POST / HTTP/1.1"),
        ("?a=1", b"POST /?a=1 HTTP/1.1"),
    ],
)
async def test_the_url_goes_out_as_it_is(
    server: Server, client: CallbackClient, target: str, line: bytes
) -> None:
    await client.post(_callback(server, target))
    (request,) = server.requests
    assert request.split(b"\r\n")[0] == line
    assert f"\r\nHost: 127.0.0.1:{server.port}\r\n".encode() in request
    assert b"\r\nX-Test: x\r\n" in request
    assert request.endswith(b"\r\n\r\nbody")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
        (b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", 500),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 302),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 201),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end", 200),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200),
    ],
)
async def test_answers(server: Server, client: CallbackClient, answer: bytes, status: int) -> None:
    server.answers = [answer]
    assert await client.post(_callback(server)) == status
    assert await client.post(_callback(server)) == 204


async def test_a_connection_that_was_closed_is_not_used_again(server: Server, client: CallbackClient) -> None:
    server.answers = [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"]
    assert await client.post(_callback(server)) == 200
    await server.ended.wait()
    assert await client.post(_callback(server)) == 204
    assert server.connections == 2


async def test_closed_without_an_answer(server: Server, client: CallbackClient) -> None:
    server.answers = [None]
    assert await client.post(_callback(server)) == "unanswered"
    assert await client.post(_callback(server)) == 204


async def test_what_is_not_http(server: Server, client: CallbackClient) -> None:
    server.answers = [b"220 mail.example.com ESMTP\r\n\r\n"]
    assert await client.post(_callback(server)) == "unanswered"


async def test_no_answer_in_time(server: Server, client: CallbackClient) -> None:
    server.answers = [b""]
    assert await client.post(_callback(server, read=0.05)) == "unanswered"


@pytest.mark.parametrize("url", ["", "nowhere", "ftp://127.0.0.1/", "http:///a", "http://a:b/"])
async def test_what_cannot_be_reached(client: CallbackClient, url: str) -> None:
    assert await client.post(Callback(url, {}, b"", 1.0, 1.0)) == "unreachable"


async def test_nobody_listens(client: CallbackClient) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        assert await client.post(Callback(url, {}, b"", DEADLINE, DEADLINE)) == "unreachable"
