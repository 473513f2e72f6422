"""One try, against real servers: what each answer means, what is signed, and what is never connected to."""

import asyncio
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from notifiers.posting import Answer, Outcome, Post, Poster
from schemas.base import Millis
from schemas.settings import NotifierSettings
from schemas.signing import secrets_of, shown
from tests.fakes.receiving import Receiver, hangs, receiving, status
from tests.unit.notifiers.world import subscription

BODY = b'{"type":"message.sent","text":"\xc3\xa9"}'
SECRET = b"s" * 32


def now() -> Millis:
    return time.time_ns() // 1_000_000


async def attempt(
    url: str,
    *,
    secrets: tuple[bytes, ...] = (SECRET,),
    trace: bytes | None = None,
    at: Millis | None = None,
    **settings: Any,
) -> Answer:
    chosen = NotifierSettings.model_validate({"allow_private": True, **settings})
    async with Poster(chosen) as poster:
        return await poster.post(Post(url, "msg-1", BODY, secrets, trace), now() if at is None else at)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (200, Outcome.DELIVERED),
        (202, Outcome.DELIVERED),
        (204, Outcome.DELIVERED),
        (304, Outcome.REFUSED),
        (400, Outcome.REFUSED),
        (401, Outcome.REFUSED),
        (404, Outcome.REFUSED),
        (410, Outcome.GONE),
        (429, Outcome.THROTTLED),
        (500, Outcome.ERROR),
        (503, Outcome.ERROR),
    ],
)
async def test_what_an_answer_means(code: int, outcome: Outcome) -> None:
    async with receiving(status(code)) as receiver:
        assert (await attempt(receiver.url)).outcome is outcome


@pytest.mark.parametrize("code", [429, 503])
async def test_a_pause_that_is_asked_for(code: int) -> None:
    async with receiving(status(code, Retry_After="77")) as receiver:
        found = await attempt(receiver.url)
    assert (found.outcome, found.pause_ms) == (Outcome.THROTTLED, 77_000)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(code: int) -> None:
    async with receiving() as other, receiving(status(code, Location=other.url)) as receiver:
        assert (await attempt(receiver.url)).outcome is Outcome.REFUSED
        assert (len(receiver.got), len(other.got)) == (1, 0)


async def verified(receiver: Receiver, secret: bytes) -> None:
    [got] = receiver.got
    assert Webhook(shown(secret)).verify(got.body, got.headers) == json.loads(BODY)
    assert got.body == BODY


async def test_any_receiver_can_verify_it() -> None:
    async with receiving() as receiver:
        await attempt(receiver.url)
        await verified(receiver, SECRET)
        [got] = receiver.got
        with pytest.raises(WebhookVerificationError):
            Webhook(shown(b"x" * 32)).verify(got.body, got.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(shown(SECRET)).verify(got.body + b" ", got.headers)
        assert got.headers["content-type"] == "application/json"


async def test_while_secrets_change_both_sign() -> None:
    """The subscription's own, and the platform's root."""
    at = now()
    one = subscription(
        secret_version=3, former_secrets=[{"version": 2, "until": at + 60_000}, {"version": 1, "until": at}]
    )
    secrets = secrets_of(one, ("new", "old"), at)
    assert len(set(secrets)) == 4
    async with receiving() as receiver:
        await attempt(receiver.url, secrets=tuple(secrets), at=at)
        for secret in secrets:
            await verified(receiver, secret)
        past = secrets_of(subscription(secret_version=1), ("new",), at)
        with pytest.raises(WebhookVerificationError):
            await verified(receiver, past[0])


def test_no_two_subscriptions_share_a_secret() -> None:
    made = [subscription("a"), subscription("b"), subscription("a", secret_version=2)]
    found = {shown(secrets_of(one, ("root",), 0)[0]) for one in made}
    assert len(found) == 3
    assert all(one.startswith("whsec_") for one in found)


async def test_a_trace_goes_along() -> None:
    async with receiving() as receiver:
        await attempt(receiver.url, trace=b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")
        assert receiver.got[0].headers["traceparent"].startswith("00-aaaa")


async def test_no_answer_in_time() -> None:
    async with receiving(hangs(asyncio.Event())) as receiver:
        assert (await attempt(receiver.url, timeout_seconds=0.2)).outcome is Outcome.TIMEOUT


async def test_a_body_without_end_is_not_read_to_its_end() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)

    async with receiving(endless) as receiver:
        assert (await attempt(receiver.url)).outcome is Outcome.DELIVERED


async def test_nothing_is_unpacked() -> None:
    """So no bomb is: what is no gzip at all cannot be told from one that is."""

    async def packed(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"no gzip", headers={"content-encoding": "gzip"})

    async with receiving(packed) as receiver:
        assert (await attempt(receiver.url)).outcome is Outcome.DELIVERED


@asynccontextmanager
async def raw(answer: bytes | None) -> AsyncIterator[tuple[str, list[int]]]:
    """A server that says `answer` to anything, or resets; its URL, and a list that grows with connections."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await reader.read(10)
        if answer is None:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", connections


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50_000,
    ],
)
async def test_what_cannot_be_read_is_a_failure(answer: bytes | None) -> None:
    async with raw(answer) as (place, connections):
        assert (await attempt(f"http://{place}/")).outcome is Outcome.UNREACHABLE
        assert connections


async def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = await attempt(f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert found.outcome is Outcome.UNREACHABLE


def certified(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS, by a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_certificates_are_verified(tmp_path: Path) -> None:
    async with receiving(tls=certified(tmp_path)) as receiver:
        found = await attempt(receiver.url)
        assert found == Answer(Outcome.UNREACHABLE, "TLS: CERTIFICATE_VERIFY_FAILED")
        assert not receiver.got


async def test_no_tls_at_all() -> None:
    async with raw(b"no TLS here") as (place, _):
        found = await attempt(f"https://{place}/")
    assert found.outcome is Outcome.UNREACHABLE
    assert found.detail.startswith("TLS")


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw(b"") as (proxy, connections), receiving() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://{proxy}")
        assert (await attempt(receiver.url)).outcome is Outcome.DELIVERED
        assert not connections


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "2130706433",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "user:password@127.0.0.1",
        "127.0.0.1.",
        "①②⑦.⓪.⓪.①",
    ],
)
async def test_private_addresses_are_never_connected_to(host: str) -> None:
    async with raw(b"") as (place, connections):
        port = place.partition(":")[2]
        found = await attempt(f"https://{host}:{port}/", allow_private=False, timeout_seconds=5)
        assert found.outcome in (Outcome.ADDRESS, Outcome.UNREACHABLE)
        assert not connections
    if host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
        assert found.outcome is Outcome.ADDRESS
        assert found.detail.endswith("is not public")


async def test_plain_http_is_refused_where_private_addresses_are() -> None:
    found = await attempt("http://example.com/", allow_private=False)
    assert found == Answer(Outcome.ADDRESS, "its URL is not https")


def answers(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """The system resolves any name to `addresses`; the names that were asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


async def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw(b"") as (place, connections):
        answers(monkeypatch, "93.184.215.14", "127.0.0.1")
        found = await attempt(f"https://rebound.example:{place.partition(':')[2]}/", allow_private=False)
        assert found == Answer(Outcome.ADDRESS, "127.0.0.1 is not public")
        assert not connections


async def test_a_name_is_asked_once_and_what_was_checked_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with receiving() as receiver:
        asked = answers(monkeypatch, "127.0.0.1")
        url = receiver.url.replace("127.0.0.1", "told.example")
        assert (await attempt(url)).outcome is Outcome.DELIVERED
        assert asked == ["told.example"]


async def test_a_name_that_is_none() -> None:
    for url in ("https://a..b/", f"https://{'a' * 70}.example/", "https:///", "https://[/"):
        found = await attempt(url, timeout_seconds=5)
        assert found.outcome is Outcome.UNREACHABLE


async def test_the_words_of_a_failure_hold_no_url() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = await attempt(f"http://127.0.0.1:{taken.getsockname()[1]}/?token=secret")
    assert "secret" not in found.detail
