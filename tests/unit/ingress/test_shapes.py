"""The request's schema says what the door judges: it takes what fits, and refuses what does not (400)."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from ingress import bodies
from ingress.checks import malformed
from ingress.openapi import shapes
from ingress.problems import Problem
from schemas.requests import (
    HEADER_KEY,
    MAX_KEY,
    MAX_MEDIA,
    MAX_TEXT,
    MAX_VALID_FOR,
    ChannelBody,
    SendBody,
    SendRequest,
)

FITS = Draft202012Validator(shapes.send_request())
#: UUIDs are a format, which a validator need not look at.
FITS_CHANNEL = Draft202012Validator(shapes.channel_request(), format_checker=FormatChecker(["uuid"]))
HEADER = Draft202012Validator({"type": "string", "maxLength": MAX_KEY, "pattern": HEADER_KEY})
BODY: dict[str, Any] = {
    "from_phone_number": "+14155550123",
    "to_phone_number": "+12025550143",
    "message": "Hello",
}
#: 2026-04-30T10:15:00Z
NOW = 1_777_544_100_000
CHANNEL: dict[str, Any] = {
    "use_case_id": "5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10",
    "to_phone_number": "+12025550143",
    "message": "Hello",
}
SPACES = " \t\n\x1c\x85\xa0\u2003\u3000"

# Without the line feed: Python's `$` matches before one, JavaScript's, which JSON Schema means, does not.
numbers = st.from_regex(r"\+?[0-9]{0,17}", fullmatch=True) | st.text("+0159 x\u0661", max_size=16)
texts = (
    st.text(max_size=30)
    | st.text(SPACES + "\0a", max_size=5)
    | st.integers(MAX_TEXT - 1, MAX_TEXT + 1).map(lambda size: "\u00e9" * size)
)
keys = (
    st.text(max_size=10)
    | st.text(SPACES, max_size=3)
    | st.integers(MAX_KEY - 1, MAX_KEY + 1).map(lambda size: "k" * size)
)
urls = st.sampled_from(
    [
        "https://media.example.com/a.jpg",
        "http://a.example:8080/b?c=d",
        "ftp://example.com/a",
        "example.com/a",
        "",
        "http://",
    ]
)
#: Formats are the schema's, but not the days of each month, nor how far ahead a moment is.
moments = st.sampled_from(
    ["2026-05-01T09:00:00Z", "2026-05-01T09:00:00.123456+05:30", "2026-05-01T09:00:00", "2026-05-01",
     "1777626000", "2026-05-01 09:00:00Z", "", "soon"]
)  # fmt: skip
anything = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers())
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "from_phone_number": numbers | anything,
        "to_phone_number": numbers | anything,
        "message": texts | anything,
        "media_urls": st.none() | st.lists(urls | anything, max_size=MAX_MEDIA + 2) | anything,
        "queue": st.booleans() | anything,
        "idempotency_key": st.none() | keys | anything,
        "valid_for": st.none() | st.integers(-1, MAX_VALID_FOR + 1) | st.just(60.0) | anything,
        "reference": st.none() | keys | anything,
        "dry_run": st.booleans() | anything,
        "send_at": st.none() | moments | anything,
    },
)  # fmt: skip
changes = fields.flatmap(
    # Mostly one thing is wrong at a time, else one flaw would hide another.
    lambda found: st.sampled_from([{}, found, *({name: value} for name, value in found.items())])
)


def taken(body: dict[str, Any], model: type[SendRequest] = SendBody) -> bool:
    """Whether the door finds no fault with the request by itself."""
    found = bodies.parse(json.dumps(body).encode(), (), model)
    return not isinstance(found, Problem) and malformed(found, NOW) is None


@given(changes)
@example({"message": "\x1c"})
@example({"message": "\ufeff"})
@example({"message": "a\0"})
@example({"valid_for": True})
@example({"queue": 1})
@example({"media_urls": []})
@example({"idempotency_key": ""})
@example({"reference": ""})
def test_what_fits_the_schema_is_taken_and_nothing_else(found: dict[str, Any]) -> None:
    body = BODY | found
    assert FITS.is_valid(body) is taken(body)


def test_a_line_feed_is_no_part_of_a_moment() -> None:
    """The schema says so, too; Python's reading of its pattern does not, see above."""
    assert taken(BODY | {"send_at": "2026-05-01T09:00:00Z"})
    assert not taken(BODY | {"send_at": "2026-05-01T09:00:00Z\n"})


@given(changes, st.none() | st.uuids().map(str) | st.text("0123abcz-", max_size=36) | anything)
@example({}, "5D0F7A52-6f0e-4f0b-9a55-3f3a3f1f2a10")
@example({}, "urn:uuid:5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10")
@example({}, "5d0f7a526f0e4f0b9a553f3a3f1f2a10")
@example({}, "{5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10}")
def test_what_fits_the_schema_of_the_channel_is_taken_and_nothing_else(
    found: dict[str, Any], use_case_id: object
) -> None:
    others = {name: value for name, value in found.items() if name not in {"from_phone_number", "queue"}}
    for body in (CHANNEL | others, CHANNEL | {"use_case_id": use_case_id}):
        assert FITS_CHANNEL.is_valid(body) is taken(body, ChannelBody)


@pytest.mark.parametrize("extra", [{"from_phone_number": "+14155550123"}, {"queue": False}])
def test_the_channel_refuses_what_it_does_not_do(extra: dict[str, Any]) -> None:
    """These would change what is meant; other fields that it does not know are ignored."""
    assert taken(CHANNEL | {"colour": "red"}, ChannelBody)
    assert not taken(CHANNEL | extra, ChannelBody)


def test_a_send_from_a_number_is_through_no_use_case() -> None:
    assert not taken(BODY | {"use_case_id": CHANNEL["use_case_id"]})


@given(st.sampled_from(sorted(BODY)))
def test_what_is_required_is_required(name: str) -> None:
    body = {field: value for field, value in BODY.items() if field != name}
    assert not FITS.is_valid(body)
    assert not taken(body)


@given(
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=8).map(str.strip)
    | st.text('"\\ a\xa0\x85', max_size=6)
)
@example('""')
@example('" "')
@example("\xe3\x80\x80a")
def test_a_header_that_fits_is_a_key(header: str) -> None:
    if HEADER.is_valid(header):
        found = bodies.parse(json.dumps(BODY).encode(), [header], SendBody)
        assert not isinstance(found, Problem)
        assert malformed(found, NOW) is None
