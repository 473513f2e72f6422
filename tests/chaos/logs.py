"""The four logs that a run is judged by, and nothing else: what the world outside saw.

What clients were told; what the handsets got; what the status topic said; what the API says at the end. Each
is a list of plain values that can be written as JSON lines and read again, so a run can be judged anew.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Final


class What(StrEnum):
    """What a client was told."""

    #: REST: `queued`. It is taken.
    QUEUED = "queued"
    #: REST, `queue: false`: the provider has it.
    SENT = "sent"
    #: REST, `queue: false`: it failed; `detail` is the code.
    FAILED = "failed"
    #: REST: its key was used for other content.
    CONFLICT = "conflict"
    #: REST: refused with `detail`, which nothing in a plan deserves.
    REFUSED = "refused"
    #: Kafka: the broker has the record.
    PRODUCED = "produced"
    #: Nothing, or that nobody knows, and the client cannot or did not try again: it may be taken, once.
    UNSURE = "unsure"
    #: DELETE: it was not sent and never will be.
    CANCELLED = "cancelled"
    #: DELETE: too late; `detail` is the state that it was in.
    ALREADY = "already"
    #: DELETE: not confirmed to the end.
    CANCEL_UNSURE = "cancel_unsure"


#: After these a message must come to an end that its owner can see.
TAKEN: Final = frozenset({What.QUEUED, What.SENT, What.FAILED, What.PRODUCED})


@dataclass(frozen=True)
class Told:
    """One answer to a client about the planned message `number`. `at` is in epoch seconds."""

    at: float
    number: int
    what: What
    message_id: str | None = None
    detail: str = ""


@dataclass(frozen=True)
class Text:
    """A text on a handset. `at` is in epoch seconds."""

    at: float
    sender: str
    to: str
    text: str

    @classmethod
    def shown(cls, text: Mapping[str, Any]) -> "Text":
        """One of `GET {simulator}/handsets`."""
        at = datetime.fromisoformat(text["at"]).timestamp()
        return cls(at, text["from"], text["to"], text["text"])


@dataclass(frozen=True)
class Transition:
    """A record of the status topic: its value as it came, so that repeats can be compared to the letter."""

    raw: str

    @cached_property
    def record(self) -> dict[str, Any]:
        """Its members."""
        found: dict[str, Any] = json.loads(self.raw)
        return found

    @property
    def message_id(self) -> str:
        """Whose transition it is."""
        return str(self.record["message_id"])

    @property
    def sequence(self) -> int:
        """Its place in the message's history."""
        return int(self.record["sequence"])

    @property
    def status(self) -> str:
        """The state that the message came into."""
        return str(self.record["status"])

    @property
    def failure(self) -> str:
        """The failure's code, or nothing."""
        return str((self.record.get("failure") or {}).get("code", ""))


@dataclass(frozen=True)
class Said:
    """What `GET /sms/{message_id}` answered at the end."""

    message_id: str
    #: Of HTTP.
    code: int
    body: Mapping[str, Any]


@dataclass
class Logs:
    """All of it. `dead` are the values of the dead-letter topics: records that somebody could not read."""

    told: list[Told] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    status: list[Transition] = field(default_factory=list)
    api: list[Said] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """As JSON lines, a file for each log."""
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "told.jsonl", [asdict(told) for told in self.told])
        _write(folder / "texts.jsonl", [asdict(text) for text in self.texts])
        _write(folder / "api.jsonl", [asdict(said) for said in self.api])
        _write(folder / "dead.jsonl", self.dead)
        (folder / "status.jsonl").write_text("".join(one.raw + "\n" for one in self.status))

    @classmethod
    def read(cls, folder: Path) -> "Logs":
        """What `write` wrote."""
        return cls(
            told=[Told(**{**one, "what": What(one["what"])}) for one in _read(folder / "told.jsonl")],
            texts=[Text(**one) for one in _read(folder / "texts.jsonl")],
            status=[Transition(line) for line in _lines(folder / "status.jsonl")],
            api=[Said(**one) for one in _read(folder / "api.jsonl")],
            dead=_read(folder / "dead.jsonl"),
        )


def _write(path: Path, values: Iterable[object]) -> None:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))


def _read(path: Path) -> list[Any]:
    return [json.loads(line) for line in _lines(path)]


def _lines(path: Path) -> Sequence[str]:
    return path.read_text().split("\n")[:-1]
