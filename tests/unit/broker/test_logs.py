"""A line of a log is the same for people and for machines."""

import io
import json
import logging
import sys
from typing import Any

import pytest

from broker import logs


def line(template: str, *args: object, error: bool = False) -> dict[str, Any]:
    info = sys.exc_info() if error else None
    record = logging.LogRecord("dispatchers", logging.WARNING, "f.py", 1, template, args, info)
    text = logs.Lines().format(record)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_fields_are_those_of_the_template_with_their_types() -> None:
    found = line("views.reread partition=%d share=%.2f whole=%s: %s", 3, 0.256, True, "done")
    del found["at"]
    assert found == {
        "level": "warning",
        "logger": "dispatchers",
        "event": "views.reread",
        "partition": 3,
        "share": 0.256,
        "whole": True,
        "text": "views.reread partition=3 share=0.26 whole=True: done",
    }


def test_a_sentence_is_no_event_and_a_percent_sign_no_field() -> None:
    found = line("%d of %s are at 100%% of pace=%s.", 3, "them", "number:1")
    assert "event" not in found
    assert (found["pace"], found["text"]) == ("number:1", "3 of them are at 100% of pace=number:1.")


def test_a_value_of_any_kind_is_written_on_one_line() -> None:
    found = line("producer.died error=%r name=%s", ValueError("a\nb"), object)
    assert (found["text"], found["name"]) == (
        "producer.died error=ValueError('a\\nb') name=<class 'object'>",
        "<class 'object'>",
    )


def test_a_traceback_is_a_field() -> None:
    try:
        int("x")
    except ValueError:
        found = line("engine.failed", error=True)
    assert found["error"].endswith("invalid literal for int() with base 10: 'x'")


@pytest.mark.parametrize(
    ("form", "terminal", "as_json"),
    [("auto", True, False), ("auto", False, True), ("text", False, False), ("json", True, True)],
)
def test_who_sits_at_a_terminal_reads_text(
    form: logs.Form, terminal: bool, as_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, stream = logging.getLogger(), io.StringIO()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    before = root.level
    try:
        logs.set_up("INFO", form, stream)
        logging.getLogger("x").info("views.stopped")
    finally:
        root.setLevel(before)
    assert stream.getvalue().startswith("{") is as_json
