"""One provider answers 429, or 503, or nothing: the others' messages do not notice (P14).

`HELIO_TEST_SLOW_PROVIDER=300` makes the trouble last for so many seconds, after as long without it, and tells
how long messages took in both.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

import aiohttp
import pytest

from cli.local.kafka import QUICK_JVM
from cli.local.stack import Stack
from tests.e2e.caller import Api, Phones, accepted, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("jar_cache")]
LONG = float(os.environ.get("HELIO_TEST_SLOW_PROVIDER", "0"))
SECONDS = LONG or 8.0
#: Of each provider, in a second.
RATE = 10
HANDSETS = {"twilio": "+12025550181", "telnyx": "+12025550182", "vonage": "+12025550183"}
#: Nothing is accepted meanwhile, so whatever arrives afterwards twice was sent twice by us.
TROUBLE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "429": ("telnyx", "throttle", {"retry_after_seconds": 30}),
    "503": ("twilio", "server_error", {"status": 503, "accepted": False}),
    "nothing": ("vonage", "hang", {"accepted": False}),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Its dispatchers wait for an answer for two seconds only."""
    settings = {
        "dispatch": {"http_timeout_seconds": 2, "connect_timeout_seconds": 1, "claim_margin_seconds": 3}
    }
    home = tmp_path_factory.mktemp("slow-provider")
    with Stack(home, settings=settings, documented_ports=False, jvm=QUICK_JVM) as stack:
        yield stack


@pytest.fixture
async def load(running: Stack) -> AsyncIterator["Load"]:
    """Messages over all three providers."""
    async with aiohttp.ClientSession() as session:
        api = Api(session, running.run.ingress, running.run.api_key)
        senders = dict(zip(("twilio", "telnyx", "vonage"), running.run.senders, strict=False))
        yield Load(api, Phones(session, running.run.simulator), senders)


class Load:
    """What was handed in, by provider: text -> message id and when."""

    def __init__(self, api: Api, phones: Phones, senders: dict[str, str]) -> None:
        self.api = api
        self.phones = phones
        self.senders = senders
        self.sent: dict[str, dict[str, tuple[str, float]]] = {provider: {} for provider in HANDSETS}

    async def hand_in(self, word: str, seconds: float) -> None:
        """A steady rate over each provider."""
        async with asyncio.TaskGroup() as group:
            for n in range(round(seconds * RATE)):
                for provider in HANDSETS:
                    group.create_task(self._send(provider, f"{word} {n}"))
                await asyncio.sleep(1 / RATE)  # the rate of the load

    async def _send(self, provider: str, text: str) -> None:
        at = time.time()
        answer = await self.api.send(self.senders[provider], HANDSETS[provider], text)
        self.sent[provider][text] = accepted(answer), at

    async def arrived(self, provider: str) -> dict[str, list[float]]:
        """When each text of this load came to the handset."""
        found: dict[str, list[float]] = {}
        for text in await self.phones.texts(HANDSETS[provider]):
            if text["text"] in self.sent[provider]:
                at = datetime.fromisoformat(text["at"]).timestamp()
                found.setdefault(text["text"], []).append(at)
        return found

    async def all_arrived(self, provider: str) -> None:
        """Wait until all of them have."""
        await eventually(
            lambda: self.arrived(provider), lambda found: found.keys() == self.sent[provider].keys()
        )

    async def states(self, provider: str) -> Counter[str]:
        """What the API says of them."""
        answers = [await self.api.status(id_) for id_, _ in self.sent[provider].values()]
        return Counter(answer.body["state"] for answer in answers)

    async def took(self, provider: str, word: str) -> float:
        """The 99th percentile from being handed in to the handset, in seconds."""
        sent = self.sent[provider]
        arrived = await self.arrived(provider)
        took = sorted(times[0] - sent[text][1] for text, times in arrived.items() if text.startswith(word))
        return took[int(len(took) * 0.99)]


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_the_others_go_on_and_nothing_is_lost_or_doubled(load: Load, trouble: str) -> None:
    faulty, kind, more = TROUBLE[trouble]
    others = [provider for provider in HANDSETS if provider != faulty]
    if LONG:
        await load.hand_in(f"before {trouble}", SECONDS)
        for provider in HANDSETS:
            await load.all_arrived(provider)
    before = len(load.sent[faulty])
    async with load.phones.fault({"provider": faulty}, kind, **more):
        posts = len(await load.phones.requests(HANDSETS[faulty]))
        await load.hand_in(f"amid {trouble}", SECONDS)
        for provider in others:
            await load.all_arrived(provider)
        waiting = load.sent[faulty].keys() - (await load.arrived(faulty)).keys()
        posts = len(await load.phones.requests(HANDSETS[faulty])) - posts
    for provider in others if LONG else ():
        first, amid = [await load.took(provider, f"{word} {trouble}") for word in ("before", "amid")]
        print(f"{trouble} at {faulty}: p99 of {provider} {first:.3f} s before, {amid:.3f} s amid")
    assert len(waiting) == len(load.sent[faulty]) - before, "the trouble was none"
    # It is left alone: with every message tried at once, and again at each retry, it would be more.
    print(f"{trouble} at {faulty}: {len(waiting)} messages, {posts} requests")
    assert posts < len(waiting)

    def ended(states: Counter[str]) -> bool:
        return states.keys() <= {"delivered", "unknown"}

    states = await eventually(lambda: load.states(faulty), ended, 180)
    print(f"{trouble} at {faulty}: afterwards {dict(states)}")
    # What nobody answered is named, and is not sent again by itself.
    assert states["unknown"] <= posts
    assert trouble != "429" or not states["unknown"]
    for provider in HANDSETS:
        assert all(len(times) == 1 for times in (await load.arrived(provider)).values())
    assert len(await load.arrived(faulty)) == states["delivered"]
