"""Twilio's callbacks, forms signed over URL and fields, without a time."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from twilio.request_validator import (
    HMAC_SHA1,
    HMAC_SHA256,
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

from schemas.codes import fault_of_receipt
from schemas.facts import ReceiptStatus
from schemas.provider import Provider
from schemas.public import Media
from schemas.reports import TWILIO
from webhooks.providers.fields import count, inbound, keyword, media, moved, number, text
from webhooks.words import Check, Ends, Inbound, Incoming, Refusal, Report, Unreadable, Word

#: `SmsStatus` of a text that comes in, which has no `MessageStatus`.
_INBOUND: Final = frozenset({"received", "receiving"})
#: How long a signature is, in base64. Of another algorithm the validator would write to the log.
_SIGNATURES: Final = {HMAC_SHA1: 28, HMAC_SHA256: 44}
_MEDIA_URL: Final = re.compile(r"MediaUrl([0-9]{1,3})")


class _Fields(dict[str, Sequence[str]]):
    """Form fields as the validator asks for them: repeated ones count each."""

    def getall(self, name: str) -> Sequence[str]:
        return self[name]


def check(incoming: Incoming, now: float) -> Check | Refusal:  # noqa: ARG001 - no time is signed
    """By an auth token of the account; a replay is absorbed further on, as any repeat is."""
    signature = incoming.headers.get(SIGNATURE_HEADER.lower())
    if not signature:
        return Refusal.UNSIGNED
    algorithm = get_signature_algorithm(incoming.headers.get(SIGNATURE_SETTINGS_HEADER.lower())).upper()
    params = _signed(incoming)
    if params is None or _SIGNATURES.get(algorithm) != len(signature):
        return Refusal.FORGED
    return lambda token: RequestValidator(token).validate(incoming.url, params, signature, algorithm)


def _signed(incoming: Incoming) -> _Fields | str | None:
    """What is signed beside the URL: a form's fields, else the body by its hash there; None: nothing is."""
    if incoming.is_form:
        return _Fields(incoming.fields) if incoming.fields else None
    return incoming.body.decode(errors="replace") if "bodySHA256" in incoming.query else None


def claimed(incoming: Incoming) -> str:
    """The `AccountSid`, which every form of Twilio's has: one without it is nobody's."""
    return _first_of_each(incoming).get("AccountSid", "")


def parse(incoming: Incoming) -> Word:
    """What it says; its moment is not told."""
    fields = _first_of_each(incoming)
    status = fields.get("MessageStatus", "")
    if not status:
        if fields.get("SmsStatus") in _INBOUND or "Body" in fields:
            return inbound(_inbound(fields))
        return Unreadable("no MessageStatus")
    sid = _sid(fields)
    if not sid:
        return Unreadable("no MessageSid")
    reached = moved(TWILIO, status)
    if not isinstance(reached, ReceiptStatus):
        return reached
    code = fields.get("ErrorCode") or None
    return Report(
        provider_message_id=sid,
        status=reached,
        code=code,
        fault=fault_of_receipt(Provider.TWILIO, code) if code else None,
        detail=fields.get("ErrorMessage") or None,
    )


def ends(incoming: Incoming) -> Ends:
    """Between whom the message of a receipt went."""
    fields = _first_of_each(incoming)
    return Ends(number(fields.get("From")), number(fields.get("To")))


def _inbound(fields: Mapping[str, str]) -> Inbound:
    receiver = number(fields.get("To"))
    return Inbound(
        provider_message_id=_sid(fields),
        from_number=number(fields.get("From")),
        to_numbers=(receiver,) if receiver else (),
        text=text(fields.get("Body")),
        media=_media(fields),
        segments=count(fields.get("NumSegments")),
        # Only of messaging services with Advanced Opt-Out.
        keyword=keyword(fields.get("OptOutType")),
    )


def _media(fields: Mapping[str, str]) -> tuple[Media, ...]:
    """`MediaUrl0`, `MediaUrl1`, ... in the order of their numbers, each with its `MediaContentType`."""
    places = sorted((int(one[1]), one[0], one[1]) for one in map(_MEDIA_URL.fullmatch, fields) if one)
    return tuple(
        found
        for _, name, place in places
        for found in media(fields[name], fields.get(f"MediaContentType{place}"))
    )


def _sid(fields: Mapping[str, str]) -> str:
    return fields.get("MessageSid") or fields.get("SmsSid") or ""


def _first_of_each(incoming: Incoming) -> dict[str, str]:
    return {name: values[0] for name, values in incoming.fields.items()}
