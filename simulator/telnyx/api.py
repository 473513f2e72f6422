"""Telnyx as the exchange sees it."""

import base64
import json
from collections.abc import Iterable
from typing import Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from simulator.config import CallbackSettings, TelnyxAccount
from simulator.faults import Receipts
from simulator.messages import Draft, Message
from simulator.provider import Attempt, Call, Callback, Outcome, Reply
from simulator.receipts import Status
from simulator.telnyx import errors, webhooks
from simulator.telnyx.requests import read_message

_DEFAULT_CODE: Final = "40008"
"""Undeliverable: the ending that a script did not give a code."""


class Telnyx:
    """The messages of the accounts in the configuration."""

    name: Final = "telnyx"

    def __init__(self, accounts: Iterable[TelnyxAccount], settings: CallbackSettings) -> None:
        self._accounts = {account.id: account for account in accounts}
        self._settings = settings
        self._ids = {account.api_key: account.id for account in self._accounts.values()}
        self._signing = {
            account.id: Ed25519PrivateKey.from_private_bytes(base64.b64decode(account.signing_seed))
            for account in self._accounts.values()
        }

    def authenticate(self, call: Call, now: float) -> str | Reply:  # noqa: ARG002 - an API key has no age
        """The account of the Bearer key; else 10009."""
        scheme, _, key = call.headers.get("Authorization", "").partition(" ")
        known = self._ids.get(key.strip())
        return known if known and scheme.lower() == "bearer" else errors.error("10009")

    def read(self, account: str, call: Call) -> Draft | Reply:
        """The draft of a send."""
        return read_message(self._accounts[account], call)

    def new_id(self, draft: Draft) -> str:  # noqa: ARG002 - one form for all
        """A UUID."""
        return str(uuid4())

    def accepted(self, message: Message) -> Reply:
        """200 with the message, queued."""
        return Reply(200, json.dumps({"data": webhooks.payload(message, None)}).encode())

    def failure(self, status: int | None, code: str | None, message: str | None) -> Reply:
        """An error in Telnyx's shape."""
        return errors.failure(status, code, message)

    def fetched(self, message: Message | None, now: float) -> Reply:
        """`GET /v2/messages/{id}`."""
        if message is None or message.draft.provider != self.name:
            return errors.error("10005")
        inbound = message.draft.inbound
        shown = webhooks.received(message) if inbound else webhooks.payload(message, message.latest(now))
        return Reply(200, json.dumps({"data": shown}).encode())

    def statuses(self, draft: Draft, fault: Receipts | None) -> list[Status]:  # noqa: ARG002 - one way for all
        """What it goes through: sent (`message.sent`), then the ending (`message.finalized`)."""
        code = _DEFAULT_CODE if fault is None or fault.code is None else fault.code
        match "delivered" if fault is None else fault.final:
            case "failed":
                return [Status("sending_failed", code)]
            case "undelivered":
                return [Status("sent"), Status("delivery_failed", code)]
            case "none":
                return [Status("sent")]
            case "delivered":
                return [Status("sent"), Status("delivered")]

    def callback(self, attempt: Attempt) -> Callback | None:
        """A webhook."""
        key = self._signing.get(attempt.message.draft.account)
        return None if key is None else webhooks.compose(key, attempt)

    def pause(self, attempt: Attempt, outcome: Outcome, elapsed: float) -> float | None:  # noqa: ARG002 - attempts are counted, not timed
        """Until the next attempt."""
        return webhooks.pause(attempt, outcome, self._settings.telnyx_pauses_seconds)
