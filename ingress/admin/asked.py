"""What is asked for: bodies, versions, pages. Everything that is wrong with them is a `Problem`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from ingress.admin.flawed import FieldError, flawed, invalid
from ingress.codes import Code
from ingress.problems import Problem
from schemas.directory import AnyEntity

#: Entities on a page, unless asked for otherwise, and at most.
PAGE: Final = 100
LONGEST_PAGE: Final = 1000
#: As `ETag` has it; many clients leave the quotes out.
_TAG: Final = re.compile(r'(?:W/)?"?([0-9]{1,18})"?')
#: What an answer says beside an entity's own fields; a body that is such an answer may keep it.
_SAID: Final = ("version", "updated_at")
_M = TypeVar("_M", bound=BaseModel)


def members(body: bytes) -> dict[str, Any] | Problem:
    """The JSON object in `body`."""
    try:
        # No NaN, no infinity, no half of a surrogate pair: what cannot be written down again.
        found = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        return Problem(Code.MALFORMED_JSON, f"Request body is not valid JSON: {error}")
    if not isinstance(found, dict):
        return Problem(Code.MALFORMED_JSON, "Request body must be a JSON object")
    return found


def model(of: type[_M], given: Mapping[str, Any]) -> _M | Problem:
    """`given` as `of`, with the types that JSON has: no number in quotes is taken for one."""
    try:
        return of.model_validate_json(to_json(given), strict=True)
    except ValidationError as error:
        return invalid(error)


def entity(
    kind: type[AnyEntity], entity_id: str, organization: str, given: Mapping[str, Any]
) -> AnyEntity | Problem:
    """The entity with the fields `given`, at the place that the path says."""
    place = {"kind": kind.model_fields["kind"].default, "id": entity_id, "organization": organization}
    wrong = [
        FieldError(name, f"it is {said}, as the path says; leave it out")
        for name, said in place.items()
        if name in given and given[name] != said
    ]
    if wrong:
        return flawed(Code.INVALID_ENTITY, wrong)
    return model(kind, {name: value for name, value in given.items() if name not in _SAID} | place)


@dataclass(frozen=True)
class Expected:
    """What the caller knows of the entity: `version` (None: says nothing), or that there is none."""

    version: int | None = None
    absent: bool = False
    present: bool = False


def expected(if_match: str | None, if_none_match: str | None, given: Mapping[str, Any]) -> Expected | Problem:
    """From the headers `If-Match` and `If-None-Match`, else from a `version` in the body."""
    if if_none_match is not None:
        known = if_none_match.strip() == "*"
        return Expected(absent=True) if known else _invalid("If-None-Match: only * is taken")
    if if_match is not None:
        return _matching(if_match.strip())
    version = given.get("version")
    if version is None or type(version) is int:
        return Expected(version)
    return flawed(Code.INVALID_ENTITY, [FieldError("version", "Input should be a valid integer")])


def _matching(given: str) -> Expected | Problem:
    if given == "*":
        return Expected(present=True)
    tag = _TAG.fullmatch(given)
    return Expected(int(tag[1])) if tag else _invalid('If-Match: one version is taken, as "7"')


@dataclass(frozen=True)
class Page:
    """What part of a list: those beyond `after`, `limit` at most."""

    after: str
    limit: int


def page(query: Mapping[str, str]) -> Page | Problem:
    """From `cursor` and `limit`."""
    limit = query.get("limit", str(PAGE))
    if not (limit.isascii() and limit.isdecimal()) or not 1 <= int(limit[:9]) <= LONGEST_PAGE:
        return _invalid(f"limit: 1 to {LONGEST_PAGE} are taken")
    return Page(query.get("cursor", ""), int(limit[:9]))


def _invalid(what: str) -> Problem:
    return Problem(Code.INVALID_FIELD, f"Invalid {what}")
