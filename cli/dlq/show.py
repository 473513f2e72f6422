"""How dead letters are shown: what strangers wrote is escaped, and what people wrote is masked."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from broker.letters import Letter, parsed
from cli.dlq.handled import Handled
from cli.dlq.states import State
from schemas import topics
from schemas.replays import history

#: Members of our records, and of what is asked of us, that hold what people wrote to one another.
_PERSONAL: Final = frozenset({"text", "message", "media", "media_urls", "raw", "body"})
_SHOWN_BYTES: Final = 2_000
_SHOWN_HEADER: Final = 300
_NUMBER: Final = re.compile(r"\d+")
_COLOURS: Final = {
    State.OPEN: "red",
    State.IN_DOUBT: "yellow",
    State.REPLAYED: "green",
    State.DROPPED: "blue",
}


def short(letter: Letter) -> str:
    """A letter's place as it is typed: `requests/0/17`."""
    return f"{topics.kind_of(letter.place.topic)}/{letter.place.partition}/{letter.place.offset}"


def cause(reason: str) -> str:
    """What letters with `reason` have in common: sizes and columns do not make it another one."""
    return printable(_NUMBER.sub("N", reason))


def ago(at: int, now: int) -> str:
    """How long ago, in two words: `3 d 4 h`."""
    seconds = max(0, now - at) // 1000
    for size, unit, smaller, rest in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            return f"{seconds // size} {unit} {seconds % size // smaller} {rest}"
    return f"{seconds} s"


def time(at: int) -> str:
    """A moment as JSON has it."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line(letter: Letter, handled: Handled, now: int) -> str:
    """One letter for people: its place, how old, whence, why, and what was done about it."""
    state = "" if handled.state is State.OPEN else f"  [{_coloured(handled.state)}]"
    whence = "(nobody said)" if letter.origin is None else printable(letter.origin.topic)
    return f"{short(letter)}  {ago(letter.at, now)}  {whence}  {printable(letter.reason)}{state}"


def _coloured(state: State) -> str:
    import typer

    return typer.style(state, fg=_COLOURS[state])


def members(letter: Letter, handled: Handled, *, reveal: bool | None) -> dict[str, Any]:
    """A letter for programs; `reveal`: whether its content is as it came, None: it is left out."""
    origin = letter.origin
    found: dict[str, Any] = {
        "letter": short(letter),
        "at": time(letter.at),
        "reason": letter.reason,
        "state": handled.state,
        "origin": None
        if origin is None
        else {
            "topic": origin.topic,
            "partition": origin.partition,
            "offset": origin.offset,
            "at": time(origin.timestamp) if origin.timestamp else None,
        },
        "organization": letter.organization,
        "message_id": letter.message_id,
        "key": None if letter.key is None else escaped(letter.key),
        "size": letter.size,
        "replays": [place for place, _ in history(letter.headers)],
        "marks": [
            {"what": mark.what, "at": time(mark.at), "mended": mark.mended, "note": mark.note}
            for mark in handled.marks
        ],
    }
    if reveal is not None:
        found["headers"] = [
            [name, None if value is None else escaped(value)] for name, value in letter.headers
        ]
        found["value"] = _value(letter.value, reveal=reveal)
    return found


def whole(letter: Letter, handled: Handled, now: int, *, reveal: bool) -> str:
    """A letter for people, with all that is known of it."""
    said = members(letter, handled, reveal=reveal)
    origin = letter.origin
    lines = [
        short(letter),
        f"  reason   {printable(letter.reason)}",
        f"  here     since {said['at']} ({ago(letter.at, now)})",
        "  origin   "
        + (
            "(nobody said)"
            if origin is None
            else f"{origin.topic}[{origin.partition}] offset {origin.offset}"
        )
        + (f", {time(origin.timestamp)}" if origin and origin.timestamp else ""),
        f"  state    {handled.state}",
        *(f"           {_mark(mark)}" for mark in said["marks"]),
        *(f"  replayed before, from {printable(place)}" for place in said["replays"]),
        *(f"  {name:8} {printable(said[field])}" for name, field in _NAMED if said[field]),
        *(f"  header   {printable(name)}: {value}" for name, value in said["headers"]),
        f"  value    {_described(letter.value)}",
    ]
    value = said["value"]
    text = value if isinstance(value, str) else json.dumps(value, indent=2)
    lines += [f"    {part}" for part in text.splitlines()]
    if not reveal and letter.value:
        lines.append("  (what people wrote is masked: --reveal shows it)")
    return "\n".join(lines)


_NAMED: Final = (("owner", "organization"), ("message", "message_id"), ("key", "key"))


def _mark(mark: Mapping[str, Any]) -> str:
    mended = ", mended" if mark["mended"] else ""
    note = f": {printable(mark['note'])}" if mark["note"] else ""
    return f"{mark['what']} {mark['at']}{mended}{note}"


def _described(value: bytes | None) -> str:
    if value is None:
        return "null"
    return f"{len(value)} bytes, SHA-256 {hashlib.sha256(value).hexdigest()[:16]}..."


def _value(value: bytes | None, *, reveal: bool) -> Any:
    """JSON as JSON, all else as escaped text; unless revealed, with what may be personal masked."""
    if value is None:
        return None
    found = parsed(value)
    if isinstance(found, dict | list):
        try:
            json.dumps(found := found if reveal else masked(found), indent=2)
        except RecursionError:
            pass  # too deep to be shown as what it is
        else:
            return found
    text = escaped(value[:_SHOWN_BYTES], _SHOWN_BYTES)
    more = f"... ({len(value) - _SHOWN_BYTES} bytes more)" if len(value) > _SHOWN_BYTES else ""
    return (text if reveal else shape(text)) + more


def masked(found: Any) -> Any:
    """JSON without what people wrote to one another."""
    if isinstance(found, dict):
        return {name: _hidden(one) if name in _PERSONAL else masked(one) for name, one in found.items()}
    return [masked(one) for one in found] if isinstance(found, list) else found


def _hidden(value: Any) -> Any:
    match value:
        case str() | list() | dict():
            return f"({len(value)} {'characters' if isinstance(value, str) else 'members'})"
        case _:
            return value


def shape(text: str) -> str:
    """Text with a letter in place of each letter and digit: what it looks like, not what it says."""
    return re.sub(r"\\x[0-9a-f]{2}|[A-Za-z0-9]", lambda one: one[0] if one[0][0] == "\\" else "x", text)


def escaped(value: bytes, most: int = _SHOWN_HEADER) -> str:
    r"""Bytes as they can be shown anywhere: ASCII as it is, all else as `\xNN`; the start of long ones."""
    text = "".join(
        chr(one) if 0x20 <= one < 0x7F and one != 0x5C else f"\\x{one:02x}" for one in value[:most]
    )
    return text + (f"... ({len(value) - most} bytes more)" if len(value) > most else "")


def printable(text: str) -> str:
    """Text that moves no cursor and changes no terminal."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
