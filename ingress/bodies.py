"""Reads a request's body: bounded, straight from JSON into the model; its sentences name the field."""

import contextlib
import re
from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request

from ingress.codes import Code
from ingress.problems import Problem
from schemas.requests import HEADER_KEY, MAX_KEY, SendRequest

_HEADER_KEY: Final = re.compile(HEADER_KEY.replace("$", r"\Z"))
_ESCAPED: Final = re.compile(r'\\(["\\])')


async def read(request: Request, limit: int) -> bytes | Problem:
    """The whole body, or the problem that it is longer than `limit` bytes.

    Raises:
        ClientDisconnect: the caller has gone.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        return _too_large(limit)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            return _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def parse(body: bytes, header_keys: Sequence[str], model: type[SendRequest]) -> SendRequest | Problem:
    """The request in `body`, with the key of the `Idempotency-Key` headers, which goes over the field's.

    `model` is what the route takes.
    """
    try:
        request: SendRequest = model.__pydantic_validator__.validate_json(body)
    except ValidationError as error:
        return _problem(error.errors(include_input=False, include_url=False)[0])
    if not header_keys:
        return request
    keys = {unquoted(value) for value in header_keys}
    if len(keys) > 1:
        # Whoever stands between us might take the other one.
        return Problem(Code.INVALID_IDEMPOTENCY_KEY, "Invalid Idempotency-Key: several are given")
    key = keys.pop()
    if not 0 < len(key) <= MAX_KEY or not all(_HEADER_KEY.match(value) for value in header_keys):
        return Problem(
            Code.INVALID_IDEMPOTENCY_KEY, f"Invalid Idempotency-Key: 1 to {MAX_KEY} characters are taken"
        )
    return request.model_copy(update={"idempotency_key": key})


def unquoted(value: str) -> str:
    """The key in an `Idempotency-Key` header: `"abc"` (a string of RFC 8941) and `abc` are the same.

    Frameworks hand headers over as Latin-1; a key that is UTF-8 underneath is read as such, so that it
    equals the same key in the field.
    """
    with contextlib.suppress(UnicodeError):
        value = value.encode("latin-1").decode()
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return _ESCAPED.sub(r"\1", value[1:-1])
    return value


def _too_large(limit: int) -> Problem:
    # What still comes is read and dropped by uvicorn. To close the connection here instead would reach a
    # caller who is still sending as a broken connection, not as this answer.
    return Problem(Code.BODY_TOO_LARGE, f"Request body exceeds {limit} bytes")


def _problem(error: ErrorDetails) -> Problem:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "json_invalid":
        return Problem(
            Code.MALFORMED_JSON,
            f"Request body is not valid JSON: {error['msg'].removeprefix('Invalid JSON: ')}",
        )
    if not where:
        return Problem(Code.MALFORMED_JSON, "Request body must be a JSON object")
    if error["type"] == "missing":
        return Problem(Code.MISSING_FIELD, f"Missing required field: {where}")
    return Problem(Code.INVALID_FIELD, f"Invalid {where}: {error['msg']}")
