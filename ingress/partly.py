"""What is still known of a request of which some fields cannot be taken: enough to tell its producer."""

from typing import Any, Final, NamedTuple, Self

from pydantic import ValidationError, model_validator
from pydantic_core import ErrorDetails, from_json, to_json

from ingress.checks import Malformed
from ingress.codes import Code
from schemas import ids
from schemas.base import DecodeError
from schemas.requests import SendRequest

_TYPE: Final = "type"
_ORGANIZATION: Final = "organization"
#: As in the fingerprint of a whole request, these are not content.
_NO_CONTENT: Final = {"idempotency_key", "reference"}


class Partly(NamedTuple):
    """A request of which some fields cannot be taken."""

    #: The fields that are as they must be; the others are empty, or at their defaults.
    request: SendRequest
    #: What is wrong with the first of the others.
    flaw: Malformed
    #: Of its fields as they came, the bad ones too. No request that is whole has the same one.
    fingerprint: str


class _Fragment(SendRequest):
    """A request without what is wrong with it."""

    to_phone_number: str = ""
    message: str = ""

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        return self


def read_partly(value: bytes, error: ValidationError, *, named: bool) -> Partly:
    """What can be read of `value`.

    Args:
        value: what came.
        error: why it is no `SendRequest`.
        named: whether the record itself says on whose behalf it is.

    Raises:
        DecodeError: there is nobody to tell, or nothing to tell of: it is no JSON object, it is of a type or
            version that we do not know, or what it says of its organization cannot be read.
    """
    errors = error.errors(include_input=False, include_url=False)
    bad = {str(one["loc"][0]) for one in errors if one["loc"]}
    whole = not bad and errors[0]["type"] != "names_one"
    if whole or _TYPE in bad or (named and _ORGANIZATION in bad):
        raise DecodeError(_sentence(errors[0]))
    came: dict[str, Any] = from_json(value)
    fields = {name: came[name] for name in SendRequest.model_fields if name in came}
    good = to_json({name: value for name, value in fields.items() if name not in bad})
    content = to_json({name: value for name, value in fields.items() if name not in _NO_CONTENT})
    return Partly(
        _Fragment.model_validate_json(good), _flaw(errors[0]), "partly1:" + ids.digest(content.decode())
    )


def _flaw(error: ErrorDetails) -> Malformed:
    """In the words of the REST door."""
    where = ".".join(str(part) for part in error["loc"])
    if not where:
        return Malformed(Code.INVALID_FIELD, f"Invalid request: {error['msg']}")
    if error["type"] == "missing":
        return Malformed(Code.MISSING_FIELD, f"Missing required field: {where}")
    return Malformed(Code.INVALID_FIELD, f"Invalid {where}: {error['msg']}")


def _sentence(error: ErrorDetails) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "the record"
    return f"{where}: {error['msg']}"
