"""What the exchange asks of each provider's module."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias
from uuid import UUID, uuid5

from simulator.faults import Receipts
from simulator.messages import Draft, Message, Receipt
from simulator.messages import Provider as Name
from simulator.receipts import Status

_EVENTS: Final = UUID("6f6f3a60-0b43-4f3c-8f0f-3d6f9f0f5c11")
"""Namespace of the ids of callbacks."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a provider's API, read whole."""

    method: str
    path: str
    query: str
    params: Mapping[str, str]
    """The variable parts of the path."""
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the provider's."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """One attempt to tell a receipt: a POST, with its limits in seconds."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    connect_timeout: float
    read_timeout: float


Outcome: TypeAlias = int | Literal["unreachable", "unanswered"]
"""HTTP status of a callback's answer; or it could not connect; or connected and got none."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which attempt at which receipt: what a callback's content depends on."""

    message: Message
    place: int
    """The receipt's place in the message's history."""
    number: int
    """1 for the first attempt."""
    now: float
    copy: int = 0

    @property
    def event_id(self) -> str:
        """The same for every attempt and copy of this receipt, also after a restart."""
        return str(uuid5(_EVENTS, f"{self.message.id}/{self.place}"))

    @property
    def token(self) -> str:
        """The same for every attempt of this copy, also after a restart."""
        return str(uuid5(_EVENTS, f"{self.message.id}/{self.place}/{self.copy}"))

    @property
    def receipt(self) -> Receipt:
        """The receipt itself."""
        return self.message.receipts[self.place]

    @property
    def spoiled(self) -> bool:
        """Whether this attempt bears the scripted faulty signature or time."""
        limit = self.receipt.spoiled_attempts
        return limit is None or self.number <= limit


class Provider(Protocol):
    """A provider's wire format. Pure but for the caches of credentials."""

    @property
    def name(self) -> Name:
        """Which provider it is."""

    def authenticate(self, call: Call, now: float) -> str | Reply:
        """The id of the account whose credentials the request bears, or the refusal."""

    def read(self, account: str, call: Call) -> Draft | Reply:
        """What the request asks to be sent, or the provider's complaint about it."""

    def new_id(self, draft: Draft) -> str:
        """A fresh id in the provider's form."""

    def accepted(self, message: Message) -> Reply:
        """The answer to an accepted send; the same each time that it is asked for."""

    def failure(self, status: int | None, code: str | None, message: str | None) -> Reply:
        """An error in the provider's shape; what is None is chosen to go with the rest."""

    def statuses(self, draft: Draft, fault: Receipts | None) -> list[Status]:
        """The statuses that the message will go through."""

    def callback(self, attempt: Attempt) -> Callback | None:
        """The request that tells a receipt; None if the message names no place for it."""

    def pause(self, attempt: Attempt, outcome: Outcome, elapsed: float) -> float | None:
        """Seconds until the next attempt; None: it was told, or is given up.

        Args:
            attempt: the one that just ended.
            outcome: how it ended.
            elapsed: seconds since the first attempt began.
        """
