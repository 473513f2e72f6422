"""A simulator on loopback, and a receiver of its callbacks."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from simulator.app import build
from simulator.config import Config
from simulator.messages import Draft, Message, Provider
from simulator.provider import Attempt
from simulator.receipts import Status, plan
from tests.unit.simulator.harness import (
    ACCOUNT_SID,
    APPLICATION,
    AUTH_TOKEN,
    HANDSET,
    NUMBER,
    SEED,
    SIGNATURE_SECRET,
    Receiver,
    Sender,
    Simulator,
    Start,
)


@pytest.fixture(scope="session")
def rsa_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def config(tmp_path: Path, rsa_key: RSAPrivateKey) -> dict[str, Any]:
    """A configuration file's content, with an account of each provider."""
    pem = rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "state": str(tmp_path / "state.jsonl"),
        "callbacks": {"telnyx_pauses_seconds": [0.01, 0.02], "vonage_first_pause_seconds": 0.01},
        "accounts": [
            {
                "id": "tw-1",
                "provider": "twilio",
                "account_sid": ACCOUNT_SID,
                "api_key_sid": "SK1",
                "api_key_secret": "secret",
                "auth_token": AUTH_TOKEN,
                "receipt_delay_ms": 20,
            },
            {
                "id": "tx-1",
                "provider": "telnyx",
                "api_key": "KEY1",
                "signing_seed": base64.b64encode(SEED).decode(),
                "receipt_delay_ms": 20,
            },
            {
                "id": "vo-1",
                "provider": "vonage",
                "api_key": "a1b2c3d",
                "application_id": APPLICATION,
                "public_key": pem.decode(),
                "signature_secret": SIGNATURE_SECRET,
                "receipt_delay_ms": 20,
            },
        ],
    }


@pytest.fixture
async def start(config: dict[str, Any]) -> AsyncIterator[Start]:
    """Starts simulators; one started before on the same state must be closed first."""
    async with AsyncExitStack() as stack:

        async def started() -> Simulator:
            app = build(Config.model_validate(config))
            return await stack.enter_async_context(TestClient(TestServer(app)))

        yield started


@pytest.fixture
async def simulator(start: Start) -> Simulator:
    return await start()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.take)
    async with TestServer(app) as server:
        receiver.base = str(server.make_url("/")).rstrip("/")
        yield receiver


@pytest.fixture
def sender(simulator: Simulator, rsa_key: RSAPrivateKey) -> Sender:
    return Sender(simulator, rsa_key)


@pytest.fixture
def attempt() -> Callable[[Provider, str, int], Attempt]:
    """Makes the attempt of a number at a receipt that is told to a URL."""

    def made(provider: Provider, url: str, number: int) -> Attempt:
        draft = Draft(provider=provider, account="a", to=HANDSET, sender=NUMBER, text="", webhook_url=url)
        receipts = plan([Status("sent")], None, 1.0)
        message = Message(id="1", draft=draft, at=0.0, reaches_handset=True, receipts=receipts)
        return Attempt(message, place=0, number=number, now=1.0)

    return made
