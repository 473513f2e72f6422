"""Vonage as the exchange sees it."""

import json
from collections.abc import Iterable
from typing import Final
from uuid import uuid4

from simulator.config import CallbackSettings, VonageAccount
from simulator.faults import Receipts
from simulator.messages import Draft, Message
from simulator.provider import Attempt, Call, Callback, Outcome, Reply
from simulator.receipts import Status
from simulator.vonage import errors, webhooks
from simulator.vonage.requests import Tokens, read_message

_DEFAULT_CODES: Final = {"undelivered": "1190", "failed": "1230"}
"""Absent subscriber, and provider unreachable: endings that a script did not give a code."""


class Vonage:
    """The messages of the applications in the configuration."""

    name: Final = "vonage"

    def __init__(self, accounts: Iterable[VonageAccount], settings: CallbackSettings) -> None:
        self._accounts = {account.id: account for account in accounts}
        self._settings = settings
        self._tokens = Tokens(self._accounts.values())

    def authenticate(self, call: Call, now: float) -> str | Reply:
        """The account whose application signed the Bearer token; else 401."""
        scheme, _, token = call.headers.get("Authorization", "").partition(" ")
        known = self._tokens.account(token.strip(), now)
        return known if known and scheme.lower() == "bearer" else errors.error("unauthorized")

    def read(self, account: str, call: Call) -> Draft | Reply:
        """The draft of a send."""
        return read_message(self._accounts[account], call)

    def new_id(self, draft: Draft) -> str:  # noqa: ARG002 - one form for all
        """A UUID."""
        return str(uuid4())

    def accepted(self, message: Message) -> Reply:
        """202 with the message's id and no more."""
        return Reply(202, json.dumps({"message_uuid": message.id}).encode())

    def failure(self, status: int | None, code: str | None, message: str | None) -> Reply:
        """An error in Vonage's shape."""
        return errors.failure(status, code, message)

    def statuses(self, draft: Draft, fault: Receipts | None) -> list[Status]:  # noqa: ARG002 - one way for all
        """What it goes through: submitted, then the ending."""
        if fault is None or fault.final == "delivered":
            return [Status("submitted"), Status("delivered")]
        if fault.final == "none":
            return [Status("submitted")]
        code = fault.code or _DEFAULT_CODES[fault.final]
        word = "rejected" if fault.final == "undelivered" else "undeliverable"
        return [Status("submitted"), Status(word, code)]

    def callback(self, attempt: Attempt) -> Callback | None:
        """A status webhook."""
        account = self._accounts.get(attempt.message.draft.account)
        return None if account is None else webhooks.compose(account, attempt)

    def pause(self, attempt: Attempt, outcome: Outcome, elapsed: float) -> float | None:
        """Until the next attempt."""
        return webhooks.pause(attempt, outcome, elapsed, self._settings)
