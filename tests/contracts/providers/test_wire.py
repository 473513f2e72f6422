"""What each adapter writes: the fields that the providers document, our names in them, nothing else's."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import jwt
import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dispatchers.port import ProviderPort
from dispatchers.providers import connect
from dispatchers.providers.telnyx import TelnyxPort
from dispatchers.providers.twilio import TwilioPort
from dispatchers.providers.vonage import VonagePort
from schemas.directory import TelnyxCredentials, TwilioCredentials, VonageCredentials
from schemas.provider import Accepted, Ambiguous, Provider, Unavailable
from schemas.settings import DispatchSettings
from tests.contracts.providers import rigs
from tests.contracts.providers.capture import Capture, Request, Silence, capture
from tests.contracts.providers.conftest import Connect
from tests.contracts.providers.rigs import CALLBACK, HTTP, MESSAGE, NOW, handover, task

PICTURES = ("https://media.example.com/a.jpg", "https://media.example.com/b.mp4")
NONCE = "n" * 32


def clock() -> float:
    return NOW


def port_at(provider: Provider, base_url: str) -> ProviderPort:
    """As `connect`, at the moment `NOW`."""
    account = rigs.account(provider, base_url)
    match account.credentials:
        case TwilioCredentials() as credentials:
            return TwilioPort(account, credentials, HTTP, clock)
        case TelnyxCredentials() as credentials:
            return TelnyxPort(account, credentials, HTTP, clock)
        case VonageCredentials() as credentials:
            return VonagePort(account, credentials, HTTP, clock)


async def sent(provider: Provider, server: Capture, **changes: object) -> Request:
    """What goes over the wire for a task with `changes`."""
    server.behaviour = rigs.SUCCESS[provider]
    port = port_at(provider, server.url)
    try:
        found = await port.send(handover(task(provider, **changes), nonce=NONCE))
    finally:
        await port.close()
    assert isinstance(found, Accepted)
    assert len(server.requests) == 1
    request = server.requests[0]
    assert (request.method, request.target) == ("POST", rigs.PATH[provider])
    return request


async def test_twilio_text(server: Capture) -> None:
    request = await sent(Provider.TWILIO, server)
    assert dict(request.form) == {
        "To": "+14155550199",
        "From": "+14155550100",
        "Body": "Grüße & more",
        # The fragment never leaves Twilio; without it a callback is retried once, and only if unconnected.
        "StatusCallback": CALLBACK + "#rc=5&rp=all",
        "ValidityPeriod": "3600",
    }
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    expected = base64.b64encode(("SK" + "b" * 32 + ":api-key-secret").encode()).decode()
    assert request.headers["authorization"] == f"Basic {expected}"


async def test_twilio_media(server: Capture) -> None:
    form = (await sent(Provider.TWILIO, server, media=PICTURES, text="")).form
    assert [value for name, value in form if name == "MediaUrl"] == list(PICTURES)
    assert "Body" not in dict(form)


async def test_telnyx_text(server: Capture) -> None:
    request = await sent(Provider.TELNYX, server)
    assert request.json == {
        "to": "+14155550199",
        "from": "+14155550100",
        "text": "Grüße & more",
        "type": "SMS",
        "webhook_url": CALLBACK,
        "use_profile_webhooks": False,
        "tags": [MESSAGE],
    }
    assert request.headers["idempotency-key"] == NONCE
    assert request.headers["authorization"] == "Bearer KEY-telnyx"


async def test_telnyx_media(server: Capture) -> None:
    found = (await sent(Provider.TELNYX, server, media=PICTURES, text="")).json
    assert (found["type"], found["media_urls"]) == ("MMS", list(PICTURES))
    assert "text" not in found


async def test_telnyx_the_same_hand_over_is_the_same_bytes(server: Capture) -> None:
    """Telnyx compares byte for byte when it is asked with the same key."""
    server.behaviour = rigs.SUCCESS[Provider.TELNYX]
    for _ in range(2):
        port = port_at(Provider.TELNYX, server.url)
        await port.send(handover(task(Provider.TELNYX), nonce=NONCE))
        await port.close()
    assert server.requests[0].body == server.requests[1].body


async def test_vonage_text(server: Capture) -> None:
    request = await sent(Provider.VONAGE, server)
    assert request.json == {
        "to": "14155550199",
        "from": "14155550100",
        "text": "Grüße & more",
        "channel": "sms",
        "message_type": "text",
        "client_ref": MESSAGE,
        "webhook_url": CALLBACK,
        "webhook_version": "v1",
        "ttl": 3600,
    }
    assert request.headers["content-type"] == "application/json"
    scheme, token = request.headers["authorization"].split()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert scheme == "Bearer"
    assert claims["application_id"] == "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"


async def test_vonage_media(server: Capture) -> None:
    found = (await sent(Provider.VONAGE, server, media=PICTURES)).json
    assert (found["channel"], found["message_type"]) == ("mms", "content")
    assert found["content"] == [
        {"type": "image", "url": PICTURES[0], "caption": "Grüße & more"},
        {"type": "video", "url": PICTURES[1]},
    ]


async def test_vonage_takes_a_name_as_sender(server: Capture) -> None:
    assert (await sent(Provider.VONAGE, server, sender="Heliograph")).json["from"] == "Heliograph"


@pytest.mark.parametrize(
    ("provider", "field", "shortest", "longest"),
    [(Provider.TWILIO, "ValidityPeriod", 6, 36_000), (Provider.VONAGE, "ttl", 20, 604_800)],
)
async def test_validity_within_the_providers_limits(
    provider: Provider, field: str, shortest: int, longest: int, server: Capture
) -> None:
    for seconds, expected in ((1, shortest), (600, 600), (30 * 86_400, longest)):
        server.requests.clear()
        request = await sent(provider, server, valid_until=int((NOW + seconds) * 1000))
        values = dict(request.form) if provider is Provider.TWILIO else request.json
        assert str(values[field]) == str(expected)


@pytest.mark.parametrize("provider", Provider)
async def test_the_environment_changes_nothing(
    provider: Provider, server: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edges, regions, base URLs and proxies of the environment would take the request elsewhere."""
    nowhere = "http://127.0.0.1:9"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "TELNYX_BASE_URL"):
        monkeypatch.setenv(name, nowhere)
    monkeypatch.setenv("TWILIO_EDGE", "ashburn")
    monkeypatch.setenv("TWILIO_REGION", "us1")
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC" + "e" * 32)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    await sent(provider, server)


@pytest.mark.parametrize("provider", Provider)
async def test_what_waits_for_a_connection_until_its_time_is_over_never_left(
    provider: Provider, server: Capture, connected: Connect
) -> None:
    server.behaviour = Silence()
    http = DispatchSettings(http_timeout_seconds=3, max_in_flight=1)
    port = connected(provider, http)
    first = asyncio.ensure_future(port.send(handover(task(provider))))
    await asyncio.wait_for(server.arrived.wait(), 20)
    second = await port.send(handover(task(provider)))
    assert isinstance(await first, Ambiguous)
    if isinstance(second, Ambiguous):
        # The first one's time was over a little earlier, so the second just had its turn: then it did leave,
        # though the server may not have read it yet.
        await asyncio.wait_for(server.until(2), 20)
    else:
        assert isinstance(second, Unavailable)
        assert len(server.requests) == 1


@pytest.mark.parametrize("provider", Provider)
async def test_connections_are_used_again(provider: Provider, server: Capture, connected: Connect) -> None:
    server.behaviour = rigs.SUCCESS[provider]
    port = connected(provider)
    for _ in range(5):
        await port.send(handover(task(provider)))
    # One that was ready and not written to, because the claim was lost, is as good as new for aiohttp.
    await port.send(handover(task(provider), lambda: False))
    assert len(server.requests) == 5
    assert server.connections == 1


@pytest.mark.parametrize("provider", Provider)
async def test_a_connection_that_the_server_has_closed_meanwhile_is_not_used(
    provider: Provider, server: Capture, connected: Connect
) -> None:
    server.behaviour = rigs.SUCCESS[provider]
    port = connected(provider)
    assert isinstance(await port.send(handover(task(provider))), Accepted)
    await server.stop()
    assert isinstance(await port.send(handover(task(provider))), Accepted)
    assert (len(server.requests), server.connections) == (2, 2)


@pytest.mark.parametrize("provider", Provider)
def test_on_the_loop_that_the_services_run_on(provider: Provider) -> None:
    """Its transports and sockets are not asyncio's."""

    async def twice() -> tuple[int, int]:
        async with capture() as server:
            server.behaviour = rigs.SUCCESS[provider]
            port = connect(rigs.account(provider, server.url), HTTP)
            for _ in range(2):
                assert isinstance(await port.send(handover(task(provider))), Accepted)
            await server.stop()
            assert isinstance(await port.send(handover(task(provider))), Accepted)
            assert isinstance(await port.send(handover(task(provider), lambda: False)), Unavailable)
            await port.close()
            return len(server.requests), server.connections

    assert uvloop.run(twice()) == (3, 2)


@asynccontextmanager
async def tls(tmp_path: Path) -> AsyncIterator[tuple[Capture, Path]]:
    """A capture server with a certificate, and that certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, private)
    found = Capture()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=context)
    found.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield found, file
    finally:
        server.close()
        await found.stop()
        await server.wait_closed()


async def test_vonage_over_tls(tmp_path: Path, connected: Connect) -> None:
    """Our connection class for TLS is another one than for plain HTTP."""
    async with tls(tmp_path) as (server, certificate):
        server.behaviour = rigs.SUCCESS[Provider.VONAGE]
        port = connected(Provider.VONAGE, url=server.url)
        assert isinstance(port, VonagePort)
        assert isinstance(await port.send(handover(task(Provider.VONAGE))), Unavailable)
        port._session.verify = str(certificate)
        assert isinstance(await port.send(handover(task(Provider.VONAGE), lambda: False)), Unavailable)
        assert server.requests == []
        assert isinstance(await port.send(handover(task(Provider.VONAGE))), Accepted)
        assert len(server.requests) == 1
