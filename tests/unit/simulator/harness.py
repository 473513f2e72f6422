"""A receiver of callbacks, and senders over each provider's API, for the simulator's tests."""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import jwt
from aiohttp import ClientResponse, FormData, web
from aiohttp.test_utils import TestClient
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

SEED = bytes(range(32))
AUTH_TOKEN = "f0e1d2c3b4a5968778695a4b3c2d1e0f"
SIGNATURE_SECRET = "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6"
ACCOUNT_SID = "AC" + "a" * 32
APPLICATION = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
HANDSET = "+14155550100"
NUMBER = "+14155550199"
DEADLINE = 20.0

Simulator: TypeAlias = TestClient[web.Request, web.Application]
Start: TypeAlias = Callable[..., Awaitable[Simulator]]


def basic(user: str, password: str) -> str:
    """The `Authorization` header of Basic credentials."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@dataclass
class Received:
    """One callback as it came."""

    url: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Receiver:
    """A webhook endpoint that keeps what it gets."""

    base: str = ""
    answers: list[int] = field(default_factory=list)
    """HTTP statuses of the next answers; 0 closes the connection. Afterwards 204."""
    received: list[Received] = field(default_factory=list)
    _more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        """Keep a callback and answer it."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        url = f"{self.base}{request.raw_path}"
        body = await request.read()
        async with self._more:
            self.received.append(Received(url, headers, body, time.time()))
            status = self.answers.pop(0) if self.answers else 204
            self._more.notify_all()
        if status == 0 and request.transport is not None:
            request.transport.close()
        return web.Response(status=status or 204)

    async def callbacks(self, number: int) -> list[Received]:
        """All callbacks, once there are `number` of them."""
        async with asyncio.timeout(DEADLINE), self._more:
            await self._more.wait_for(lambda: len(self.received) >= number)
        return self.received


@dataclass
class Sender:
    """Sends over each provider's API as its documents show it, without an SDK."""

    simulator: Simulator
    key: RSAPrivateKey

    async def twilio(self, authorization: str | None = None, **fields: Any) -> ClientResponse:
        """Twilio's example of a send; a field that is None is left out."""
        form = FormData()
        for name, value in ({"To": HANDSET, "From": NUMBER, "Body": "hello"} | fields).items():
            for item in value if isinstance(value, list) else [value]:
                if item is not None:
                    form.add_field(name, item)
        return await self.simulator.post(
            f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json",
            data=form,
            headers={"Authorization": authorization or basic("SK1", "secret")},
        )

    async def telnyx(self, key: str | None = None, **fields: Any) -> ClientResponse:
        """Telnyx's example of a send, with an idempotency key."""
        headers = {"Authorization": "Bearer KEY1"}
        if key is not None:
            headers["Idempotency-Key"] = key
        body = {"to": HANDSET, "from": NUMBER, "text": "hello"} | fields
        return await self.simulator.post("/v2/messages", json=_given(body), headers=headers)

    async def vonage(self, token: str | None = None, **fields: Any) -> ClientResponse:
        """Vonage's example of a send."""
        headers = {"Authorization": f"Bearer {token or self.token()}"}
        body = {
            "to": HANDSET.removeprefix("+"),
            "from": NUMBER.removeprefix("+"),
            "text": "hello",
            "channel": "sms",
            "message_type": "text",
        } | fields
        return await self.simulator.post("/v1/messages", json=_given(body), headers=headers)

    async def over(self, provider: str, url: str | None = None) -> ClientResponse:
        """The same text over any provider, with a place for its receipts."""
        match provider:
            case "twilio":
                return await self.twilio(StatusCallback=url)
            case "telnyx":
                return await self.telnyx(webhook_url=url)
            case _:
                return await self.vonage(webhook_url=url)

    def token(self, **claims: Any) -> str:
        """A token as Vonage's SDKs make it; a claim that is None is left out."""
        now = int(time.time())
        usual = {"application_id": APPLICATION, "iat": now, "jti": "1", "exp": now + 900}
        return jwt.encode(_given(usual | claims), self.key, algorithm="RS256")

    async def fault(self, fault: dict[str, Any], **rule: Any) -> dict[str, Any]:
        """Script a fault."""
        answer = await self.simulator.post("/faults", json={"fault": fault, **rule})
        assert answer.status == 201, await answer.text()
        shown: dict[str, Any] = await answer.json()
        return shown

    async def texts(self, number: str = HANDSET) -> list[dict[str, Any]]:
        """What a handset got."""
        answer = await self.simulator.get(f"/handsets/{number}")
        texts: list[dict[str, Any]] = (await answer.json())["texts"]
        return texts

    async def posts(self) -> list[dict[str, Any]]:
        """The send requests that the simulator saw."""
        posts: list[dict[str, Any]] = (await (await self.simulator.get("/requests")).json())["requests"]
        return posts

    async def until_posts(self, holds: Callable[[list[dict[str, Any]]], bool]) -> None:
        """Wait until what the simulator saw is so."""
        async with asyncio.timeout(DEADLINE):
            while not holds(await self.posts()):
                pass


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
