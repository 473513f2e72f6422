"""What strangers wrote, read without ever raising."""

import pytest

from webhooks.providers.fields import json_object, millis, text


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000])
def test_what_is_no_json_object_is_none(body: bytes) -> None:
    assert json_object(body) is None


@pytest.mark.parametrize(
    ("value", "found"), [("x", "x"), (7, "7"), (True, ""), (None, ""), ("cut \ud83d", "cut ?")]
)
def test_words(value: object, found: str) -> None:
    assert text(value) == found


def test_times_are_within_what_can_be_written() -> None:
    assert millis("9998-12-31T23:59:59Z") == 253_370_764_799_000
    assert millis("9999-12-31T23:59:59-23:59") is None
    assert millis("0001-01-01T00:00:00Z") is None
