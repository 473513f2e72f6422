"""Reading Twilio's requests: credentials, and the form of a new message."""

import base64
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from simulator.config import TwilioAccount
from simulator.messages import Draft
from simulator.numbers import E164, is_sender
from simulator.provider import Call, Reply
from simulator.twilio.errors import error

_MOST_CHARACTERS: Final = 1600
_MOST_MEDIA: Final = 10


def basic_credentials(accounts: Iterable[TwilioAccount]) -> dict[tuple[str, str], str]:
    """Who each (account SID, Basic credentials) is: an API key, or the SID with its auth token."""
    return {
        (account.account_sid, base64.b64encode(f"{user}:{password}".encode()).decode()): account.id
        for account in accounts
        for user, password in (
            (account.api_key_sid, account.api_key_secret),
            (account.account_sid, account.auth_token),
        )
    }


def read_message(account: TwilioAccount, call: Call) -> Draft | Reply:
    """The draft of a `POST Messages.json`, or the first complaint in the order of its checks."""
    try:
        pairs = parse_qsl(call.body.decode(), keep_blank_values=True)
    except ValueError:
        return error("21602", "The request body is not a form in UTF-8.")
    form = dict(pairs)
    media = tuple(value for name, value in pairs if name == "MediaUrl")
    return _complaint(form, media) or _draft(account, form, media)


def _complaint(form: dict[str, str], media: tuple[str, ...]) -> Reply | None:
    to, body, callback = form.get("To", ""), form.get("Body", ""), form.get("StatusCallback")
    checks = (
        ("21604", bool(to), None),
        ("21211", E164.fullmatch(to), f"Invalid 'To' Phone Number: {to}"),
        ("21602", body or media, None),
        ("21617", len(body) <= _MOST_CHARACTERS, None),
        ("21623", len(media) <= _MOST_MEDIA, None),
        ("21620", all(is_web_address(url) for url in media), None),
        (
            "21609",
            not callback or is_web_address(callback),
            f"The 'StatusCallback' URL {callback} is not a valid URL.",
        ),
    )
    return next((error(code, message) for code, holds, message in checks if not holds), None)


def _draft(account: TwilioAccount, form: dict[str, str], media: tuple[str, ...]) -> Draft | Reply:
    sender = form.get("From") or form.get("MessagingServiceSid") or ""
    service = form.get("MessagingServiceSid") if not form.get("From") else None
    if not sender:
        return error("21603")
    if service is not None:
        if not account.numbers:
            return error("21704")
        sender = account.numbers[0]
    if not is_sender(sender):
        return error(
            "21212",
            f"The 'From' number {sender} is not a valid phone number, shortcode, or alphanumeric sender ID.",
        )
    if account.numbers and sender not in account.numbers:
        return error(
            "21606",
            f"The From phone number {sender} is not a valid, SMS-capable inbound phone number "
            "or short code for your account.",
        )
    if sender == form["To"]:
        return error("21211", "'To' and 'From' number cannot be the same")
    return Draft(
        provider="twilio",
        account=account.id,
        to=form["To"],
        sender=sender,
        text=form.get("Body", ""),
        media=media,
        webhook_url=form.get("StatusCallback") or None,
        channel="mms" if media else "sms",
        service=service,
    )


def is_web_address(url: str) -> bool:
    """Whether `url` is an absolute http or https address."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False
