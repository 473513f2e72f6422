"""`helio cancel`: done, or how far it had got."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from cli.commands.trouble import Exit

Helio = Callable[..., Result]


def cancel(helio: Helio, door: Any, *more: str) -> Result:
    return helio("cancel", "id-1", "--url", door.url, "--api-key", "helio_test", *more)


def test_a_waiting_message_is_cancelled(door: Any, helio: Helio) -> None:
    door.states["id-1"] = ["queued", "sent"]
    result = cancel(helio, door)
    assert result.exit_code == Exit.DONE
    assert result.stdout == "id-1  cancelled  SMS cancelled successfully\n"


def test_an_answer_that_was_lost_is_asked_for_again(door: Any, helio: Helio) -> None:
    """It says `already`, and is what was wanted: a script must not take it for a failure."""
    door.states["id-1"] = ["queued"]
    troubles = iter([(503, "Try again")])
    door.trouble = lambda _: next(troubles, None)
    result = cancel(helio, door)
    assert result.exit_code == Exit.DONE
    assert "Message is already cancelled" in result.stdout


@pytest.mark.parametrize("state", ["sending", "sent", "delivered", "failed"])
def test_too_late_is_no(door: Any, helio: Helio, state: str) -> None:
    door.states["id-1"] = [state]
    result = cancel(helio, door)
    assert result.exit_code == Exit.NO
    assert f"Message is already {state}" in result.stdout


def test_an_unknown_message_is_no(door: Any, helio: Helio) -> None:
    result = cancel(helio, door)
    assert result.exit_code == Exit.NO
    assert "Message id-1 not found" in result.stderr


def test_json_is_the_answer_and_nothing_else(door: Any, helio: Helio) -> None:
    door.states["id-1"] = ["queued"]
    assert json.loads(cancel(helio, door, "--json").stdout)["success"] is True
    del door.states["id-1"]
    assert json.loads(cancel(helio, door, "--json").stdout)["http_status"] == 404
