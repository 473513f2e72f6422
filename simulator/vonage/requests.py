"""Reading Vonage's requests: the RS256 token, and the JSON of a new message."""

import json
from collections.abc import Iterable
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from simulator.config import VonageAccount
from simulator.messages import Draft
from simulator.numbers import BARE, is_sender, plus
from simulator.provider import Call, Reply
from simulator.vonage.errors import error

_MMS_PARTS: Final = ("image", "audio", "video", "file", "vcard")
_MOST_CHARACTERS: Final = 3200
_TOKENS_KEPT: Final = 1024


class Tokens:
    """Checks the tokens of sends. A token once found good stays good until it expires.

    Clients use one token for many sends, and an RS256 check for each would cost more than all
    the rest of a send.
    """

    def __init__(self, accounts: Iterable[VonageAccount]) -> None:
        self._keys = {
            account.application_id: (account.id, load_pem_public_key(account.public_key.encode()))
            for account in accounts
        }
        self._good: dict[str, tuple[str, float]] = {}

    def account(self, token: str, now: float) -> str | None:
        """The account whose application signed `token`; None if no good one did."""
        known = self._good.get(token)
        if known is None:
            known = self._check(token)
            if known is None:
                return None
            if len(self._good) >= _TOKENS_KEPT:
                self._good.clear()
            self._good[token] = known
        account, expires = known
        return account if now < expires else None

    def _check(self, token: str) -> tuple[str, float] | None:
        try:
            unproven = jwt.decode(token, options={"verify_signature": False})
            account, key = self._keys[unproven["application_id"]]
            claims = jwt.decode(
                token,
                key,  # type: ignore[arg-type] # the configuration admits RSA keys only
                algorithms=["RS256"],
                options={"require": ["iat", "jti", "exp", "application_id"]},
                leeway=5,
            )
        except (jwt.InvalidTokenError, KeyError, TypeError):
            return None
        return account, float(claims["exp"])


def read_message(account: VonageAccount, call: Call) -> Draft | Reply:
    """The draft of a `POST /v1/messages`, or what is wrong with it."""
    try:
        body = json.loads(call.body)
    except ValueError:
        return error("1020", "The request body is not valid JSON.")
    if not isinstance(body, dict):
        return error("1020", "The request body is not a JSON object.")
    invalid = [*_addresses(account, body), *_options(body), *_content(body)]
    return error("1150", invalid=invalid) if invalid else _draft(account, body)


def _addresses(account: VonageAccount, body: dict[str, Any]) -> Iterable[tuple[str, str]]:
    to, sender = body.get("to"), body.get("from")
    if not isinstance(to, str) or not BARE.fullmatch(to):
        yield "to", "must be a number in E.164 format without a leading plus"
    if not isinstance(sender, str) or not _is_sender(sender):
        yield "from", "must be a number without a leading plus, or a name of up to 11 characters"
    elif account.numbers and sender not in account.numbers:
        yield "from", "is not a sender of this account"


def _is_sender(value: str) -> bool:
    return BARE.fullmatch(value) is not None or (is_sender(value) and not value.startswith("+"))


def _options(body: dict[str, Any]) -> Iterable[tuple[str, str]]:
    if body.get("channel") not in {"sms", "mms"}:
        yield "channel", "must be sms or mms"
    reference = body.get("client_ref")
    if reference is not None and not (isinstance(reference, str) and len(reference) <= 100):
        yield "client_ref", "must be at most 100 characters"
    url = body.get("webhook_url")
    if url is not None and not (isinstance(url, str) and url.startswith(("http://", "https://"))):
        yield "webhook_url", "must be an http or https URL"
    if body.get("webhook_version") not in {None, "v0.1", "v1"}:
        yield "webhook_version", "must be v0.1 or v1"


def _content(body: dict[str, Any]) -> Iterable[tuple[str, str]]:
    channel, kind = str(body.get("channel")), body.get("message_type")
    if kind == "text":
        text = body.get("text")
        if not isinstance(text, str) or not text:
            yield "text", "is required"
        elif len(text) > _MOST_CHARACTERS:
            yield "text", f"must be at most {_MOST_CHARACTERS} characters"
    elif channel == "mms" and (kind in _MMS_PARTS or kind == "content"):
        if not all(isinstance(url, str) for url in _urls(body)) or not _urls(body):
            yield str(kind), "must have a url"
    else:
        yield "message_type", f"is not a type of the {channel} channel"


def _items(body: dict[str, Any]) -> list[Any]:
    kind = body.get("message_type")
    if kind == "content":
        content = body.get("content")
        return content if isinstance(content, list) else []
    return [body.get(kind)] if kind in _MMS_PARTS else []


def _urls(body: dict[str, Any]) -> list[Any]:
    return [item.get("url") if isinstance(item, dict) else None for item in _items(body)]


def _text(body: dict[str, Any]) -> str:
    """The text, or the captions of what is sent in its place."""
    captions = [item.get("caption") for item in _items(body) if isinstance(item, dict)]
    return body.get("text") or "\n".join(caption for caption in captions if caption)


def _draft(account: VonageAccount, body: dict[str, Any]) -> Draft:
    return Draft(
        provider="vonage",
        account=account.id,
        to=plus(body["to"]),
        sender=plus(body["from"]),
        text=_text(body),
        media=tuple(_urls(body)),
        webhook_url=body.get("webhook_url") or account.status_url,
        client_ref=body.get("client_ref"),
        channel=body["channel"],
    )
