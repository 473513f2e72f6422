"""The simulator's own log: every text that a provider accepted, and every text that handsets wrote."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.local.stack import Stack


@dataclass(frozen=True)
class Sent:
    """A text that a provider accepted."""

    at: float
    sender: str
    to: str
    text: str
    endings: frozenset[str]
    """The states that it may end in, by the provider's last word."""


@dataclass(frozen=True)
class Written:
    """A text from a handset to one of our numbers."""

    at: float
    handset: str
    to: str
    text: str
    answered_by_us: bool
    """False where the provider answers STOP, START and HELP by itself."""


@dataclass(frozen=True)
class Log:
    """All of both, oldest first."""

    sent: tuple[Sent, ...]
    written: tuple[Written, ...]

    def of(self, handsets: Collection[str]) -> "Log":
        """What these handsets sent and got."""
        return Log(
            tuple(one for one in self.sent if one.to in handsets),
            tuple(one for one in self.written if one.handset in handsets),
        )


def path(stack: Stack) -> Path:
    """Where a stack's simulator keeps it."""
    return stack.home / "simulator" / "messages.jsonl"


def read(lines: Iterable[str]) -> Log:
    """The log of a simulator's state file (docs/simulator.md)."""
    sent: list[Sent] = []
    written: list[Written] = []
    for line in lines:
        message = json.loads(line).get("message")
        if message is None:  # that a receipt was told
            continue
        draft = message["draft"]
        if draft.get("inbound"):
            ours = draft["provider"] == "vonage"
            written.append(Written(message["at"], draft["sender"], draft["to"], draft["text"], ours))
        else:
            sent.append(Sent(message["at"], draft["sender"], draft["to"], draft["text"], _endings(message)))
    return Log(tuple(sent), tuple(written))


def _endings(message: dict[str, Any]) -> frozenset[str]:
    if not message["reaches_handset"]:
        return frozenset({"undelivered", "failed"})
    words = {receipt["status"] for receipt in message["receipts"]}
    return frozenset({"delivered"} if "delivered" in words else {"sent"})
