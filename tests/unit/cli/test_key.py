"""`helio key` against the admin API: the real routes on loopback, with the directory in memory."""

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from cli.commands.trouble import Exit
from tests.fakes.admin import ACME, OPERATOR, SENDER
from tests.fakes.served import Served

Helio = Callable[..., Result]


def key(helio: Helio, served: Served, *words: str, by: str = ACME) -> Result:
    return helio("key", *words, "--url", served.url, "--api-key", by)


def test_a_key_from_its_making_to_its_end(helio: Helio, served: Served) -> None:
    made = key(helio, served, "create", "website", "--scope", "send", "--rate", "5")
    assert made.exit_code == Exit.DONE
    secret = made.stdout.strip()
    assert served.opens(secret), "the key stands alone on stdout"
    assert "website  acme  active  send  5/s" in made.stderr
    listed = key(helio, served, "list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["acme-admin", "demo", "website"]
    assert secret not in listed.stdout
    rotated = key(helio, served, "rotate", "website", "--good-for", "60", "--json")
    told = json.loads(rotated.stdout)
    assert served.opens(told["key"])
    assert served.opens(secret)
    assert len(told["former_until"]) == 1
    revoked = key(helio, served, "revoke", "website")
    assert revoked.stdout == "website  revoked\n"
    assert not served.opens(told["key"])


def test_the_operator_makes_the_first_key_of_an_organization(helio: Helio, served: Served) -> None:
    made = key(helio, served, "create", "first", "--organization", "initech", "--json", by=OPERATOR)
    assert json.loads(made.stdout)["organization"] == "initech"
    listed = key(helio, served, "list", "--organization", "initech", "--json", by=OPERATOR)
    assert [json.loads(line)["id"] for line in listed.stdout.splitlines()] == ["first"]


@pytest.mark.parametrize(
    ("words", "by", "sentence"),
    [
        (("create", "demo"), ACME, "There is an API key demo already"),
        (("create", "No"), ACME, "Field id: "),
        (("create", "k", "--scope", "root"), ACME, "Field scopes.0: "),
        (("revoke", "globex-admin"), ACME, "There is no api_key globex-admin"),
        (("rotate", "nobody"), ACME, "There is no api_key nobody"),
        (("list",), SENDER, "This API key may not admin"),
        (("list",), "helio_nobody", "does not know this key"),
    ],
)
def test_no_is_said_once_and_for_all(
    helio: Helio, served: Served, words: tuple[str, ...], by: str, sentence: str
) -> None:
    result = key(helio, served, *words, by=by)
    assert result.exit_code == Exit.NO
    assert sentence in result.stderr
    assert served.door.written == []


def test_json_has_the_refusal(helio: Helio, served: Served) -> None:
    result = key(helio, served, "create", "demo", "--json")
    assert json.loads(result.stdout)["http_status"] == 409


def test_what_may_be_done_all_the_same_is_said(helio: Helio, served: Served) -> None:
    """Asked again by itself, it would make a second key, and the first would be nobody's."""
    served.door.away = True
    result = key(helio, served, "create", "website")
    assert result.exit_code == Exit.UNREACHABLE
    assert "may still be made" in result.stderr
    result = helio("key", "create", "website", "--url", "http://127.0.0.1:9", "--api-key", ACME)
    assert result.exit_code == Exit.UNREACHABLE
    assert "helio key list" in result.stderr
