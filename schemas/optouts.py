"""Opt-outs on `sms.optouts.v1`: who does not want to hear from whom (docs/optouts.md). Compacted by key."""

from enum import StrEnum
from typing import Literal

from schemas.base import Millis, Record


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
    #: The handset, +E.164.
    number: str
    consent: Consent
    source: Source
    at: Millis
    #: What it was: the word that they wrote, the provider's code, or a note of whoever entered it.
    note: str = ""

    @property
    def scope(self) -> str:
        """What it is about (`scope`)."""
        return scope(self.organization, self.use_case_id)

    @property
    def key(self) -> bytes:
        """The record's key: one for each scope and handset."""
        return f"{self.scope} {self.number}".encode()


def scope(organization: str, use_case_id: str | None = None) -> str:
    """The name of all that an opt-out is about: an organization, or one of its use cases."""
    return organization if use_case_id is None else f"{organization}/{use_case_id}"
