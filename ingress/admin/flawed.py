"""What is wrong with fields, as callers are told: 422 and 403 with `errors`, one for each field."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from ingress.codes import Code
from ingress.problems import Problem


@dataclass(frozen=True)
class FieldError:
    """A field, with dots before its parts (empty: the body as a whole), and what is wrong with it."""

    field: str
    detail: str


def flawed(code: Code, errors: Sequence[FieldError]) -> Problem:
    """The answer that names all of `errors`, at least one."""
    first = errors[0]
    sentence = f"Field {first.field}: {first.detail}" if first.field else first.detail
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    told = [{"field": error.field, "detail": error.detail} for error in errors]
    return Problem(code, sentence[0].upper() + sentence[1:] + more, {"errors": told})


def invalid(error: ValidationError) -> Problem:
    """What does not validate. Values are not repeated: a secret may stand where its reference belongs."""
    found = error.errors(include_input=False, include_url=False)
    return flawed(
        Code.INVALID_ENTITY,
        [
            FieldError(
                ".".join(str(part) for part in one["loc"]),
                one["msg"].removeprefix("Value error, ") + _hint(str(one.get("ctx", {}).get("pattern", ""))),
            )
            for one in found
        ],
    )


def _hint(pattern: str) -> str:
    return " (a reference to the secret: env:NAME or file:PATH)" if "(env|file)" in pattern else ""
