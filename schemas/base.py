"""The ground that every record stands on: frozen models, epoch milliseconds, bytes in and out."""

from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

#: The last moment that a record may name: the end of the year 9998. Calendars end with 9999 (RFC 3339,
#: Python); a year is left for whatever is added to a moment.
LAST_MILLIS: Final = 253_370_764_800_000 - 1
#: A moment in milliseconds since the Unix epoch, UTC: what Kafka and Redis count in.
Millis = Annotated[int, Field(ge=0, le=LAST_MILLIS)]
#: What people write to each other, and the addresses of what they attach: no repr shows it, and so no log and
#: no traceback does.
Body = Annotated[str, Field(repr=False)]
Attached = Annotated[tuple[str, ...], Field(repr=False)]


class DecodeError(ValueError):
    """A record's bytes cannot be read as the model that they should be; it belongs in a dead-letter topic."""


class Record(BaseModel):
    """A versioned value on a topic: JSON, frozen, unknown fields ignored.

    Each subclass has a `type` such as `"dispatch.v1"`. A new version is a new class.
    """

    # Pydantic's complaints show what was given: it may be somebody's text.
    model_config = ConfigDict(
        frozen=True, extra="ignore", ser_json_timedelta="float", hide_input_in_errors=True
    )

    def encode(self) -> bytes:
        """The record as UTF-8 JSON; what equals a field's default of None is left out."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)

    @classmethod
    def decode(cls, value: bytes | None) -> Self:
        """The record in `value`.

        Raises:
            DecodeError: it is null, not UTF-8 JSON, of another type or version, or misses a field.
        """
        record: Self = decode_with(cls.__pydantic_validator__, value)
        return record


def decode_with(validator: Any, value: bytes | None) -> Any:
    """What `validator` (a pydantic-core validator) reads in `value`.

    Raises:
        DecodeError: as `Record.decode`; the sentence names the field and never quotes the value.
    """
    if value is None:
        raise DecodeError("the record has no value")
    try:
        return validator.validate_json(value)
    except ValidationError as e:
        first = e.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the record"
        raise DecodeError(f"{where}: {_complaint(first)}") from None


def _complaint(error: ErrorDetails) -> str:
    if error["type"] == "union_tag_invalid":
        # Pydantic's own sentence quotes what it was given.
        return f"its type is none of {error['ctx']['expected_tags']}"
    return error["msg"]
