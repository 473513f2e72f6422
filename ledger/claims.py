"""Claims and what is asked of them, as values (docs/protocol.md). Opens nothing.

A claim is one key, whose value is a line of words:

    open <attempt> <maybe_sent> <record>
    sending <attempt> <maybe_sent> <until> <nonce> <record> [<via>]
    closed <why> <attempt> [<nonce> [<via>]]

`via` is `<provider>/<account>/<sender>`; lines of before there was failover have none. `scripts/claims.lua`
reads and writes the same lines.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeGuard, get_args

from ledger.days import Counted
from schemas.base import Millis
from schemas.caps import Cap
from schemas.provider import Provider
from schemas.public import Attempt
from schemas.tasks import How

#: Why a claim is closed. `sent`: handed over and settled. `unknown`: handed over, perhaps. The others: ended
#: without a send.
Why = Literal[
    "sent", "unknown", "cancelled", "expired", "opted_out",
    "sender_not_found", "sender_suspended", "assistant_suspended", "use_case_not_found", "use_case_suspended",
    "account_unavailable", "campaign_not_verified", "brand_suspended",
]  # fmt: skip
_WHYS: Final[dict[str, Why]] = {why: why for why in get_args(Why)}
_PROVIDERS: Final = frozenset(map(str, Provider))


@dataclass(frozen=True, slots=True)
class Via:
    """What a hand-over went out through: its claim says it, for another task record may tell of it."""

    provider: Provider
    account: str
    #: The number, +E.164.
    sender: str

    def __str__(self) -> str:
        """As a word of a line."""
        return f"{self.provider}/{self.account}/{self.sender}"


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing was ever handed over."""


@dataclass(frozen=True, slots=True)
class Open:
    """A retry may be handed over: the next `attempt`, which the task `record` asked for."""

    attempt: int
    record: str
    #: An earlier attempt may have been sent, so this message can no longer be cancelled.
    maybe_sent: bool


@dataclass(frozen=True, slots=True)
class Sending:
    """A hand-over is under way, by whoever knows `nonce`, until `until` by Redis' clock."""

    attempt: int
    record: str
    nonce: str
    until: Millis
    maybe_sent: bool
    via: Via | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """No more hand-overs; only a resend wins over `unknown` of the attempt before it.

    `nonce` is that of an `unknown` attempt; "" where none, or more than one, may have sent it. `via` is what
    that nonce went out through.
    """

    why: Why
    attempt: int
    nonce: str = ""
    via: Via | None = None


Claim = Absent | Open | Sending | Closed


def is_unknown(claim: Claim) -> TypeGuard[Closed]:
    """Whether `claim` is `closed(unknown)`: its hand-over may have been made."""
    return isinstance(claim, Closed) and claim.why == "unknown"


@dataclass(frozen=True, slots=True)
class Looked:
    """A claim as it was found; whether a `Sending` is past its `until` by Redis' clock."""

    claim: Claim
    until_passed: bool


@dataclass(frozen=True, slots=True)
class Pace:
    """A limit that several messages share: `key` such as `number:+15550100` or `account:main`.

    Never more than `rate` + `burst` segments in any one second; see docs/ledger.md.
    """

    key: str
    #: Segments per second, above 0.
    rate: float
    #: Segments that may go at once after a pause, at least 1.
    burst: int


@dataclass(frozen=True, slots=True)
class Ask:
    """A claim that is asked for: its intent has been acknowledged by the broker.

    `nonce` and `record` hold no blanks. Asked again with the same nonce, it has won already.
    """

    message_id: str
    attempt: int
    how: How
    nonce: str
    record: str
    segments: int
    paces: tuple[Pace, ...]
    valid_until: Millis
    forget_at: Millis
    #: The claim holds for this long by Redis' clock, then it may be taken over.
    hold_ms: int
    #: The breaker of its account (`ledger.health`), "" for none.
    breaker: str = ""
    #: What other messages share that the provider could take for this one (`ledger.asking`), "" for none.
    twin: str = ""
    #: Where its recipient must not have opted out, the organization's first (`ledger.optouts`); () for a
    #: message that no opt-out stops.
    scopes: tuple[str, ...] = ()
    to_number: str = ""
    #: The day caps that it counts against.
    caps: tuple[Cap, ...] = ()
    #: What it goes out through.
    via: Via | None = None

    @property
    def counted(self) -> Counted | None:
        """What it counts against day caps, once it is won."""
        names = tuple(cap.name for cap in self.caps)
        return Counted(names, self.segments, self.hold_ms) if names else None


@dataclass(frozen=True, slots=True)
class Won:
    """Hand it over now, and not after `hold_ms` counted from before the first call with this nonce."""

    until: Millis


@dataclass(frozen=True, slots=True)
class Wait:
    """A pace, a breaker or a day cap holds it for `ms` at least. Nothing was taken; its intent stays good."""

    ms: int
    #: The key of the pace that takes longest, or the breaker, or the cap (`days.rests_on`).
    pace: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The claim is another's, or over: `claim` says how."""

    claim: Claim


Verdict = Won | Wait | Refused


@dataclass(frozen=True, slots=True)
class Own:
    """A hand-over by whoever did it, and whose health its outcome tells of (`ledger.health`)."""

    message_id: str
    attempt: int
    nonce: str
    forget_at: Millis
    #: The breaker of its account; "" where its outcome says nothing of the provider.
    breaker: str = ""
    #: The keys of the paces that speed up if it is settled.
    paces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Again:
    """A hand-over that provably did not happen, and the task record that asks for the next attempt."""

    own: Own
    record: str
    #: What came of it, for whoever looks at the message.
    attempt: Attempt
    #: The provider did answer: no fault of its account.
    answered: bool = False
    #: The key of the pace that the provider throttled, "" for none.
    throttled: str = ""
    #: The provider's `Retry-After`.
    pause_ms: int | None = None
    #: What its claim counted against day caps.
    counted: Counted | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """A message whose `attempt`, the next one, its owner wants not to be made.

    `cancel asked` of that attempt has been acknowledged by the broker.
    """

    message_id: str
    attempt: int
    forget_at: Millis


def parse(line: bytes | None) -> Claim:
    """The claim in a key's value; None: the key is not there.

    Raises:
        ValueError: the value is no claim.
    """
    if line is None:
        return Absent()
    match line.decode().split(" "):
        case ["open", attempt, maybe_sent, record]:
            return Open(int(attempt), record, maybe_sent == "1")
        case ["sending", attempt, maybe_sent, until, nonce, record, *via] if len(via) <= 1:
            return Sending(int(attempt), record, nonce, int(until), maybe_sent == "1", _via(via))
        case ["closed", why, attempt] if why in _WHYS:
            return Closed(_WHYS[why], int(attempt))
        case ["closed", why, attempt, nonce, *via] if why in _WHYS and len(via) <= 1:
            return Closed(_WHYS[why], int(attempt), nonce, _via(via))
    raise ValueError(f"not a claim: {line!r}")


def line(claim: Open | Closed) -> str:
    """The key's value for a claim that a rebuild writes."""
    match claim:
        case Open(attempt=attempt, record=record, maybe_sent=maybe_sent):
            return f"open {attempt} {int(maybe_sent)} {record}"
        case Closed(why=why, attempt=attempt, nonce=nonce, via=via):
            words = ["closed", why, str(attempt), *([nonce] if nonce else []), *([str(via)] if via else [])]
            return " ".join(words)


def _via(words: list[str]) -> Via | None:
    match [word.split("/") for word in words]:
        case []:
            return None
        case [[provider, account, sender]] if provider in _PROVIDERS:
            return Via(Provider(provider), account, sender)
    raise ValueError(f"not a claim: it went out through {words!r}")


def verdict(answer: list[bytes | int | None]) -> Verdict:
    """What `claim.lua` answers for one ask."""
    match answer:
        case [b"won", int() as until]:
            return Won(until)
        case [b"wait", int() as ms, bytes() as pace]:
            return Wait(ms, pace.decode())
        case [b"refused", (bytes() | None) as found]:
            return Refused(parse(found))
    raise ValueError(f"not a verdict: {answer!r}")


def encode_asks(asks: Sequence[Ask], midnights: Sequence[Millis] = ()) -> str:
    """The argument of `claim.lua`: JSON, each pace once; asks name theirs by place, from 1 as in Lua."""
    places: dict[Pace, int] = {}
    caps: dict[Cap, int] = {}
    listed = [
        {
            "id": ask.message_id,
            "attempt": ask.attempt,
            "how": ask.how,
            "nonce": ask.nonce,
            "record": ask.record,
            "segments": ask.segments,
            "paces": [places.setdefault(pace, len(places) + 1) for pace in ask.paces],
            "valid_until": ask.valid_until,
            "forget_at": ask.forget_at,
            "hold": ask.hold_ms,
            **_named("breaker", ask.breaker),
            **_named("twin", ask.twin),
            **({"scopes": ask.scopes, "to": ask.to_number} if ask.scopes else {}),
            **({"caps": [caps.setdefault(cap, len(caps) + 1) for cap in ask.caps]} if ask.caps else {}),
            **_named("via", str(ask.via or "")),
        }
        for ask in asks
    ]
    paces = [{"key": pace.key, "rate": pace.rate, "burst": pace.burst} for pace in places]
    work: dict[str, Any] = {"paces": paces, "asks": listed}
    if caps:
        work["caps"] = [{"name": cap.name, "most": cap.most} for cap in caps]
        work["midnights"] = midnights
    return json.dumps(work, separators=(",", ":"))


def encode_own(done: Sequence[Own]) -> str:
    """The argument of `close.lua` and `lose.lua`."""
    return json.dumps([_own(own) for own in done], separators=(",", ":"))


def encode_again(again: Sequence[Again]) -> str:
    """The argument of `reopen.lua`."""
    listed = [
        _own(one.own)
        | {"record": one.record, "tried": one.attempt.encode().decode()}
        | {"answered": one.answered}
        | _named("throttled", one.throttled)
        | _named("pause", one.pause_ms)
        | ({"counted": _counted(one.counted)} if one.counted else {})
        for one in again
    ]
    return json.dumps(listed, separators=(",", ":"))


def _counted(counted: Counted) -> dict[str, Any]:
    return {"caps": counted.caps, "segments": counted.segments, "hold": counted.hold_ms}


def encode_cancels(asks: Sequence[Cancel]) -> str:
    """The argument of `cancel.lua`."""
    listed = [{"id": ask.message_id, "attempt": ask.attempt, "forget_at": ask.forget_at} for ask in asks]
    return json.dumps(listed, separators=(",", ":"))


def _own(own: Own) -> dict[str, Any]:
    return {
        "id": own.message_id,
        "attempt": own.attempt,
        "nonce": own.nonce,
        "forget_at": own.forget_at,
        **_named("breaker", own.breaker),
        **_named("paces", own.paces),
    }


def _named(name: str, value: str | tuple[str, ...] | int | None) -> dict[str, Any]:
    """Left out where it says nothing: in Lua it is nil then."""
    return {name: value} if value not in ("", (), None) else {}
