"""What a callback is before and after it has been read: values that all three providers share."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from schemas.facts import ReceiptStatus
from schemas.provider import Fault
from schemas.public import Media


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """One request as it came in."""

    method: str
    #: As the provider called and signed it: our public base, then raw path and query.
    url: str
    query: Mapping[str, str]
    #: Looked up by names in lower case.
    headers: Mapping[str, str]
    body: bytes


class Verdict(Enum):
    """What its signature says."""

    GENUINE = auto()
    #: No signature at all.
    UNSIGNED = auto()
    #: A wrong one, one by another key, or one that is too old.
    FORGED = auto()


@dataclass(frozen=True, kw_only=True)
class Report:
    """A status that moves a message."""

    provider_message_id: str
    status: ReceiptStatus
    #: When it happened, by the provider's clock, in milliseconds; None where it does not say.
    at: int | None = None
    code: str | None = None
    fault: Fault | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Idle:
    """A status that moves nothing, such as `queued`."""

    status: str


@dataclass(frozen=True)
class Strange:
    """A status that we do not know."""

    status: str


@dataclass(frozen=True, kw_only=True)
class Inbound:
    """A text that somebody sent to one of our numbers."""

    provider_message_id: str
    #: +E.164 where it is a number, else as the provider wrote it.
    from_number: str
    #: To whom it went: our number, and in a group message others as well. At least one.
    to_numbers: tuple[str, ...]
    #: As it was sent; empty for a picture alone.
    text: str
    media: tuple[Media, ...] = ()
    #: As the provider counts them; None where it does not say.
    segments: int | None = None
    #: When it was sent, by the provider's clock, in milliseconds; None where it does not say.
    at: int | None = None


@dataclass(frozen=True)
class Unreadable:
    """Genuine, but not what the provider documents."""

    why: str


Word = Report | Idle | Strange | Inbound | Unreadable
