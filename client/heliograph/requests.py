"""What is asked of the platform: the same fields over REST and on a request topic."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Required, TypedDict
from uuid import UUID

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_MAX_TEXT: Final = 1600
_MAX_WORD: Final = 256
_MAX_MEDIA: Final = 10
_MAX_VALID_FOR: Final = 48 * 3600


class Content(TypedDict, total=False):
    """What every message may have. None is the same as leaving it out.

    - `to_phone_number`: the recipient, +E.164.
    - `message`: the text, 1 to 1600 characters.
    - `media_urls`: pictures and files, at most 10 public http(s) URLs.
    - `idempotency_key`: one key and content is one message, for at least 24 hours; 1 to 256 characters.
    - `reference`: yours, carried to every status record; at most 256 characters.
    - `send_at`: not before this moment, with its offset, at most 48 hours ahead.
    - `valid_for`: seconds within which it must be handed over, else it fails as `expired`; at most 48 hours.
    """

    to_phone_number: Required[str]
    message: Required[str]
    media_urls: Sequence[str] | None
    idempotency_key: str | None
    reference: str | None
    send_at: datetime | None
    valid_for: int | None


class FromNumber(Content, total=False):
    """A message that names its sender, `from_phone_number`: a number that one of your assistants owns.

    `queue=False` goes before everything queued, and is answered with the provider's outcome.
    """

    from_phone_number: Required[str]
    queue: bool


class ThroughUseCase(Content, total=False):
    """A message through a use case: the platform chooses one of its numbers."""

    use_case_id: Required[str | UUID]


class Either(Content, total=False):
    """A message with `from_phone_number` or with `use_case_id`."""

    from_phone_number: str | None
    use_case_id: str | UUID | None
    queue: bool


class OnTopic(Either, total=False):
    """A message on a request topic. `organization`: on whose behalf, where producers may say that."""

    organization: str | None


def encoded(fields: Mapping[str, Any]) -> bytes:
    """The fields as JSON: moments in UTC, None left out.

    Raises:
        ValueError: a moment has no offset.
    """
    said = {name: _plain(name, value) for name, value in fields.items() if value is not None}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def check(fields: Mapping[str, Any]) -> None:
    """What no platform would accept, found before it is produced: on a topic nobody answers.

    REST requests are not checked here, for there the platform itself says what is wrong.

    Raises:
        ValueError: says which field and why; the value is not repeated.
    """
    for wrong, why in _flaws({name: value for name, value in fields.items() if value is not None}):
        if wrong:
            raise ValueError(why)


def _flaws(said: Mapping[str, Any]) -> list[tuple[bool, str]]:
    text, media = said.get("message", ""), said.get("media_urls", ())
    key, reference = said.get("idempotency_key", "-"), said.get("reference", "")
    return [
        (
            ("from_phone_number" in said) == ("use_case_id" in said),
            "one of from_phone_number and use_case_id is asked for, and not both",
        ),
        (
            not _E164.fullmatch(said.get("from_phone_number", "+10000000")),
            "from_phone_number is no +E.164 number",
        ),
        (not _E164.fullmatch(said.get("to_phone_number", "")), "to_phone_number is no +E.164 number"),
        (not text.strip() or "\0" in text, "message is blank, or holds the character NUL"),
        (len(text) > _MAX_TEXT, f"message has more than {_MAX_TEXT} characters"),
        (isinstance(media, str), "media_urls is a list of URLs"),
        (len(media) > _MAX_MEDIA, f"media_urls has more than {_MAX_MEDIA}"),
        (not key.strip() or len(key) > _MAX_WORD, f"idempotency_key has not 1 to {_MAX_WORD} characters"),
        (len(reference) > _MAX_WORD, f"reference has more than {_MAX_WORD} characters"),
        (
            not 1 <= said.get("valid_for", 1) <= _MAX_VALID_FOR,
            f"valid_for is not within 1 to {_MAX_VALID_FOR} seconds",
        ),
    ]


def _plain(name: str, value: object) -> object:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{name} has no offset: give it a time zone")
        return value.astimezone(UTC).isoformat()
    if isinstance(value, UUID):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
