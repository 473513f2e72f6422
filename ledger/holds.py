"""Used idempotency keys, by their messages' ids: whose turn it is, and what was answered. Opens nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ledger import view
from ledger.view import Known, Seen
from schemas.base import Millis


@dataclass(frozen=True, slots=True)
class Hold:
    """A request that wants to use a key. `fingerprint` and `token` (a random word) hold no blanks."""

    message_id: str
    fingerprint: str
    token: str
    #: How long the request may take, by Redis' clock; then another of the same content may.
    hold_ms: int
    #: The content stays bound to the key until then.
    forget_at: Millis
    #: Also where the message is known by the same content, but no answer to it: to give that answer.
    retake: bool = False
    #: What the row of the message may have for the fingerprint, where that is not the only one.
    told: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a request, to be replayed byte for byte."""

    fingerprint: str
    status: int
    body: bytes


#: `own`: the key is this request's, for `hold_ms`. `live`: another request with it is under way, of whatever
#: content. `bound`: none is, but one of other content has used it. `none`: the message or an answer is known,
#: or the view is not whole; nobody holds it.
Word = Literal["own", "live", "bound", "none"]


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a key that was asked for."""

    seen: Seen
    answer: Answer | None
    hold: Word


def encode_holds(asks: Sequence[Hold]) -> str:
    """The argument of `hold.lua`."""
    listed = [
        {
            "id": ask.message_id,
            "fingerprint": ask.fingerprint,
            "token": ask.token,
            "hold": ask.hold_ms,
            "forget_at": ask.forget_at,
            "retake": ask.retake,
            "told": sorted(ask.told or {ask.fingerprint}),
        }
        for ask in asks
    ]
    return json.dumps(listed, separators=(",", ":"))


def found(answer: tuple[Known, bytes | None, bytes], whole: int) -> Found:
    """What `hold.lua` answers for one ask."""
    known, answered, word = answer
    return Found(view.seen(known, whole), None if answered is None else parse_answer(answered), _word(word))


def encode_answer(answer: Answer) -> bytes:
    """The value of an answer's key."""
    return f"{answer.status} {answer.fingerprint} ".encode() + answer.body


def parse_answer(value: bytes) -> Answer:
    """The answer in a key's value."""
    status, fingerprint, body = value.split(b" ", 2)
    return Answer(fingerprint.decode(), int(status), body)


def _word(word: bytes) -> Word:
    match word.decode():
        case "own" | "live" | "bound" | "none" as known:
            return known
        case other:
            raise ValueError(f"not a word about a hold: {other!r}")
