"""Opt-outs on `sms.optouts.v1`: who does not want to hear from whom (docs/optouts.md). Compacted by key."""

from enum import StrEnum
from typing import Final, Literal

from schemas.base import Millis, Record

#: Providers tell times in whole seconds.
CLOCK_MS: Final = 1000


class Consent(StrEnum):
    """What a person wants."""

    OUT = "out"
    IN = "in"


class Source(StrEnum):
    """How we came to know."""

    #: They wrote STOP or START to one of our numbers.
    TEXT = "text"
    #: A provider refused a message with its code for that.
    PROVIDER = "provider"
    #: Their wish came another way, and somebody entered it.
    API = "api"


class OptOut(Record):
    """The latest wish of a handset for one scope: a later record of the key replaces it."""

    type: Literal["optout.v1"] = "optout.v1"
    organization: str
    #: None: it is for everything that the organization sends.
    use_case_id: str | None = None
    #: The number of ours that they wrote to, where it is for what comes from that, whoever uses it.
    sender: str | None = None
    #: The handset, +E.164.
    number: str
    consent: Consent
    source: Source
    #: When we heard of it, by our clock.
    at: Millis
    #: When it was said, by the provider's clock: a text may come late. None: at `at`.
    said_at: Millis | None = None
    #: What it was: the word that they wrote, the provider's code, or a note of whoever entered it.
    note: str = ""

    @property
    def scope(self) -> str:
        """What it is about (`scope`)."""
        return scope(self.organization, self.use_case_id or self.sender)

    @property
    def said(self) -> Millis:
        """When it was said, as far as it is known."""
        return self.at if self.said_at is None else self.said_at

    @property
    def key(self) -> bytes:
        """The record's key: one for each scope and handset."""
        return f"{self.scope} {self.number}".encode()


def scope(organization: str, narrower: str | None = None) -> str:
    """The name of all that an opt-out is about: an organization, one of its use cases, a number (+E.164)."""
    return organization if narrower is None else f"{organization}/{narrower}"


def is_late(back: OptOut, out: OptOut) -> bool:
    """Whether the opt-in `back`, heard of after `out`, was said before it: it takes nothing back."""
    return back.said + CLOCK_MS <= out.said
