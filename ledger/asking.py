"""Questions to providers about hand-overs, as values: whether one may be put now. Opens nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Literal, get_args

from ledger.claims import Pace, Wait
from schemas.base import Millis
from schemas.provider import Provider
from schemas.tasks import Task

#: How long after an unknown hand-over its provider may be asked about it: as long as the scripts know of it.
ASKABLE_MS: Final = 3 * 3_600_000
#: By how much a provider's clock may differ from Redis'.
SKEW_MS: Final = 60_000


Why = Literal["settled", "late", "other", "twin", "opted_out"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """The hand-over that is asked about: nothing is, once it is no longer unknown."""

    attempt: int
    nonce: str
    #: The task record that was handed over, as in `claims.Ask`.
    record: str
    #: Not later than this, by Redis' clock.
    ask_until: Millis
    #: `twin(task)` where no other message of ours may be what the provider shows.
    twin: str = ""
    #: How long before it was over the hand-over may have begun, with what clocks may differ by.
    span_ms: int = 0
    #: Where the question may send: not longer after the hand-over was over than this. None: it cannot.
    within_ms: int | None = None
    #: Where it can send: where the recipient must not have opted out (as in `claims.Ask`).
    scopes: tuple[str, ...] = ()
    to_number: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """A question that is to be put now, against the paces of whatever it costs."""

    message_id: str
    #: None: it is known, and its fate is asked for.
    unknown: Unknown | None = None
    paces: tuple[Pace, ...] = ()
    segments: int = 1
    #: The breaker of its account, "" for none.
    breaker: str = ""


@dataclass(frozen=True, slots=True)
class MayAsk:
    """Ask now. `until`: when an unknown hand-over was over at the latest, by Redis' clock; else 0."""

    until: Millis


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing is to be asked any more.

    `settled`: the claim has gone on; `late`: too long ago, or too near to what its owner's policy does then;
    `other`: another task record was handed over, perhaps through another account; `twin`: what the provider
    shows could be another message; `opted_out`: the recipient wants no more, and the question could send.
    """

    why: Why


Leave = MayAsk | Wait | Over


def twin(task: Task) -> str:
    """A digest of all that the provider shows of a message; "" where it can tell messages apart itself.

    Twilio's list has no reference of ours. Telnyx has its keys, Vonage is not asked.
    """
    if task.provider is not Provider.TWILIO:
        return ""
    shown = json.dumps([task.account, task.sender, task.to_number, task.text, len(task.media)])
    return blake2b(shown.encode(), digest_size=16).hexdigest()


def encode_queries(queries: Sequence[Query]) -> str:
    """The argument of `ask.lua`; paces as in `claims.encode_asks`."""
    places: dict[Pace, int] = {}
    asks = [
        {
            "id": query.message_id,
            "segments": query.segments,
            "paces": [places.setdefault(pace, len(places) + 1) for pace in query.paces],
            **({"breaker": query.breaker} if query.breaker else {}),
            # Nobody waits behind a question, so tasks would always be there first: it holds its place.
            "first": True,
            **(_unknown(query.unknown) if query.unknown else {}),
        }
        for query in queries
    ]
    paces = [{"key": pace.key, "rate": pace.rate, "burst": pace.burst} for pace in places]
    return json.dumps({"paces": paces, "asks": asks}, separators=(",", ":"))


def _unknown(unknown: Unknown) -> dict[str, Any]:
    found: dict[str, Any] = {
        "attempt": unknown.attempt,
        "nonce": unknown.nonce,
        "record": unknown.record,
        "ask_until": unknown.ask_until,
    }
    if unknown.twin:
        found |= {"twin": unknown.twin, "span": unknown.span_ms}
    if unknown.within_ms is not None:
        found["within"] = unknown.within_ms
    if unknown.scopes:
        found |= {"scopes": unknown.scopes, "to": unknown.to_number}
    return found


def leave(answer: list[bytes | int]) -> Leave:
    """What `ask.lua` answers for one query."""
    match answer:
        case [b"ask", int() as until]:
            return MayAsk(until)
        case [b"wait", int() as ms, bytes() as name]:
            return Wait(ms, name.decode())
        case [b"over", bytes() as why] if why in _WHY:
            return Over(_WHY[why])
    raise ValueError(f"not an answer about a question: {answer!r}")


_WHY: Final[dict[bytes, Why]] = {why.encode(): why for why in get_args(Why)}
