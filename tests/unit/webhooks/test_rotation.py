"""Secrets of accounts are rotated over the admin API, step by step: no receipt is lost on the way."""

import base64
from collections.abc import Callable, Mapping
from typing import Final

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from directory.changes import put
from directory.secrets import SecretMissingError
from schemas.provider import Provider
from schemas.settings import CallbackSettings
from tests.fakes.admin import OPERATOR, AdminDoor
from tests.fakes.callbacks import MAC, NOW, PUBLIC, SECRETS, Post, account, good, telnyx, twilio, vonage
from tests.fakes.webhooks import Broker, Marks, Wishes
from webhooks.app import Parts, make_app
from webhooks.heeding import Consents
from webhooks.inbox import Inbox
from webhooks.keys import Keys
from webhooks.publishing import publisher

_NEW_KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
_PUBLIC: Final = _NEW_KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
NEW: Final[Mapping[Provider, tuple[str, Callable[[], Post]]]] = {
    Provider.TWILIO: ("n" * 32, lambda: twilio(token="n" * 32)),
    Provider.TELNYX: (base64.b64encode(_PUBLIC).decode(), lambda: telnyx(key=_NEW_KEY)),
    Provider.VONAGE: ("n" * 32, lambda: vonage(secret="n" * 32)),
}
LIST: Final = {
    Provider.TWILIO: "auth_tokens",
    Provider.TELNYX: "public_keys",
    Provider.VONAGE: "signature_secrets",
}


class Rotating:
    """The admin API, and the webhooks that follow the same directory."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.door = AdminDoor()
        change = put(self.door.directory, account(provider, secrets=("env:old",)))
        assert change is not None
        assert self.door.take(change.entry(0))
        self.secrets = {"env:old": SECRETS[provider]}
        self.broker = Broker()
        parts = Parts(
            directory=lambda: self.door.directory,
            keys=Keys(self.resolve),
            publish=publisher(self.broker.produce, 60),
            inbox=Inbox(self.broker.produce, Marks(), timeout_seconds=60, patience_seconds=0),
            consents=Consents(
                self.broker.produce, Wishes(), lambda: self.door.directory, lifetime_ms=3_600_000
            ),
            timeout_seconds=60,
            callbacks=CallbackSettings(public_url=PUBLIC, secrets=(MAC,)),
            body_limit_bytes=4000,
            trouble=self.broker.trouble,
            clock=lambda: NOW * 1000,
        )
        self.webhooks = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=make_app(parts)), base_url="http://webhooks"
        )

    def resolve(self, ref: str) -> str:
        """As the services' environment has it."""
        if ref not in self.secrets:
            raise SecretMissingError(f"no secret at {ref}")
        return self.secrets[ref]

    async def list(self, *refs: str) -> None:
        """The operator's step: what the account lists from now on."""
        path = "/v1/directory/accounts/main"
        async with self.door.client(OPERATOR) as client:
            found = (await client.get(path)).json()
            credentials = {**found["credentials"], LIST[self.provider]: list(refs)}
            answer = await client.patch(path, json={"credentials": credentials, "version": found["version"]})
            assert answer.status_code == 200, answer.text

    async def statuses(self) -> tuple[int, int]:
        """How a receipt that was signed with the old secret is answered, and one with the new."""
        found = [await self._tell(post) for post in (good(self.provider), NEW[self.provider][1]())]
        return found[0], found[1]

    async def _tell(self, post: Post) -> int:
        path = post.url.removeprefix(PUBLIC)
        return (await self.webhooks.post(path, headers=dict(post.headers), content=post.body)).status_code


@pytest.mark.parametrize("provider", Provider)
async def test_a_rotation_loses_no_receipt(provider: Provider) -> None:
    system = Rotating(provider)
    async with system.webhooks:
        assert await system.statuses() == (204, 403)
        # Listed before it is there: the old one goes on, and what is signed with the new is asked for again.
        await system.list("env:new", "env:old")
        assert await system.statuses() == (204, 503)
        system.secrets["env:new"] = NEW[provider][0]
        # The provider changes over at a moment of its own: both are taken.
        assert await system.statuses() == (204, 204)
        await system.list("env:new")
        assert await system.statuses() == (403, 204)
    assert len(system.broker.taken) == 5
