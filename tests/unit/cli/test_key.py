"""`helio key` against the admin API: the real routes on loopback, with the directory in memory."""

import asyncio
import functools
import json
import threading
from collections.abc import Callable, Iterator

import pytest
from starlette.applications import Starlette
from typer.testing import Result

from cli.commands.trouble import Exit
from ingress.keys import authenticate
from ingress.server import Server
from schemas.directory import ApiKey, Scope
from tests.fakes.admin import ACME, OPERATOR, SENDER, AdminDoor

Helio = Callable[..., Result]


class Served:
    """The admin API at `url`."""

    def __init__(self) -> None:
        self.door = AdminDoor()
        self.started = threading.Event()
        self.url = ""
        self.stop: Callable[[], object]

    def run(self) -> None:
        """Until `stop`."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        stopped = asyncio.Event()
        self.stop = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, stopped.set)
        app = Starlette(routes=self.door.routes())
        server = Server(app, "127.0.0.1", 0, listening=lambda: self._listening(server))
        async with server.beside():
            await stopped.wait()

    def _listening(self, server: Server) -> None:
        port = server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.started.set()

    def opens(self, key: str) -> bool:
        """Whether `key` may send."""
        found = authenticate(f"Bearer {key}", self.door.directory, Scope.SEND, self.door.now)
        return isinstance(found, ApiKey)


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    thread = threading.Thread(target=made.run)
    thread.start()
    assert made.started.wait(20)
    yield made
    made.stop()
    thread.join(20)


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
