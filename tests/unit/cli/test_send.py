"""`helio send` and `status`: one message, asked for safely, and its way followed to the end."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from cli.commands.rest import Rest
from cli.commands.target import Door as Where
from cli.commands.trouble import Exit, TroubleError

Helio = Callable[..., Result]
KEY = "helio_test"
MESSAGE = ("send", "--to", "+12025550199", "--from", "+12125550101", "--text", "hello")


def at(door: Any) -> tuple[str, ...]:
    return ("--url", door.url, "--api-key", KEY)


def test_it_says_the_id_of_what_was_accepted(door: Any, helio: Helio) -> None:
    result = helio(*MESSAGE, *at(door))
    assert result.exit_code == Exit.DONE
    assert result.stdout.startswith("id-1  queued via telnyx")


def test_json_is_the_answer_and_nothing_else(door: Any, helio: Helio) -> None:
    result = helio(
        *MESSAGE, "--immediate", "--media", "http://a/1", "--media", "http://a/2", "--json", *at(door)
    )
    assert json.loads(result.stdout)["message_id"] == "id-1"
    (body,) = door.bodies
    assert body["queue"] is False
    assert body["media_urls"] == ["http://a/1", "http://a/2"]


def test_wait_follows_it_to_delivered(door: Any, helio: Helio) -> None:
    result = helio(*MESSAGE, "--wait", *at(door))
    assert result.exit_code == Exit.DONE
    assert [line.split()[1] for line in result.stdout.splitlines()] == [
        "queued",
        "queued",
        "sent",
        "delivered",
    ]


@pytest.mark.parametrize("ending", ["undelivered", "failed", "cancelled"])
def test_wait_says_no_for_another_ending(door: Any, helio: Helio, ending: str) -> None:
    door.journey = ["queued", ending]
    result = helio(*MESSAGE, "--wait", "--json", *at(door))
    assert result.exit_code == Exit.NO
    assert json.loads(result.stdout)["state"] == ending


@pytest.mark.parametrize("stays", ["queued", "sent", "unknown"])
def test_wait_ends_when_its_time_is_over(door: Any, helio: Helio, stays: str) -> None:
    door.journey = [stays]
    assert helio(*MESSAGE, "--wait", "--timeout", "0.3", *at(door)).exit_code == Exit.TIME_OVER


def test_a_refusal_is_told_in_the_doors_words(door: Any, helio: Helio) -> None:
    door.trouble = lambda _body: (404, "No assistant found for phone number +12125550101")
    result = helio(*MESSAGE, *at(door))
    assert result.exit_code == Exit.NO
    assert "No assistant found" in result.stderr
    assert not result.stdout
    refused = helio(*MESSAGE, "--json", *at(door))
    assert json.loads(refused.stdout)["http_status"] == 404


def test_a_lost_answer_is_asked_for_again_with_the_same_key(door: Any) -> None:
    """Without a key of its own the second request would be a second message."""
    troubles = [(503, "the broker is away"), (429, "slow down")]
    door.trouble = lambda _body: troubles.pop() if troubles else None
    pauses: list[float] = []
    body = {"from_phone_number": "+1", "to_phone_number": "+2", "message": "x", "idempotency_key": "k"}
    with Rest(Where(door.url, KEY), pause=pauses.append) as rest:
        assert rest.send(body).ok
    assert [sent["idempotency_key"] for sent in door.bodies] == ["k", "k", "k"]
    assert pauses == [0.25, 0.5]


def test_nobody_there_is_one_sentence(helio: Helio) -> None:
    with (
        Rest(Where("http://127.0.0.1:1", KEY), tries=2, pause=lambda _seconds: None) as rest,
        pytest.raises(TroubleError, match="helio doctor") as trouble,
    ):
        rest.status("x")
    assert trouble.value.code is Exit.UNREACHABLE
    assert helio("status", "x").exit_code == Exit.UNREACHABLE


def test_a_wrong_key_is_said_at_once(door: Any, helio: Helio) -> None:
    result = helio(*MESSAGE, "--url", door.url, "--api-key", "other")
    assert result.exit_code == Exit.NO
    assert "--api-key" in result.stderr


def test_the_key_of_the_stack_here_does_not_go_to_another_address(helio: Helio, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    run = {"ingress": "http://127.0.0.1:1", "api_key": "secret", "senders": ["+12125550101"]}
    (tmp_path / "home" / "run.json").write_text(json.dumps(run))
    result = helio("status", "x", "--url", "http://example.invalid")
    assert result.exit_code == Exit.NO
    assert "--api-key" in result.stderr


def test_it_finds_the_stack_that_runs_here(door: Any, helio: Helio, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    run = {"ingress": door.url, "api_key": KEY, "senders": ["+12125550101"]}
    (tmp_path / "home" / "run.json").write_text(json.dumps(run))
    assert helio("send", "--to", "+12025550199", "--text", "hello").exit_code == Exit.DONE
    assert door.bodies[0]["from_phone_number"] == "+12125550101"


def test_status_of_a_stranger_is_no(door: Any, helio: Helio) -> None:
    result = helio("status", "nobody", *at(door))
    assert result.exit_code == Exit.NO
    assert "Message nobody not found" in result.stderr


def test_status_says_how_it_came_to_that(door: Any, helio: Helio) -> None:
    door.states["id-7"] = ["unknown"]
    lines = helio("status", "id-7", *at(door)).stdout.splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "id-7 unknown",
        "2026-01-02T03:04:05.000Z queued",
        "2026-01-02T03:04:09.000Z unknown",
        (
            "2026-01-02T03:04:06.000Z attempt 1: throttled (10011: Too many requests.) via telnyx, "
            "account telnyx-main, from +12125550101"
        ),
    ]
    (whole,) = helio("status", "id-7", "--json", *at(door)).stdout.splitlines()
    assert json.loads(whole)["attempts"][0]["outcome"] == "throttled"


def test_status_watch_prints_each_change_once(door: Any, helio: Helio) -> None:
    door.states["id-7"] = ["queued", "queued", "sent", "sent", "undelivered"]
    result = helio("status", "id-7", "--watch", "--json", *at(door))
    states = [json.loads(line)["state"] for line in result.stdout.splitlines()]
    assert states == ["queued", "sent", "undelivered"]
    assert result.exit_code == Exit.NO


USE_CASE = "5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10"
TO_SOMEBODY = ("send", "--to", "+12025550199", "--text", "hello")


def test_a_use_case_needs_no_sender(door: Any, helio: Helio) -> None:
    result = helio(*TO_SOMEBODY, "--use-case", USE_CASE, "--wait", *at(door))
    assert result.exit_code == Exit.DONE
    (body,) = door.bodies
    assert body["use_case_id"] == USE_CASE
    assert "from_phone_number" not in body
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["id-1", "queued"], ["id-1", "queued"], ["id-1", "sent"], ["id-1", "delivered"],
    ]  # fmt: skip


def test_it_says_until_when_one_is_held(door: Any, helio: Helio) -> None:
    moment = "2026-12-24T08:00:00+01:00"
    result = helio(*TO_SOMEBODY, "--use-case", USE_CASE, "--send-at", moment, *at(door))
    assert result.exit_code == Exit.DONE
    assert door.bodies[0]["send_at"] == moment
    assert result.stdout.split() == ["id-1", "queued", "until", moment]


@pytest.mark.parametrize("more", [("--from", "+12125550101"), ("--immediate",)])
def test_what_a_use_case_decides_itself_is_not_asked_for(
    door: Any, helio: Helio, more: tuple[str, ...]
) -> None:
    result = helio(*TO_SOMEBODY, "--use-case", USE_CASE, *more, *at(door))
    assert (result.exit_code, door.bodies) == (Exit.NO, [])
    assert "--use-case chooses the sender" in result.stderr


def test_a_file_goes_through_a_use_case(door: Any, helio: Helio, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("to,text\n+12025550198,one\n+12025550199,two\n")
    result = helio("send", "--csv", file, "--use-case", USE_CASE, *at(door))
    assert result.exit_code == Exit.DONE, result.output
    assert {body["use_case_id"] for body in door.bodies} == {USE_CASE}
    file.write_text("to,text,from\n+12025550198,one,+12125550101\n")
    with_both = helio("send", "--csv", file, "--use-case", USE_CASE, *at(door))
    assert "line 2: `from`" in with_both.stderr
    assert len(door.bodies) == 2


def test_a_dry_run_says_from_which_number_and_why(door: Any, helio: Helio) -> None:
    result = helio(*TO_SOMEBODY, "--use-case", USE_CASE, "--dry-run", "--wait", *at(door))
    assert result.exit_code == Exit.DONE, result.output
    assert result.stdout.splitlines() == [
        "+12125550101 > +12025550199  2 segments",
        "  geomatch: area code 212",
    ]
    assert door.bodies == []
