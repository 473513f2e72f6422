"""Logs as JSON, one line each, out of calls that are written for people.

A call's template is its structure: in `"breaker.open account=%s: %s"` the event is `breaker.open`, and what
stands behind `account=` is a field, with the type that it was given. So nobody says anything twice, and the
words are the same in both forms.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal, TextIO

Form = Literal["auto", "text", "json"]

TEXT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
_EVENT: Final = re.compile(r"[a-z_]+(?:\.[a-z_]+)+(?=[ :]|$)")
#: A placeholder of `%`, with the name before it, if it has one.
_PLACE: Final = re.compile(r"(?:\b([a-z_]+)=)?%(%|[-+ #0]*\d*(?:\.\d+)?[a-zA-Z])")
#: What a line has of itself: no field may stand for it.
_OWN: Final = frozenset({"at", "level", "logger", "event", "text", "error"})


class Lines(logging.Formatter):
    """A record as one line of JSON: at, level, logger, event, its fields, text, a traceback as `error`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. What JSON does not know is written as `str` has it."""
        text = record.getMessage()
        event = _EVENT.match(text)
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            **({"event": event[0]} if event else {}),
            **dict(_fields(record)),
            "text": text,
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def set_up(level: str, form: Form, stream: TextIO) -> None:
    """Log to `stream` from now on; `auto` is text for who sits at a terminal, and JSON for who collects."""
    handler = logging.StreamHandler(stream)
    as_json = form == "json" or (form == "auto" and not stream.isatty())
    handler.setFormatter(Lines() if as_json else logging.Formatter(TEXT))
    logging.basicConfig(level=level, handlers=[handler])


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    args = record.args
    if not isinstance(args, tuple) or not isinstance(record.msg, str):
        # A library's way: one mapping, or a message that is no template.
        if isinstance(args, Mapping):
            yield from ((key, value) for key, value in args.items() if key not in _OWN)
        return
    for name, value in zip(_names(record.msg), args, strict=False):
        if name is not None and name not in _OWN:
            yield name, value


@lru_cache(maxsize=1024)
def _names(template: str) -> tuple[str | None, ...]:
    """Of each placeholder the name before it."""
    return tuple(found[1] for found in _PLACE.finditer(template) if found[2] != "%")
