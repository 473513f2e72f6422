"""The operations on opt-outs."""

from typing import Any, Final

from pydantic.json_schema import models_json_schema

from ingress.admin.asked import LONGEST_PAGE, PAGE
from ingress.codes import Code
from ingress.entered import OptOutBody
from ingress.openapi import errors
from ingress.openapi.errors import KEYED
from ingress.openapi.parts import FRESH, about, shows
from ingress.openapi.shapes import REF, untitled
from schemas.directory import E164_PATTERN

_TAG: Final = "Opt-outs"
_NUMBER: Final = "+14155550123"
_USE_CASE: Final = "0b6e5e0e-9a55-4be4-a4c1-3a1f53f3c2f7"
_OUT: Final = {
    "number": _NUMBER,
    "use_case_id": _USE_CASE,
    "sender": None,
    "consent": "out",
    "source": "text",
    "at": "2026-04-30T10:15:00Z",
    "note": "stop",
}
_ENTERED: Final = {**_OUT, "use_case_id": None, "source": "api", "note": "by letter"}
_BACK: Final = {**_ENTERED, "consent": "in", "note": ""}
_ASKED: Final = {"type": "string", "pattern": E164_PATTERN}


def paths() -> dict[str, Any]:
    """The path of opt-outs."""
    return {"/v1/optouts": {"get": _list(), "post": _out(), "delete": _in()}}


def components() -> dict[str, Any]:
    """The schemas that the operations here refer to."""
    _, schema = models_json_schema([(OptOutBody, "validation")], ref_template=REF)
    said = {
        "number": _ASKED,
        "use_case_id": {
            "type": ["string", "null"],
            "format": "uuid",
            "description": "null: all that is sent, or all from `sender`.",
        },
        "sender": {
            "type": ["string", "null"],
            "pattern": E164_PATTERN,
            "description": "A number of yours: all that comes from it, whatever use case has it.",
        },
        "consent": {"type": "string", "enum": ["out", "in"]},
        "source": {"type": "string", "enum": ["text", "provider", "api"]},
        "at": {"type": "string", "format": "date-time"},
        "note": {"type": "string", "description": "The word, the provider's code, or what was noted."},
    }
    wish = {
        "type": "object",
        "description": "The latest wish of a handset about a use case, a number, or the organization.",
        "properties": said,
        "required": list(said),
    }
    page = {
        "type": "object",
        "description": "A page of wishes, by number.",
        "properties": {
            "items": {"type": "array", "items": {"$ref": REF.format(model="OptOut")}},
            "next_cursor": {"type": ["string", "null"], "description": "null: there are no more."},
        },
        "required": ["items", "next_cursor"],
    }
    named = {name: untitled(one) for name, one in schema["$defs"].items()}
    return named | {"OptOut": wish, "OptOutPage": page}


def _list() -> dict[str, Any]:
    shown = {"page": {"items": [_OUT], "next_cursor": f"{_NUMBER} acme/{_USE_CASE}"}}
    parameters = [
        _query("number", _ASKED, "Only of this handset: all that it has ever wanted.", _NUMBER),
        _query(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE, "default": PAGE},
            "At most so many.",
            50,
        ),
        _query("cursor", {"type": "string"}, "As `next_cursor` of the page before.", f"{_NUMBER} acme"),
    ]
    return {
        **about("optouts", "What recipients want", _TAG),
        "parameters": parameters,
        "responses": {
            "200": {**shows("By number.", "OptOutPage", shown), "headers": FRESH},
            **_errors(Code.INVALID_ENTITY, Code.INVALID_FIELD, Code.LEDGER_UNAVAILABLE),
        },
    }


def _out() -> dict[str, Any]:
    body = {"schema": {"$ref": REF.format(model="OptOutBody")}, "examples": {"one": {"value": _WANTED}}}
    return {
        **about("opt_out", "Opt a recipient out", _TAG),
        "description": "From the answer on nothing is handed over to that number, also of what waits.",
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "201": {**shows("They are out.", "OptOut", {"one": _ENTERED}), "headers": FRESH},
            **_errors(
                Code.MALFORMED_JSON, Code.BODY_TOO_LARGE, Code.INVALID_ENTITY, Code.USE_CASE_NOT_FOUND,
                Code.BROKER_UNAVAILABLE,
            ),
        },
    }  # fmt: skip


_WANTED: Final = {"number": _NUMBER, "note": "by letter"}


def _in() -> dict[str, Any]:
    parameters = [
        {**_query("number", _ASKED, "The handset.", _NUMBER), "required": True},
        _query("use_case_id", {"type": "string", "format": "uuid"}, "As in the opt-out.", _USE_CASE),
        _query("note", {"type": "string", "maxLength": 200}, "How you came to know.", "by phone"),
    ]
    return {
        **about("opt_in", "Take an opt-out back", _TAG),
        "description": "A provider's own list is not touched.",
        "parameters": parameters,
        "responses": {
            "200": {**shows("They are in again.", "OptOut", {"one": _BACK}), "headers": FRESH},
            **_errors(Code.INVALID_ENTITY, Code.USE_CASE_NOT_FOUND, Code.BROKER_UNAVAILABLE),
        },
    }


def _query(name: str, schema: dict[str, Any], description: str, example: object) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description, "example": example}


def _errors(*codes: Code) -> dict[str, Any]:
    return errors.responses(tuple(dict.fromkeys((*codes, *KEYED))))
