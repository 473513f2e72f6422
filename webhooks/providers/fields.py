"""Reading what strangers wrote: JSON, words and times, never raising."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from schemas.facts import ReceiptStatus
from webhooks.words import Idle, Strange


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
    """
    try:
        at = datetime.fromisoformat(text(value))
        found = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return found if found > 0 else None


def moved(statuses: Mapping[str, ReceiptStatus | None], status: str) -> ReceiptStatus | Idle | Strange:
    """What a provider's `status` moves a message to, by its table, where None stands for nothing."""
    if status not in statuses:
        return Strange(status)
    return statuses[status] or Idle(status)
