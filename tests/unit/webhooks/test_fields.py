"""What strangers wrote, read without ever raising."""

import pytest

from webhooks.providers.fields import json_object, text


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000])
def test_what_is_no_json_object_is_none(body: bytes) -> None:
    assert json_object(body) is None


@pytest.mark.parametrize(
    ("value", "found"), [("x", "x"), (7, "7"), (True, ""), (None, ""), ("cut \ud83d", "cut ?")]
)
def test_words(value: object, found: str) -> None:
    assert text(value) == found
