"""`helio subscription` against the admin API: the real routes on loopback, with the directory in memory."""

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from cli.commands.trouble import Exit
from schemas.directory import Active
from tests.fakes.admin import ACME, OPERATOR, SENDER
from tests.fakes.served import Served

Helio = Callable[..., Result]
URL = "https://hooks.acme.example/sms"


def subscription(helio: Helio, served: Served, *words: str, by: str = ACME) -> Result:
    return helio("subscription", *words, "--url", served.url, "--api-key", by)


def test_a_subscription_from_its_making_to_its_end(helio: Helio, served: Served) -> None:
    made = subscription(
        helio, served, "add", "orders", URL, "--event", "message.sent", "--event", "message.failed"
    )
    assert made.stdout == f"orders  acme  active  {URL}  message.sent,message.failed\n"
    shown = subscription(helio, served, "secret", "orders")
    secret = shown.stdout.strip()
    assert secret.startswith("whsec_"), "the secret stands alone on stdout"
    tried = subscription(helio, served, "test", "orders")
    assert tried.stdout.endswith(f"on its way to {URL}\n")
    assert len(served.door.told) == 1
    rotated = json.loads(
        subscription(helio, served, "rotate", "orders", "--keep-seconds", "60", "--json").stdout
    )
    assert rotated["secret"] != secret
    assert len(rotated["former_until"]) == 1
    assert "suspended" in subscription(helio, served, "off", "orders").stdout
    assert "active" in subscription(helio, served, "on", "orders").stdout
    assert secret not in subscription(helio, served, "list", "--json").stdout
    assert subscription(helio, served, "remove", "orders").stdout == "orders  removed\n"
    assert subscription(helio, served, "list").stdout == ""


def test_one_that_was_switched_off_says_so_until_it_is_switched_on(helio: Helio, served: Served) -> None:
    subscription(helio, served, "add", "orders", URL)
    entry = served.door.directory.entries["subscription", "orders"]
    assert entry.entity is not None
    off = entry.entity.model_copy(update={"status": Active.SUSPENDED, "switched_off_at": 1})
    assert served.door.take(entry.model_copy(update={"version": entry.version + 1, "entity": off}))
    assert "switched off: it took nothing" in subscription(helio, served, "list").stdout
    assert "acme  active  " in subscription(helio, served, "on", "orders").stdout


def test_a_rotation_for_which_there_is_no_room_says_until_when(helio: Helio, served: Served) -> None:
    subscription(helio, served, "add", "orders", URL)
    for _ in range(4):
        assert subscription(helio, served, "rotate", "orders").exit_code == Exit.DONE
    result = subscription(helio, served, "rotate", "orders")
    assert result.exit_code == Exit.NO
    assert result.stdout == ""
    assert "Rotate again from 20" in result.stderr


def test_the_operator_sees_and_makes_everybodys(helio: Helio, served: Served) -> None:
    made = subscription(
        helio, served, "add", "theirs", URL, "--organization", "globex", "--json", by=OPERATOR
    )
    assert json.loads(made.stdout)["organization"] == "globex"
    assert "theirs" in subscription(helio, served, "list", by=OPERATOR).stdout
    assert subscription(helio, served, "list").stdout == ""


@pytest.mark.parametrize(
    ("words", "by", "sentence"),
    [
        (("add", "orders", "http://hooks.acme.example/"), ACME, "Field url: only https://"),
        (("add", "orders", "hooks.acme.example"), ACME, "Field url: it must be a URL such as https://"),
        (("add", "orders", URL, "--event", "all"), ACME, "Field events.0: "),
        (("secret", "orders"), ACME, "There is no subscription orders"),
        (("test", "orders"), ACME, "There is no subscription orders"),
        (("list",), SENDER, "This API key may not admin"),
    ],
)
def test_no_is_said_in_a_sentence(
    helio: Helio, served: Served, words: tuple[str, ...], by: str, sentence: str
) -> None:
    result = subscription(helio, served, *words, by=by)
    assert result.exit_code == Exit.NO
    assert sentence in result.stderr
    assert served.door.written == []


def test_what_may_be_done_all_the_same_is_said(helio: Helio) -> None:
    """Rotated twice unseen, the first new secret would be nobody's."""
    result = helio("subscription", "rotate", "orders", "--url", "http://127.0.0.1:9", "--api-key", ACME)
    assert result.exit_code == Exit.UNREACHABLE
    assert "helio subscription list" in result.stderr
