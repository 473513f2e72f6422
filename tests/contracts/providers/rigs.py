"""How the contract suite drives each adapter, and the fake: the providers' own words for what happens."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dispatchers.port import Handover
from schemas.directory import Account, TelnyxCredentials, TwilioCredentials, VonageCredentials
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.settings import DispatchSettings
from schemas.tasks import Task
from tests.contracts.providers.capture import Answer

NOW = 1_795_312_000.0
MESSAGE = "0197f3a2-0000-7000-8000-000000000001"
CALLBACK = "https://sms.example.com/webhooks/sms/x?account=main&message=m&mac=0"
HTTP = DispatchSettings(http_timeout_seconds=20, connect_timeout_seconds=5, drain_seconds=25)
IMPATIENT = DispatchSettings(http_timeout_seconds=0.5, connect_timeout_seconds=0.25)
PATH = {
    Provider.TWILIO: "/2010-04-01/Accounts/AC" + "a" * 32 + "/Messages.json",
    Provider.TELNYX: "/v2/messages",
    Provider.VONAGE: "/v1/messages",
}
SUCCESS: Mapping[Provider, Answer] = {
    Provider.TWILIO: Answer(
        201, json.dumps({"sid": "SM" + "0" * 32, "status": "queued", "num_segments": "2"}).encode()
    ),
    Provider.TELNYX: Answer(200, json.dumps({"data": {"id": "40385f64", "parts": 2, "errors": []}}).encode()),
    Provider.VONAGE: Answer(202, json.dumps({"message_uuid": "aaaaaaaa-bbbb"}).encode()),
}


def error(provider: Provider, status: int, code: str, **headers: str) -> Answer:
    """A refusal as `provider` words it."""
    body: dict[Provider, dict[str, object]] = {
        Provider.TWILIO: {"code": int(code) if code.isdecimal() else None, "message": "no", "status": status},
        Provider.TELNYX: {"errors": [{"code": code, "title": "no", "detail": "no"}]},
        Provider.VONAGE: {
            "type": f"https://developer.vonage.com/api-errors/messages#{code}",
            "title": "no",
            "detail": "no",
        },
    }
    return Answer(status, json.dumps(body[provider]).encode(), headers)


def account(provider: Provider, base_url: str | None) -> Account:
    """An account whose secrets are in the environment (see `secrets`)."""
    credentials = {
        Provider.TWILIO: TwilioCredentials(
            account_sid="AC" + "a" * 32,
            api_key_sid="SK" + "b" * 32,
            api_key_secret="env:T_TWILIO",
            auth_tokens=("env:T_TWILIO_TOKEN",),
        ),
        Provider.TELNYX: TelnyxCredentials(api_key="env:T_TELNYX", public_keys=("env:T_TELNYX_PUBLIC",)),
        Provider.VONAGE: VonageCredentials(
            application_id="aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
            private_key="env:T_VONAGE",
            signature_secrets=("env:T_VONAGE_SECRET",),
        ),
    }[provider]
    return Account(organization="operator", id="main", credentials=credentials, base_url=base_url)


@cache
def secrets() -> Mapping[str, str]:
    """The environment that `account` refers to."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "T_TWILIO": "api-key-secret",
        "T_TWILIO_TOKEN": "auth-token",
        "T_TELNYX": "KEY-telnyx",
        "T_TELNYX_PUBLIC": "public",
        "T_VONAGE": pem.decode(),
        "T_VONAGE_SECRET": "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6",
    }


def task(provider: Provider, **changes: object) -> Task:
    """A task that is valid for an hour from `NOW`."""
    base = Task(
        message_id=MESSAGE,
        organization="acme",
        lane=Lane.QUEUED,
        provider=provider,
        account="main",
        sender="+14155550100",
        to_number="+14155550199",
        text="Grüße & more",
        segments=2,
        valid_until=int(NOW * 1000) + 3_600_000,
        forget_at=int(NOW * 1000) + 7_200_000,
    )
    return base.model_copy(update=changes)


@dataclass
class Claim:
    """Whether it still holds, and how often that was asked."""

    holds: bool = True
    asked: int = 0

    def still_mine(self) -> bool:
        self.asked += 1
        return self.holds


def handover(task: Task, still_mine: Callable[[], bool] = lambda: True, nonce: str = "0" * 32) -> Handover:
    """A hand-over of `task`."""
    return Handover(task=task, nonce=nonce, callback_url=CALLBACK, still_mine=still_mine)
