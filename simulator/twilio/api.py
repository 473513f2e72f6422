"""Twilio as the exchange sees it."""

import json
from collections.abc import Iterable
from typing import Final
from uuid import uuid4

from simulator.config import TwilioAccount
from simulator.faults import Receipts
from simulator.messages import Draft, Message
from simulator.provider import Attempt, Call, Callback, Outcome, Reply
from simulator.receipts import Status
from simulator.twilio import callbacks, errors, resources
from simulator.twilio.requests import basic_credentials, read_message

_DEFAULT_CODE: Final = "30005"
"""Unknown destination handset: the ending that a script did not give a code."""
_BEFORE_ANY_STATUS: Final = float("-inf")


class Twilio:
    """The Messages resource of the accounts in the configuration."""

    name: Final = "twilio"

    def __init__(self, accounts: Iterable[TwilioAccount]) -> None:
        self._accounts = {account.id: account for account in accounts}
        self._credentials = basic_credentials(self._accounts.values())

    def authenticate(self, call: Call, now: float) -> str | Reply:  # noqa: ARG002 - a password has no age
        """Basic credentials of the account that the path names; else 20003."""
        scheme, _, credentials = call.headers.get("Authorization", "").partition(" ")
        known = self._credentials.get((call.params["account_sid"], credentials.strip()))
        return known if known and scheme.lower() == "basic" else errors.error("20003")

    def read(self, account: str, call: Call) -> Draft | Reply:
        """The draft of a create request."""
        return read_message(self._accounts[account], call)

    def new_id(self, draft: Draft) -> str:
        """SM, or MM for a message with media, and 32 hexadecimal digits."""
        return f"{'MM' if draft.media else 'SM'}{uuid4().hex}"

    def accepted(self, message: Message) -> Reply:
        """201 with the resource as it was created."""
        created = self._resource(message, _BEFORE_ANY_STATUS)
        return Reply(201, json.dumps(created).encode())

    def failure(self, status: int | None, code: str | None, message: str | None) -> Reply:
        """An error in Twilio's shape."""
        return errors.failure(status, code, message)

    def fetched(self, message: Message | None, call: Call, now: float) -> Reply:
        """`GET Messages/{sid}.json`."""
        if message is None or message.draft.provider != self.name:
            return errors.error("20404", f"The requested resource {call.path} was not found")
        return Reply(200, json.dumps(self._resource(message, now)).encode())

    def listed(self, account: str, messages: Iterable[Message], call: Call, now: float) -> Reply:
        """`GET Messages.json`."""
        return resources.page(self._accounts[account], call, messages, now)

    def statuses(self, draft: Draft, fault: Receipts | None) -> list[Status]:
        """What it goes through: queued and sending where the account wants them, sent, and the ending."""
        before = [Status(word) for word in self._accounts[draft.account].callback_statuses]
        code = _DEFAULT_CODE if fault is None or fault.code is None else fault.code
        match "delivered" if fault is None else fault.final:
            case "failed":
                return [*before, Status("failed", code)]
            case "undelivered":
                return [*before, Status("sent"), Status("undelivered", code)]
            case "none":
                return [*before, Status("sent")]
            case "delivered":
                return [*before, Status("sent"), Status("delivered")]

    def callback(self, attempt: Attempt) -> Callback | None:
        """A status callback."""
        account = self._accounts.get(attempt.message.draft.account)
        return None if account is None else callbacks.compose(account, attempt)

    def pause(self, attempt: Attempt, outcome: Outcome, elapsed: float) -> float | None:
        """Until the next attempt."""
        return callbacks.pause(attempt, outcome, elapsed)

    def _resource(self, message: Message, now: float) -> dict[str, object]:
        return resources.message(self._accounts[message.draft.account], message, now)
