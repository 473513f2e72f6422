"""Callbacks as the providers make them, signed with keys of the tests, and what the webhooks say of them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from directory.snapshot import Directory
from schemas import callback
from schemas.callback import Callback
from schemas.directory import Account, TelnyxCredentials, TwilioCredentials, VonageCredentials
from schemas.provider import Provider
from webhooks import judgement
from webhooks.inbound import Text
from webhooks.judgement import Answer
from webhooks.providers import Dialect
from webhooks.signers import Signer, candidates
from webhooks.words import Incoming, Refusal

PUBLIC = "https://sms.example.com"
NOW = 1_795_312_000
MAC = "mac-secret-of-the-tests"
TWILIO_TOKEN = "f0e1d2c3b4a5968778695a4b3c2d1e0f"
VONAGE_SECRET = "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6"
TELNYX_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TELNYX_PUBLIC = base64.b64encode(
    TELNYX_KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
).decode()
SECRETS = {
    Provider.TWILIO: TWILIO_TOKEN,
    Provider.TELNYX: TELNYX_PUBLIC,
    Provider.VONAGE: VONAGE_SECRET,
}
FORM = "application/x-www-form-urlencoded"
SENT = Callback(
    account="main",
    organization="acme",
    message_id="0197f3a2-0000-7000-8000-000000000001",
    attempt=2,
    nonce="0123456789abcdef0123456789abcdef",
    forget_at=(NOW + 3600) * 1000,
)


def account(
    provider: Provider,
    name: str = "main",
    secrets: tuple[str, ...] = ("env:SECRET",),
    *,
    organization: str = "operator",
    called: str | None = None,
) -> Account:
    """An account; `called` is the provider's own name for it."""
    credentials = {
        Provider.TWILIO: TwilioCredentials(
            account_sid=called or "AC" + "a" * 32,
            api_key_sid="SK",
            api_key_secret="env:X",
            auth_tokens=secrets,
        ),
        Provider.TELNYX: TelnyxCredentials(api_key="env:X", public_keys=secrets),
        Provider.VONAGE: VonageCredentials(
            application_id=called or "app", private_key="env:X", signature_secrets=secrets
        ),
    }[provider]
    return Account(organization=organization, id=name, credentials=credentials)


@dataclass(frozen=True)
class Post:
    """One callback: where it goes, its headers (names in lower case) and its body."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"

    def incoming(self) -> Incoming:
        query = dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))
        return Incoming(method=self.method, url=self.url, query=query, headers=self.headers, body=self.body)


class Verdict(Enum):
    """What keys say of a request."""

    GENUINE = auto()
    UNSIGNED = auto()
    #: No key can have made it, or none of those did.
    FORGED = auto()


def verdict(dialect: Dialect, post: Post, keys: Sequence[str], now: float = NOW) -> Verdict:
    """Whether one of `keys` signed `post`."""
    check = dialect.check(post.incoming(), now)
    if isinstance(check, Refusal):
        return Verdict[check.name]
    return Verdict.GENUINE if any(map(check, keys)) else Verdict.FORGED


def judged(post: Post, known: Directory, provider: Provider, **secrets: str) -> Text | Answer:
    """What becomes of `post`; `secrets` are those of the accounts whose keys are not the usual ones."""
    accounts = candidates(known, provider, post.incoming())
    signers = [Signer(one, (secrets.get(one.id, SECRETS[provider]),)) for one in accounts]
    found = judgement.judge(
        provider, post.incoming(), signers, directory=known, macs=["mac"], now_ms=NOW * 1000
    )
    assert isinstance(found, Text | Answer)
    return found


def url_of(provider: Provider, sent: Callback = SENT) -> str:
    return callback.url(PUBLIC, provider, sent, MAC)


def twilio(
    url: str | None = None, *, token: str = TWILIO_TOKEN, signed_url: str | None = None, **fields: str
) -> Post:
    url = url or url_of(Provider.TWILIO)
    sid = "SM" + "0" * 31 + "1"
    form = {"MessageSid": sid, "SmsSid": sid, "MessageStatus": "delivered", "To": "+14155552346"} | fields
    form = {name: value for name, value in form.items() if value != "(none)"}
    text = (signed_url or url) + "".join(name + form[name] for name in sorted(form))
    signature = base64.b64encode(hmac.digest(token.encode(), text.encode(), "sha1")).decode()
    return Post(url, {"content-type": FORM, "x-twilio-signature": signature}, urlencode(form).encode())


def telnyx_event(
    status: str = "delivered", kind: str = "message.finalized", **payload: object
) -> dict[str, object]:
    return {
        "data": {
            "event_type": kind,
            "id": "4ee8c3a6-4995-4309-a3c6-38e3db9ea4be",
            "occurred_at": "2026-11-22T01:46:30.148+00:00",
            "record_type": "event",
            "payload": {
                "id": "ac012cbf-5e09-46af-a69a-7c0e2d90993c",
                "to": [{"phone_number": "+13125550002", "status": status}],
                "errors": [],
                **payload,
            },
        }
    }


def telnyx(
    body: object = None, url: str | None = None, *, key: Ed25519PrivateKey = TELNYX_KEY, at: int = NOW
) -> Post:
    raw = body if isinstance(body, bytes) else json.dumps(body or telnyx_event()).encode()
    signature = base64.b64encode(key.sign(f"{at}|".encode() + raw)).decode()
    headers = {"telnyx-timestamp": str(at), "telnyx-signature-ed25519": signature}
    return Post(url or url_of(Provider.TELNYX), headers, raw)


def vonage_body(status: str = "delivered", **more: object) -> dict[str, object]:
    return {
        "message_uuid": "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab",
        "to": "447700900000",
        "from": "447700900001",
        "timestamp": "2026-11-22T01:46:30.000Z",
        "status": status,
        "channel": "sms",
        **more,
    }


def vonage_token(payload: bytes, *, secret: str = VONAGE_SECRET, iat: int = NOW, **claims: object) -> str:
    body = {"iat": iat, "jti": "1", "iss": "Vonage", "payload_hash": hashlib.sha256(payload).hexdigest()}
    return jwt.encode(body | claims, secret, algorithm="HS256")


def vonage(
    body: object = None,
    url: str | None = None,
    *,
    secret: str = VONAGE_SECRET,
    iat: int = NOW,
    **claims: object,
) -> Post:
    raw = body if isinstance(body, bytes) else json.dumps(body or vonage_body()).encode()
    token = vonage_token(raw, secret=secret, iat=iat, **claims)
    return Post(url or url_of(Provider.VONAGE), {"authorization": f"Bearer {token}"}, raw)


def good(provider: Provider, url: str | None = None) -> Post:
    """A `delivered` that is in order."""
    match provider:
        case Provider.TWILIO:
            return twilio(url)
        case Provider.TELNYX:
            return telnyx(url=url)
        case Provider.VONAGE:
            return vonage(url=url)


#: A handset, and a number of ours.
HANDSET = "+15005550006"
OURS = "+14155552346"


def bare(provider: Provider) -> str:
    """The address of texts, as an account's console has it: it names no account."""
    return f"{PUBLIC}/webhooks/sms/{provider}"


def twilio_text(url: str | None = None, *, token: str = TWILIO_TOKEN, **fields: str) -> Post:
    """A text as Twilio tells of it; `(none)` leaves a field out."""
    usual = {
        "AccountSid": "AC" + "a" * 32,
        "MessageSid": "SM" + "0" * 31 + "7",
        "SmsStatus": "received",
        "MessageStatus": "(none)",
        "From": HANDSET,
        "To": OURS,
        "Body": "hello",
        "NumMedia": "0",
        "NumSegments": "1",
    }
    return twilio(url or bare(Provider.TWILIO), token=token, **(usual | fields))


def _named(fields: Mapping[str, object]) -> dict[str, Any]:
    """`from` is a word of Python, and so written `from_`."""
    return {name.removesuffix("_"): value for name, value in fields.items()}


def telnyx_text(
    url: str | None = None, *, key: Ed25519PrivateKey = TELNYX_KEY, at: int = NOW, **payload: object
) -> Post:
    """A text as Telnyx tells of it."""
    usual: dict[str, Any] = {
        "direction": "inbound",
        "type": "SMS",
        "from": {"phone_number": HANDSET, "carrier": "", "line_type": ""},
        "to": [{"phone_number": OURS, "status": "webhook_delivered"}],
        "text": "hello",
        "media": [],
        "parts": 1,
        "received_at": "2026-11-22T01:46:30.000+00:00",
    }
    event = telnyx_event(kind="message.received", **(usual | _named(payload)))
    return telnyx(event, url or bare(Provider.TELNYX), key=key, at=at)


def vonage_text(
    url: str | None = None,
    *,
    secret: str = VONAGE_SECRET,
    iat: int = NOW,
    app: str | None = "app",
    **more: object,
) -> Post:
    """A text as Vonage tells of it; a value of None leaves it out, and so does an `app` of None the claim."""
    usual = {
        "message_uuid": "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab",
        "from": HANDSET[1:],
        "to": OURS[1:],
        "timestamp": "2026-11-22T01:46:30.000Z",
        "channel": "sms",
        "message_type": "text",
        "text": "hello",
        "sms": {"num_messages": "1"},
    }
    body = {name: value for name, value in (usual | _named(more)).items() if value is not None}
    claims = {} if app is None else {"application_id": app}
    return vonage(body, url or bare(Provider.VONAGE), secret=secret, iat=iat, **claims)


def a_text(provider: Provider, url: str | None = None) -> Post:
    """A text that is in order."""
    match provider:
        case Provider.TWILIO:
            return twilio_text(url)
        case Provider.TELNYX:
            return telnyx_text(url)
        case Provider.VONAGE:
            return vonage_text(url)
