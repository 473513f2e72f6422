"""`helio optout` against the REST door: its real routes on loopback, with broker and ledger in memory."""

import asyncio
import functools
import json
import threading
from collections.abc import Callable, Iterator

import pytest
from typer.testing import Result

from cli.commands.trouble import Exit
from ingress.app import make_app
from ingress.server import Server
from tests.fakes import world
from tests.unit.ingress.test_optouts import ADA, ADMIN, BOB, USE, Door, directory

Helio = Callable[..., Result]


class Served:
    """The door at `url`."""

    def __init__(self) -> None:
        self.door = Door(directory=directory())
        self.started = threading.Event()
        self.url = ""
        self.stop: Callable[[], object]

    def run(self) -> None:
        """Until `stop`."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        stopped = asyncio.Event()
        self.stop = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, stopped.set)
        app = make_app(self.door.parts())
        server = Server(app, "127.0.0.1", 0, listening=lambda: self._listening(server))
        async with server.beside():
            await stopped.wait()

    def _listening(self, server: Server) -> None:
        port = server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.started.set()


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    thread = threading.Thread(target=made.run)
    thread.start()
    assert made.started.wait(20)
    yield made
    made.stop()
    thread.join(20)


def optout(helio: Helio, served: Served, *words: str, by: str = ADMIN) -> Result:
    return helio("optout", *words, "--url", served.url, "--api-key", by)


def test_from_its_entry_to_its_end(helio: Helio, served: Served) -> None:
    added = optout(helio, served, "add", ADA, "--use-case", str(USE), "--note", "by letter")
    assert (added.exit_code, added.stdout.split()[:2]) == (Exit.DONE, [ADA, "out"])
    assert added.stdout.rstrip().endswith("api (by letter)")
    assert optout(helio, served, "add", BOB).exit_code == Exit.DONE
    lines = optout(helio, served, "list").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [[ADA, "out"], [BOB, "out"]]
    removed = optout(helio, served, "remove", ADA, "--use-case", str(USE))
    assert removed.stdout.split()[:2] == [ADA, "in"]
    assert optout(helio, served, "show", ADA).stdout.split()[:2] == [ADA, "in"]
    assert "has said nothing" in optout(helio, served, "show", "+14155550192").stdout


def test_json(helio: Helio, served: Served) -> None:
    added = json.loads(optout(helio, served, "add", ADA, "--json").stdout)
    assert (added["number"], added["use_case_id"], added["consent"]) == (ADA, None, "out")
    (line,) = optout(helio, served, "show", ADA, "--json").stdout.splitlines()
    assert json.loads(line) == added


def test_all_pages_are_listed(helio: Helio, served: Served) -> None:
    numbers = [f"+1415555{n:04}" for n in range(205)]
    for number in numbers[:2]:
        assert optout(helio, served, "add", number).exit_code == Exit.DONE
    [first, *_] = served.door.view.noted
    served.door.view.noted += [
        first.__class__(offset, first.record.model_copy(update={"number": number}))
        for offset, number in enumerate(numbers[2:], 2)
    ]
    lines = optout(helio, served, "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == numbers


def test_what_is_refused_is_told(helio: Helio, served: Served) -> None:
    wrong = optout(helio, served, "add", "4155550190")
    assert (wrong.exit_code, "refused (422)" in wrong.stderr) == (Exit.NO, True)
    reader = optout(helio, served, "add", ADA, by=world.READ_KEY)
    assert (reader.exit_code, "scope admin" in reader.stderr) == (Exit.NO, True)
    refused = json.loads(optout(helio, served, "remove", ADA, "--json", by=world.READ_KEY).stdout)
    assert refused["http_status"] == 403
