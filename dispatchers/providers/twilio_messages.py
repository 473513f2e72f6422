"""Twilio's Message resource, and lists of them, as answers to what became of a hand-over."""

from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final

from dispatchers.port import Answer, ByHandover, Found, NoAnswer, NotFound, Several
from dispatchers.providers.answers import json_object, standing, text, unanswered
from dispatchers.providers.exchange import Reply
from schemas.provider import Accepted, Provider

_NOT_FOUND: Final = 404


def fetched(reply: Reply, now: float) -> Answer:
    """What Twilio's answer to a look-up means."""
    if reply.status == _NOT_FOUND:
        return NotFound()
    if not 200 <= reply.status < 300:
        return unanswered(reply, now)
    return _found(json_object(reply.body)) or NoAnswer("twilio showed no message")


def listed(reply: Reply, question: ByHandover, now: float) -> Answer:
    """Which of the messages that Twilio lists is the one handed over: the only one that could be it.

    It has the same text, character by character, as many media, and was created in that time. Rows carry
    no reference of ours. A list that may go on within that time shows nothing for certain.
    """
    if not 200 <= reply.status < 300:
        return unanswered(reply, now)
    page = json_object(reply.body)
    rows = page.get("messages")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return NoAnswer("twilio listed no messages")
    if page.get("next_page_uri") and not _reaches(rows, question.since):
        return NoAnswer("twilio listed more messages of that time than one page holds")
    return _only([row for row in rows if _could_be(row, question)])


def _only(rows: Sequence[Mapping[str, Any]]) -> Answer:
    match rows:
        case []:
            return NotFound()
        case [row]:
            certain = _found(row) if _created(row) is not None else None
            return certain or NoAnswer("twilio listed a message without its date or id")
        case _:
            return Several(len(rows))


def _could_be(row: Mapping[str, Any], question: ByHandover) -> bool:
    task, at = question.handover.task, _created(row)
    return (
        (at is None or question.since <= at <= question.until)
        and row.get("body") == task.text
        and text(row.get("num_media")) == str(len(task.media))
        and row.get("to") == task.to_number
        and row.get("from") == task.sender
        and row.get("direction") != "inbound"
    )


def _created(row: Mapping[str, Any]) -> int | None:
    """When a message was made, in milliseconds, by Twilio's clock, which says whole seconds."""
    try:
        return int(parsedate_to_datetime(text(row.get("date_created"))).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _reaches(rows: Sequence[Mapping[str, Any]], since: int) -> bool:
    """Whether a list, newest first, goes back beyond `since`; one in another order tells nothing."""
    created = [_created(row) for row in rows]
    known = [at for at in created if at is not None]
    in_order = len(known) == len(created) and known == sorted(known, reverse=True)
    return in_order and bool(known) and known[-1] < since


def _found(row: Mapping[str, Any]) -> Found | None:
    """A Message resource; None if it is none."""
    sid = text(row.get("sid"))
    if not sid:
        return None
    code, detail = text(row.get("error_code")), text(row.get("error_message"))
    return Found(accepted(sid, row), standing(Provider.TWILIO, text(row.get("status")), code, detail))


def accepted(sid: str, row: Mapping[str, Any]) -> Accepted:
    """What a message with the id `sid` says when it was taken, and later."""
    # "0": not yet known, with a messaging service.
    segments = text(row.get("num_segments"))
    return Accepted(
        provider_message_id=sid, segments=(int(segments) or None) if segments.isdecimal() else None
    )
