"""`dry_run`: a request is judged as it would be, and its sender chosen as it would be; nothing is sent."""

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from directory.at_handover import suspended
from directory.caps import of_number
from directory.pool import Standing, able_to_send, choose
from directory.scopes import of_message
from directory.snapshot import Directory
from ingress.acceptance import Denied, accept
from ingress.bounded import within
from ingress.checks import malformed
from ingress.codes import Code
from ingress.permission import account_of, opted_out, parcel
from ingress.ports import Prospects
from ingress.problems import Problem, passing
from ingress.recipients import asked
from ingress.replies import Reply
from ingress.shown import iso
from ledger import LedgerAwayError, LedgerNotReadyError
from ledger.health import Health
from schemas.caps import Cap
from schemas.directory import Number
from schemas.facts import ClosedWhy
from schemas.messages import Door, Message
from schemas.refusals import Refused
from schemas.requests import SendRequest
from schemas.settings import MessageSettings

_LOG: Final = logging.getLogger(__name__)
#: What may keep a number from sending, in words.
_SUSPENDED: Final = {
    ClosedWhy.BRAND_SUSPENDED: "The brand registration",
    ClosedWhy.CAMPAIGN_NOT_VERIFIED: "The campaign",
}
#: It becomes no message.
_NO_ID: Final = ""


@dataclass(frozen=True)
class _Way:
    """The sender that a message would go out from."""

    number: str
    provider: str
    account: str
    reason: str


class Rehearsal:
    """Judges requests that are not to be sent.

    Args:
        directory: gives the newest snapshot.
        ledger: what else they are judged by. Without it there is no answer, for it would be half of one.
        messages: how long messages wait and are remembered.
        clock: epoch milliseconds.
    """

    def __init__(
        self,
        directory: Callable[[], Directory],
        ledger: Prospects,
        *,
        messages: MessageSettings,
        clock: Callable[[], int],
    ) -> None:
        self._directory = directory
        self._ledger = ledger
        self._messages = messages
        self._clock = clock

    async def judge(self, request: SendRequest, organization: str) -> Reply | Problem:
        """What would become of `request`, at this moment. Its key is not used."""
        if (flawed := malformed(request, self._clock())) is not None:
            return _denied(flawed)
        try:
            return await within(self._judged(request, organization, self._directory()))
        except LedgerAwayError as error:
            _LOG.warning("dry_run.unavailable organization=%s error=%r", organization, error)
            return passing(
                Code.LEDGER_UNAVAILABLE, "What would become of it cannot be told at the moment. Try again"
            )

    async def _judged(self, request: SendRequest, organization: str, directory: Directory) -> Reply | Problem:
        use_case_id = None if request.use_case_id is None else str(request.use_case_id)
        scopes = of_message(directory, organization, request.from_phone_number, use_case_id)
        (recipient,) = await asked(self._ledger, [(scopes, request.to_phone_number)])
        verdict = accept(
            request,
            organization,
            directory,
            recipient=recipient,
            door=Door.REST,
            message_id=_NO_ID,
            now=self._clock(),
            settings=self._messages,
        )
        if isinstance(verdict, Denied):
            return _denied(verdict)
        # Recipients are told of even while some of it is lost; this is not.
        health = await self._ledger.health()
        # Of a message that names its sender an opt-out is decided only at its hand-over.
        unwanted = opted_out(request) if recipient.opted_out else None
        way = unwanted or await self._way(request, organization, directory, health)
        return _denied(way) if isinstance(way, Denied) else _told(way, verdict.message)

    async def _way(
        self, request: SendRequest, organization: str, directory: Directory, health: Health
    ) -> _Way | Denied:
        if request.use_case_id is None:
            return _from_number(request, organization, directory)
        use_case_id, what = str(request.use_case_id), parcel(request)
        numbers = able_to_send(directory, organization, use_case_id, what)
        if isinstance(numbers, Refused):
            return Denied(Code(numbers.code), numbers.detail)
        remembered = await self._ledger.sticky([(use_case_id, request.to_phone_number)])
        if not remembered.whole:
            raise LedgerNotReadyError("which recipients know which numbers is being read again")
        used_up = await self._ledger.used_up(_caps(directory, numbers))
        chosen = choose(
            directory,
            organization,
            use_case_id,
            what,
            sticky=remembered.numbers[0],
            standing=Standing(health.closed_to_all, used_up),
        )
        if isinstance(chosen, Refused):
            return Denied(Code(chosen.code), chosen.detail)
        account = chosen.account
        return _Way(chosen.number.id, account.provider, account.id, chosen.reason)


def _caps(directory: Directory, numbers: Iterable[Number]) -> list[Cap]:
    """The day caps that `numbers` are under, each once."""
    return list(dict.fromkeys(cap for number in numbers for cap in of_number(directory, number.id)))


def _from_number(request: SendRequest, organization: str, directory: Directory) -> _Way | Denied:
    account, sender = account_of(request, organization, directory), request.from_phone_number or ""
    if isinstance(account, Denied):
        return account
    number = directory.number(sender)
    why = None if number is None else suspended(number, directory)
    if why is not None:
        return Denied(Code(why), f"{_SUSPENDED[why]} of phone number {sender} is suspended")
    return _Way(
        sender, account.provider, account.id, f"from number: {sender} sends through account {account.id}"
    )


def _denied(denied: Denied) -> Problem:
    return Problem(denied.code, denied.detail)


def _told(way: _Way, message: Message) -> Reply:
    content = message.content
    body = {
        "success": True,
        "dry_run": True,
        "message": f"SMS would be sent via {way.provider}; nothing was",
        "from_number": way.number,
        "to_number": content.to_number,
        "provider": way.provider,
        "account": way.account,
        "reason": way.reason,
        "num_segments": content.segments,
        "send_at": None if content.send_at is None else iso(content.send_at),
        "valid_until": iso(message.valid_until),
    }
    return Reply(200, json.dumps(body, separators=(",", ":")).encode(), "dry_run")
