"""What operators see of dead letters: nothing that people wrote, and nothing that moves a cursor."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.letters import parsed
from cli.dlq import show
from cli.dlq.handled import Handled
from tests.unit.cli.dlq.letters import NOW, letter

SECRET = "your code is 4711"


@pytest.mark.parametrize(
    "value",
    [
        json.dumps({"message": SECRET, "media_urls": [SECRET]}).encode(),
        json.dumps({"task": {"text": SECRET, "media": [SECRET]}}).encode(),
        json.dumps({"type": "receipt.v1", "raw": SECRET}).encode(),
        json.dumps({"message": {"deep": SECRET}}).encode(),
        json.dumps({"message": SECRET}).encode()[:-1],
        SECRET.encode(),
        json.dumps(SECRET).encode(),
        b"\x00\xff" + SECRET.encode(),
        b'{"a":' * 700 + json.dumps(SECRET).encode() + b"}" * 700,
    ],
    ids=range(9),
)
def test_what_people_wrote_is_masked_unless_revealed(value: bytes) -> None:
    found = letter(value)
    assert "4711" not in show.whole(found, Handled(), NOW, reveal=False)
    assert "4711" not in json.dumps(show.members(found, Handled(), reveal=False))
    if len(value) < 1000:
        assert SECRET in show.whole(found, Handled(), NOW, reveal=True)


@given(
    st.binary() | st.none(),
    st.binary(),
    st.text(),
    st.lists(st.tuples(st.text(), st.binary() | st.none())),
    st.booleans(),
)
def test_nothing_that_strangers_write_reaches_the_terminal_as_it_is(
    value: bytes | None,
    key: bytes,
    reason: str,
    headers: list[tuple[str, bytes | None]],
    reveal: bool,
) -> None:
    reason = reason.encode(errors="replace").decode()
    found = letter(value, key=key, reason=reason, headers=headers)
    shown = show.whole(found, Handled(), NOW, reveal=reveal) + show.line(found, Handled(), NOW)
    assert all(one.isprintable() or one == "\n" for one in shown)
    json.dumps(show.members(found, Handled(), reveal=reveal)).encode("ascii")


@given(st.binary())
def test_json_is_taken_apart_or_not_and_nothing_else_happens(value: bytes) -> None:
    parsed(value)


def test_numbers_make_no_other_reason() -> None:
    assert show.cause("line 1 column 33") == show.cause("line 2 column 4")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "5 s"), (125, "2 min 5 s"), (7260, "2 h 1 min"), (273_600, "3 d 4 h"), (-5, "0 s")],
)
def test_ages(seconds: int, said: str) -> None:
    assert show.ago(NOW - seconds * 1000, NOW) == said
