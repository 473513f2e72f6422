"""What a callback is before and after it has been read: values that all three providers share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from typing import Final
from urllib.parse import parse_qs

from schemas.facts import ReceiptStatus
from schemas.provider import Fault
from schemas.public import Keyword, Media

#: Fields of a form, or parameters of a URL. The longest of Twilio's documented callbacks, a text with ten
#: pictures, has about 50; a stranger's must not keep us busy.
MOST_FIELDS: Final = 300
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """One request as it came in."""

    method: str
    #: As the provider called and signed it: our public base, then raw path and query.
    url: str = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    #: Looked up by names in lower case.
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def is_form(self) -> bool:
        """Whether its sender calls it a form."""
        return self.headers.get("content-type", "").startswith(_FORM)

    @cached_property
    def fields(self) -> Mapping[str, Sequence[str]]:
        """A form's fields, empty ones too, each with all its values; read once.

        None of what is no form, or has more than `MOST_FIELDS`.
        """
        if not self.is_form:
            return {}
        try:
            return parse_qs(
                self.body.decode(errors="replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
            )
        except ValueError:
            return {}


class Refusal(Enum):
    """Why no key at all can have made a request as it is."""

    #: No signature.
    UNSIGNED = auto()
    #: One that is none, or is too old, or is of something else.
    FORGED = auto()


#: Whether that key made the signature. Raises ValueError: it is no such key.
Check = Callable[[str], bool]


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
    text: str = field(repr=False)
    media: tuple[Media, ...] = ()
    #: As the provider counts them; None where it does not say.
    segments: int | None = None
    #: When it was sent, by the provider's clock, in milliseconds; None where it does not say.
    at: int | None = None
    #: What the provider took it for, and has answered by itself; None where it does not say.
    keyword: Keyword | None = None


@dataclass(frozen=True)
class Unreadable:
    """Genuine, but not what the provider documents."""

    why: str


@dataclass(frozen=True)
class Ends:
    """Between whom a message went, as a receipt names them; "" where it does not."""

    sender: str
    handset: str


Word = Report | Idle | Strange | Inbound | Unreadable
