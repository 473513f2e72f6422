"""What each producer sends, and what must come of it: pure, so that the count is known beforehand."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

#: Records of each client, but for those of the transaction that is aborted.
EACH: Final = 500
OWN: Final = 300
REPEATS: Final = 60
CONFLICTS: Final = 40
WITH_REST: Final = 40
AGAINST_REST: Final = 20
BETWEEN: Final = 40
ABORTED: Final = 20
TRACE: Final = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class End(StrEnum):
    """How the transaction of a batch ends."""

    NONE = "none"
    COMMIT = "commit"
    ABORT = "abort"


@dataclass(frozen=True)
class Wish:
    """A request, and the record that it comes in."""

    text: str
    to: str
    sender: str
    reference: str
    key: str | None = None
    record_key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def body(self) -> dict[str, Any]:
        """The request, as either door takes it."""
        fields = {
            "from_phone_number": self.sender,
            "to_phone_number": self.to,
            "message": self.text,
            "reference": self.reference,
            "idempotency_key": self.key,
        }
        return {name: value for name, value in fields.items() if value is not None}

    @property
    def value(self) -> bytes:
        """The record's value."""
        return json.dumps(self.body).encode()


@dataclass(frozen=True)
class Batch:
    """What a client sends with one set of options."""

    codec: str
    wishes: list[Wish]
    end: End = End.NONE


@dataclass(frozen=True)
class Platform:
    """Where it all goes."""

    run: str
    senders: Sequence[str]
    #: By client; of what several send too, under "shared".
    handsets: dict[str, str]


@dataclass(frozen=True)
class Part:
    """What one client does."""

    client: str
    platform: Platform
    codecs: Sequence[str]
    transactions: Sequence[End]
    #: In any order: originals, and repeats of them.
    first: list[Wish] = field(default_factory=list)
    #: Once the originals are known: other content under their keys.
    then: list[Wish] = field(default_factory=list)
    aborted: list[Wish] = field(default_factory=list)

    def batches(self, wishes: list[Wish]) -> list[Batch]:
        """Shared out among the codecs; some within transactions that are committed."""
        step = len(self.codecs)
        ends = [End.COMMIT if End.COMMIT in self.transactions and n % 2 else End.NONE for n in range(step)]
        return [Batch(codec, wishes[n::step], ends[n]) for n, codec in enumerate(self.codecs)]

    def to_abort(self) -> list[Batch]:
        """The transaction that is aborted, where the client can."""
        return [Batch(self.codecs[0], self.aborted, End.ABORT)] if End.ABORT in self.transactions else []


def shared(platform: Platform, kind: str, count: int) -> list[Wish]:
    """What several send alike."""
    return [
        Wish(
            f"{platform.run} {kind} {n}",
            platform.handsets["shared"],
            platform.senders[n % len(platform.senders)],
            "shared",
            key=f"{platform.run}-{kind}-{n}",
        )
        for n in range(count)
    ]


def part(client: str, platform: Platform, codecs: Sequence[str], transactions: Sequence[End]) -> Part:
    """All of one client."""
    made = Part(client, platform, codecs, transactions)
    own = list(_own(client, platform, OWN))
    keyed = [wish for wish in own if wish.key is not None]
    made.first.extend([*own, *keyed[:REPEATS], *shared(platform, "rest", WITH_REST)])
    made.first.extend(shared(platform, "between", BETWEEN))
    rest = shared(platform, "rest", AGAINST_REST)
    # Some conflicts come twice, which is one conflict.
    made.then.extend(_other(wish, client) for wish in [*keyed[60:90], *keyed[60:70], *rest])
    made.aborted.extend(_aborted(platform, client))
    assert len(made.first) + len(made.then) == EACH
    return made


def _own(client: str, platform: Platform, count: int) -> Iterator[Wish]:
    for n in range(count):
        yield Wish(
            f"{platform.run} {client} {n}",
            platform.handsets[client],
            platform.senders[n % len(platform.senders)],
            f"{client}-{n}",
            key=f"{platform.run}-{client}-{n}" if n % 2 else None,
            record_key=(None, b"always the same", f"key {n}".encode())[n % 3],
            headers=((), (("traceparent", TRACE),), (("helio-test", b"1"), ("plain", b"x")))[n // 3 % 3],
        )


def _other(wish: Wish, client: str) -> Wish:
    return Wish(
        f"{wish.text} but otherwise, says {client}", wish.to, wish.sender, f"{client} conflict", key=wish.key
    )


def _aborted(platform: Platform, client: str) -> Iterator[Wish]:
    for n in range(ABORTED):
        yield Wish(
            f"{platform.run} aborted {client} {n}",
            platform.handsets[client],
            platform.senders[0],
            "aborted",
            key=f"{platform.run}-aborted-{client}-{n}",
        )
