"""Twilio's Message resource and the list of them, as JSON."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, urlencode

from simulator.config import TwilioAccount
from simulator.messages import Message, Receipt
from simulator.provider import Call, Reply
from simulator.segments import segments
from simulator.twilio.errors import error

_SENT: Final = frozenset({"sent", "delivered", "undelivered"})
_Filter: TypeAlias = Callable[[Message, float], bool]


def message(account: TwilioAccount, it: Message, now: float) -> dict[str, Any]:
    """The Message resource as it stands at `now`."""
    latest, sent = it.latest(now), _sent_at(it, now)
    uri = f"/2010-04-01/Accounts/{account.account_sid}/Messages/{it.id}.json"
    draft = it.draft
    waits_for_sender = draft.service is not None and latest is None
    return {
        "account_sid": account.account_sid,
        "api_version": "2010-04-01",
        "body": draft.text,
        "date_created": _rfc2822(it.at),
        "date_sent": None if sent is None else _rfc2822(sent),
        "date_updated": _rfc2822(it.at if latest is None else it.at + latest.reached),
        "direction": "inbound" if draft.inbound else "outbound-api",
        "error_code": _code(latest),
        "error_message": None if _code(latest) is None else f"Error {_code(latest)}",
        "from": None if waits_for_sender else draft.sender,
        "messaging_service_sid": draft.service,
        "num_media": str(len(draft.media)),
        "num_segments": "0" if waits_for_sender else str(_segments(it)),
        "price": f"-{0.0079 * _segments(it):.5f}" if _ended(latest) else None,
        "price_unit": "USD",
        "sid": it.id,
        "status": _status(it, latest),
        "subresource_uris": {"media": uri.removesuffix(".json") + "/Media.json"},
        "tags": None,
        "to": draft.to,
        "uri": uri,
    }


def page(account: TwilioAccount, call: Call, messages: Iterable[Message], now: float) -> Reply:
    """`GET Messages.json`: newest first, filtered by To, From and the date sent."""
    query = dict(parse_qsl(call.query, keep_blank_values=True))
    try:
        wanted = _filters(query)
        size = min(max(int(query.get("PageSize", 50)), 1), 1000)
        number = max(int(query.get("Page", 0)), 0)
    except ValueError as problem:
        return error("20001", f"Invalid parameter: {problem}")
    found = [it for it in messages if all(keeps(it, now) for keeps in wanted)][::-1]
    start = number * size
    shown = found[start : start + size]
    body = {
        "messages": [message(account, it, now) for it in shown],
        "page": number,
        "page_size": size,
        "start": start,
        "end": max(start + len(shown) - 1, 0),
        "uri": _page_uri(call, query, number),
        "first_page_uri": _page_uri(call, query, 0),
        "previous_page_uri": _page_uri(call, query, number - 1) if number else None,
        "next_page_uri": (_page_uri(call, query, number + 1) if start + size < len(found) else None),
    }
    return Reply(200, json.dumps(body).encode())


def _filters(query: dict[str, str]) -> list[_Filter]:
    """The list's filters.

    A message that was not sent yet has no date to be found by. A date alone is its whole day.

    Raises:
        ValueError: a date is not in ISO 8601.
    """
    filters: list[_Filter] = []
    for name, value in query.items():
        match name:
            case "To":
                filters.append(_sent_to(value))
            case "From":
                filters.append(_sent_from(value))
            case "DateSent" | "DateSent>" | "DateSent<":
                filters.append(_sent_within(*_window(name, value)))
    return filters


def _sent_to(number: str) -> _Filter:
    return lambda it, _now: it.draft.to == number


def _sent_from(number: str) -> _Filter:
    return lambda it, _now: it.draft.sender == number


def _window(name: str, value: str) -> tuple[float, float]:
    moment = datetime.fromisoformat(value)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    first = moment.timestamp()
    last = first if "T" in value else (moment + timedelta(days=1)).timestamp() - 1e-6
    match name:
        case "DateSent>":
            return first, float("inf")
        case "DateSent<":
            return float("-inf"), last
        case _:
            return first, last


def _sent_within(first: float, last: float) -> _Filter:
    def keeps(it: Message, now: float) -> bool:
        sent = _sent_at(it, now)
        return sent is not None and first <= sent <= last

    return keeps


def _page_uri(call: Call, query: dict[str, str], number: int) -> str:
    return f"{call.path}?{urlencode(query | {'Page': str(number)})}"


def _sent_at(it: Message, now: float) -> float | None:
    for receipt in it.receipts:
        if receipt.status in _SENT and it.at + receipt.reached <= now:
            return it.at + receipt.reached
    return None


def _status(it: Message, latest: Receipt | None) -> str:
    if latest is not None:
        return latest.status
    return "accepted" if it.draft.service is not None else "queued"


def _code(latest: Receipt | None) -> int | None:
    return None if latest is None or latest.code is None else int(latest.code)


def _ended(latest: Receipt | None) -> bool:
    return latest is not None and latest.status in {"delivered", "undelivered"}


def _segments(it: Message) -> int:
    return 1 if it.draft.media else segments(it.draft.text).parts


def _rfc2822(at: float) -> str:
    return format_datetime(datetime.fromtimestamp(int(at), UTC))
