"""One running stack for the end-to-end tests that only look at it from outside."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import aiohttp
import pytest

from cli.local.child import Child
from cli.local.kafka import QUICK_JVM
from cli.local.ports import HOST, choose
from cli.local.probe import http_ok
from cli.local.setup import prepare
from cli.local.stack import Stack
from cli.local.table import SERVICES
from schemas.settings import KafkaSettings, TopicSettings
from tests.e2e import world
from tests.e2e.caller import Api, Phones
from tests.e2e.channel import pools

_HANDSETS = count(2_000_000)


@pytest.fixture(scope="session")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    jar_cache: Path,  # noqa: ARG001  it says where the stack finds its jars
) -> Iterator[Stack]:
    """Everything, as `helio up` starts it; the directory has what `world` adds."""
    home = tmp_path_factory.mktemp("stack")
    argv = {"simulator": world.simulator(home, pools.at_simulator())}
    # Everything that could be logged is: `test_private` looks for texts in it.
    env = {name: {"HELIO_LOG_LEVEL": "DEBUG"} for name in SERVICES}
    with Stack(home, documented_ports=False, jvm=QUICK_JVM, argv=argv, env=env) as running:
        kafka = KafkaSettings(bootstrap_servers=running.run.kafka)
        asyncio.run(prepare(kafka, TopicSettings(), world.directory()))
        yield running


@contextmanager
def _another(stack: Stack, name: str, **settings: str) -> Iterator[str]:
    """One more ingress process beside the stack's own, of the same platform: its URL."""
    first, port = stack.child("ingress-api"), choose()
    env = {**first.process.env, "HELIO_INGRESS__PORT": str(port), **settings}
    process = replace(first.process, name=name, env=env, ready=lambda: http_ok(port, "/readyz"))
    child = Child(process, stack.home / "logs" / f"{name}.log")
    child.start()
    try:
        child.wait_ready()
        yield f"http://{HOST}:{port}"
    finally:
        child.stop()


@pytest.fixture(scope="session")
def second(stack: Stack) -> Iterator[str]:
    """A second ingress process like the first: its URL."""
    with _another(stack, "second-ingress") as url:
        yield url


@pytest.fixture(scope="session")
def impatient(stack: Stack) -> Iterator[str]:
    """An ingress process that soon gives up waiting, for the broker and for an immediate outcome: its URL."""
    wait = {"HELIO_INGRESS__PRODUCE_TIMEOUT_SECONDS": "3", "HELIO_INGRESS__IMMEDIATE_SECONDS": "4"}
    with _another(stack, "impatient-ingress", **wait) as url:
        yield url


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """For everything that a test asks over HTTP, as many at once as it likes."""
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        yield session


@pytest.fixture
async def api(stack: Stack, session: aiohttp.ClientSession) -> Api:
    """The API as acme, the demo's organization, sees it."""
    api = Api(session, stack.run.ingress, stack.run.api_key)
    await api.as_(world.KEYS["initech"]).known()  # the last that was added to the directory
    return api


@pytest.fixture
def globex(stack: Stack, api: Api) -> Api:
    """The API as the other organization sees it."""
    return api.as_((stack.home / "secrets" / "second_api_key").read_text().strip())


@pytest.fixture
def phones(stack: Stack, session: aiohttp.ClientSession) -> Phones:
    """The simulator: handsets and faults."""
    return Phones(session, stack.run.simulator)


@pytest.fixture
def handset() -> Callable[[], str]:
    """Makes numbers that no other test has texted."""
    return lambda: f"+1202{next(_HANDSETS)}"


@pytest.fixture
def senders(stack: Stack) -> dict[str, str]:
    """A number of acme at each provider."""
    return dict(zip(("twilio", "telnyx", "vonage"), stack.run.senders, strict=False))
