"""Adapters and webhooks against the simulator, which is written from the providers' documents alone."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn
from aiohttp import web
from cryptography.hazmat.primitives import serialization

from cli.local.ports import choose
from directory.secrets import resolve
from directory.snapshot import Directory
from dispatchers.port import Handover
from schemas import callback
from schemas.callback import Callback
from schemas.directory import Account, Entry
from schemas.facts import Receipt, ReceiptStatus
from schemas.provider import Accepted, Ambiguous, Fault, Outcome, Provider, Rejected, Throttled
from schemas.settings import CallbackSettings
from simulator.app import build
from simulator.config import Config
from tests.contracts.providers import rigs
from tests.contracts.providers.conftest import Connect
from tests.contracts.providers.test_text import TEXTS
from tests.fakes.webhooks import Broker, Marks, Wishes
from webhooks.app import Parts, make_app
from webhooks.heeding import Consents
from webhooks.inbox import Inbox
from webhooks.keys import Keys

DEADLINE = 60
SEED = bytes(range(32))
TELNYX_PUBLIC = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
MAC = "a-secret-of-the-tests"
#: What every account may send from, and the number that only one of them has, in the order of providers.
SENDER = "+14155550100"
OURS = ("+14155550101", "+14155550102", "+14155550103")


@dataclass
class Receipts:
    """What the webhooks would have produced."""

    found: list[Receipt]
    came: asyncio.Condition

    async def publish(self, receipt: Receipt) -> bool:
        async with self.came:
            self.found.append(receipt)
            self.came.notify_all()
        return True

    async def wait(self, nonce: str, status: ReceiptStatus) -> Receipt:
        """The receipt of that status for the hand-over of that nonce."""

        def there() -> list[Receipt]:
            return [one for one in self.found if (one.nonce, one.status) == (nonce, status)]

        async with asyncio.timeout(DEADLINE), self.came:
            await self.came.wait_for(there)
        return there()[0]


class Quiet(uvicorn.Server):
    """A server within a test, which owns the signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as found:
        yield found


@pytest.fixture
def address() -> str:
    """Where our webhooks are."""
    return f"http://127.0.0.1:{choose()}"


@pytest.fixture
async def simulator(stack: AsyncExitStack, tmp_path: Path, address: str) -> str:
    """Its URL."""
    private = serialization.load_pem_private_key(rigs.secrets()["T_VONAGE"].encode(), None)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    accounts: list[dict[str, object]] = [
        {
            "provider": "twilio",
            "account_sid": "AC" + "a" * 32,
            "api_key_sid": "SK" + "b" * 32,
            "api_key_secret": rigs.secrets()["T_TWILIO"],
            "auth_token": rigs.secrets()["T_TWILIO_TOKEN"],
            "callback_statuses": ["queued", "sending"],
        },
        {
            "provider": "telnyx",
            "api_key": rigs.secrets()["T_TELNYX"],
            "signing_seed": base64.b64encode(SEED).decode(),
        },
        {
            "provider": "vonage",
            "api_key": "a1b2c3d",
            "application_id": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
            "public_key": public.decode(),
            "signature_secret": rigs.secrets()["T_VONAGE_SECRET"],
        },
    ]
    config = {
        "state": str(tmp_path / "state.jsonl"),
        "accounts": [
            {
                "id": str(one["provider"]),
                "receipt_delay_ms": 10,
                "inbound_url": f"{address}/webhooks/sms/{one['provider']}",
                "numbers": _numbers(str(one["provider"]), OURS[n]),
                **one,
            }
            for n, one in enumerate(accounts)
        ],
        "callbacks": {"telnyx_pauses_seconds": [0.1, 0.2], "vonage_first_pause_seconds": 0.1},
    }
    runner = web.AppRunner(build(Config.model_validate(config)), shutdown_timeout=1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


def _numbers(provider: str, ours: str) -> list[str]:
    """Those of an account, as its provider writes them."""
    return [number.removeprefix("+") if provider == "vonage" else number for number in (SENDER, ours)]


@dataclass
class Platform:
    """Our side: webhooks that listen, and the receipts that they took."""

    url: str
    receipts: Receipts
    broker: Broker

    def handover(self, provider: Provider, nonce: str, **changes: object) -> Handover:
        task = rigs.task(provider, **changes)
        sent = Callback(
            account=task.account,
            organization=task.organization,
            message_id=task.message_id,
            attempt=task.attempt,
            nonce=nonce,
            forget_at=task.forget_at,
        )
        url = callback.url(self.url, provider, sent, MAC)
        return Handover(task=task, nonce=nonce, callback_url=url, still_mine=lambda: True)


@pytest.fixture(params=Provider)
def provider(request: pytest.FixtureRequest) -> Provider:
    found: Provider = request.param
    return found


@pytest.fixture
async def platform(
    stack: AsyncExitStack, provider: Provider, address: str, monkeypatch: pytest.MonkeyPatch
) -> Platform:
    monkeypatch.setenv("T_TELNYX_PUBLIC", TELNYX_PUBLIC)
    receipts, broker, url = Receipts([], asyncio.Condition()), Broker(), address
    known = directory(rigs.account(provider, None))

    async def no_trouble() -> str | None:
        return None

    app = make_app(
        Parts(
            directory=lambda: known,
            keys=Keys(resolve),
            publish=receipts.publish,
            inbox=Inbox(broker.produce, Marks(), timeout_seconds=DEADLINE),
            consents=Consents(broker.produce, Wishes(), lambda: known, lifetime_ms=60_000),
            timeout_seconds=DEADLINE,
            callbacks=CallbackSettings(public_url=url, secrets=(MAC,)),
            body_limit_bytes=65_536,
            trouble=no_trouble,
            clock=lambda: time.time_ns() // 1_000_000,
        )
    )
    await serve(stack, app, int(address.rpartition(":")[2]))
    return Platform(url, receipts, broker)


async def serve(stack: AsyncExitStack, app: Any, port: int) -> None:
    server = Quiet(uvicorn.Config(app, port=port, lifespan="off", log_config=None, http="httptools"))
    running = asyncio.create_task(server.serve())

    async def stop() -> None:
        server.should_exit = True
        await running

    stack.push_async_callback(stop)
    async with asyncio.timeout(DEADLINE):
        while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0.01)


def directory(account: Account) -> Directory:
    entry = Entry(kind="account", id=account.id, organization="operator", version=1, at=0, entity=account)
    return Directory().after([entry])[0]


async def handset(simulator: str, number: str) -> list[dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(f"{simulator}/handsets/{number}") as answer:
        texts: list[dict[str, Any]] = (await answer.json())["texts"]
        return texts


async def script(simulator: str, fault: dict[str, object], **rule: object) -> None:
    async with aiohttp.ClientSession() as session:
        answer = await session.put(f"{simulator}/faults", json=[{"match": {}, "fault": fault, **rule}])
        assert answer.status < 300, await answer.text()


@pytest.mark.parametrize(
    "media",
    [(), ("https://media.example.com/a.jpg",), ("https://x.example/a.gif", "https://x.example/b.mp4")],
)
async def test_a_text_arrives_and_its_receipts_come_back(
    provider: Provider, media: tuple[str, ...], simulator: str, platform: Platform, connected: Connect
) -> None:
    port = connected(provider, url=simulator)
    found = await port.send(platform.handover(provider, "n1", media=media))
    assert isinstance(found, Accepted), found
    delivered = await platform.receipts.wait("n1", ReceiptStatus.DELIVERED)
    sent = await platform.receipts.wait("n1", ReceiptStatus.SENT)
    assert {delivered.provider_message_id, sent.provider_message_id} == {found.provider_message_id}
    assert (delivered.message_id, delivered.account, delivered.attempt) == (rigs.MESSAGE, "main", 1)
    texts = await handset(simulator, "+14155550199")
    assert [(one["from"], one["text"], tuple(one["media"])) for one in texts] == [
        ("+14155550100", "Grüße & more", media)
    ]


async def test_a_text_from_a_handset(provider: Provider, simulator: str, platform: Platform) -> None:
    """Its first call is forged, and each comes twice."""
    await script(
        simulator, {"kind": "receipts", "copies": 2, "signature": "bad", "spoiled_attempts": None}, times=1
    )
    to = OURS[list(Provider).index(provider)]
    picture = "https://media.example.com/cat.jpg"
    async with aiohttp.ClientSession() as session:
        for text in ("forged", "Grüße 👩‍👩‍👧‍👦 & more"):
            body = {"to": to, "text": text, "media": [picture]}
            async with session.post(f"{simulator}/handsets/+14155550199/texts", json=body) as answer:
                assert answer.status == 202, await answer.text()
                sent = (await answer.json())["provider_message_id"]
            await script(simulator, {"kind": "receipts", "copies": 2})
        async with asyncio.timeout(DEADLINE):
            while (await stats(session, simulator))["answered"] < 2:  # noqa: ASYNC110 - another server
                await asyncio.sleep(0.01)
    (found,) = platform.broker.texts
    assert (found.provider_message_id, found.account) == (sent, "main")
    assert (found.from_number, found.to_number, found.text) == ("+14155550199", to, "Grüße 👩‍👩‍👧‍👦 & more")
    assert [one.url for one in found.media] == [picture]


async def stats(session: aiohttp.ClientSession, simulator: str) -> dict[str, int]:
    async with session.get(f"{simulator}/stats") as answer:
        counts: dict[str, int] = (await answer.json())["callbacks"]
        return counts


async def test_every_text_arrives_as_it_was_written(
    provider: Provider, simulator: str, platform: Platform, connected: Connect
) -> None:
    port = connected(provider, url=simulator)
    for number, text in enumerate(TEXTS.values()):
        found = await port.send(platform.handover(provider, f"t{number}", text=text))
        assert isinstance(found, Accepted), (text, found)
    texts = await handset(simulator, "+14155550199")
    assert [one["text"].encode() for one in texts] == [text.encode() for text in TEXTS.values()]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop", "accepted": True},
        {"kind": "garbled", "body": "html"},
        {"kind": "garbled", "body": "object"},
        {"kind": "server_error", "accepted": True, "body": "html"},
    ],
)
async def test_a_send_of_unknown_outcome_is_settled_by_its_receipt(
    provider: Provider, fault: dict[str, object], simulator: str, platform: Platform, connected: Connect
) -> None:
    """The nonce in the callback URL is all that names it: the provider's id was never told."""
    await script(simulator, fault)
    port = connected(provider, url=simulator)
    assert isinstance(await port.send(platform.handover(provider, "n2")), Ambiguous)
    await platform.receipts.wait("n2", ReceiptStatus.DELIVERED)
    assert len(await handset(simulator, "+14155550199")) == 1


CODES = {
    Provider.TWILIO: {
        "21211": Fault.RECIPIENT,
        "21610": Fault.OPTED_OUT,
        "21606": Fault.SENDER,
        "20003": Fault.ACCOUNT,
    },
    Provider.TELNYX: {
        "40310": Fault.RECIPIENT,
        "40300": Fault.OPTED_OUT,
        "40305": Fault.SENDER,
        "10009": Fault.ACCOUNT,
    },
    Provider.VONAGE: {
        "1170": Fault.RECIPIENT,
        "1240": Fault.OPTED_OUT,
        "1120": Fault.SENDER,
        "low-balance": Fault.ACCOUNT,
    },
}
QUEUE_FULL = {Provider.TWILIO: "21611", Provider.TELNYX: "40318", Provider.VONAGE: "1000"}


async def test_refusals(provider: Provider, simulator: str, platform: Platform, connected: Connect) -> None:
    port = connected(provider, url=simulator)

    async def outcome(fault: dict[str, object]) -> Outcome:
        await script(simulator, fault)
        return await port.send(platform.handover(provider, "n3"))

    for code, fault in CODES[provider].items():
        found = await outcome({"kind": "reject", "code": code})
        assert isinstance(found, Rejected)
        assert (found.code, found.fault) == (code, fault)
    throttled = await outcome({"kind": "throttle", "retry_after_seconds": 7})
    assert isinstance(throttled, Throttled)
    assert throttled.retry_after == 7
    assert isinstance(await outcome({"kind": "reject", "code": QUEUE_FULL[provider]}), Throttled)
    assert await handset(simulator, "+14155550199") == []


UNDELIVERED = {
    Provider.TWILIO: ("30005", Fault.RECIPIENT),
    Provider.TELNYX: ("40300", Fault.RECIPIENT),
    Provider.VONAGE: ("1240", Fault.OPTED_OUT),
}


async def test_a_text_that_does_not_arrive(
    provider: Provider, simulator: str, platform: Platform, connected: Connect
) -> None:
    code, fault = UNDELIVERED[provider]
    await script(simulator, {"kind": "receipts", "final": "undelivered", "code": code})
    await connected(provider, url=simulator).send(platform.handover(provider, "n4"))
    found = await platform.receipts.wait("n4", ReceiptStatus.UNDELIVERED)
    assert (found.code, found.fault) == (code, fault)
    assert found.detail or provider is Provider.TWILIO
