"""Reading what strangers wrote: JSON, words and times, never raising."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from schemas.facts import ReceiptStatus
from schemas.public import Keyword, Media
from webhooks.words import Idle, Inbound, Strange, Unreadable

_BARE: Final = re.compile(r"[1-9][0-9]{6,14}")
#: The year 9999, in milliseconds: nobody means it, and calendars end with it.
_BEYOND: Final = 253_370_764_800_000
_COUNT: Final = re.compile(r"[1-9][0-9]{0,3}")


def json_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in `body`; None if it is anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def mapping(value: object) -> dict[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def first(value: object) -> dict[str, Any]:
    """The first object of a list, else an empty one."""
    return mapping(value[0]) if isinstance(value, list) and value else {}


def text(value: object) -> str:
    """`value` if it is a word or a whole number, else "".

    Half a surrogate pair, which no record of ours can hold, is replaced.
    """
    word = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return word.encode(errors="replace").decode()


def millis(value: object) -> int | None:
    """An ISO 8601 time as milliseconds since the epoch; without a zone it is UTC.

    None if it is no time, or one before 1970: year 1 is how some languages write that they know none.
    Nor may it be in the year 9999 or after, where calendars end.
    """
    try:
        at = datetime.fromisoformat(text(value))
        found = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return found if 0 < found < _BEYOND else None


def number(value: object) -> str:
    """A phone number with its plus, which Vonage leaves out; anything else as it was written."""
    word = text(value).strip()
    return f"+{word}" if _BARE.fullmatch(word) else word


def count(value: object) -> int | None:
    """A whole number from 1 to 9999; None if it is anything else."""
    word = text(value)
    return int(word) if _COUNT.fullmatch(word) else None


def media(url: object, content_type: object = None, size: object = None) -> tuple[Media, ...]:
    """What lies at `url`; nothing if that is no address."""
    where = text(url)
    known = size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None
    return (Media(url=where, content_type=text(content_type) or None, size=known),) if where else ()


def keyword(value: object) -> Keyword | None:
    """What a provider took a text for: STOP, START or HELP; None if it is anything else."""
    word = text(value).strip().lower()
    return Keyword(word) if word in set(Keyword) else None


def inbound(found: Inbound) -> Inbound | Unreadable:
    """`found`, if it has what no text can be without: its id, and both ends."""
    if not found.provider_message_id:
        return Unreadable("a text without its id")
    if not (found.from_number and found.to_numbers):
        return Unreadable("a text without its sender or receiver")
    return found


def moved(statuses: Mapping[str, ReceiptStatus | None], status: str) -> ReceiptStatus | Idle | Strange:
    """What a provider's `status` moves a message to, by its table, where None stands for nothing."""
    if status not in statuses:
        return Strange(status)
    return statuses[status] or Idle(status)
