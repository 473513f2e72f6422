"""One provider answers 503, another 429, then the third nothing: the others' messages do not notice (P14).

`HELIO_TEST_SLOW_PROVIDER=300` makes the trouble last for so many seconds, after as long without it, and tells
how long messages took in both.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import aiohttp
import pytest

from cli.local.kafka import QUICK_JVM
from cli.local.stack import Stack
from tests.e2e.caller import Api, Phones, accepted, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.usefixtures("jar_cache")]
LONG = float(os.environ.get("HELIO_TEST_SLOW_PROVIDER", "0"))
SECONDS = LONG or 5.0
#: Of each provider, in a second.
RATE = 10
HANDSETS = {"twilio": "+12025550181", "telnyx": "+12025550182", "vonage": "+12025550183"}


@dataclass(frozen=True)
class Trouble:
    """What a provider does, and who is well meanwhile: not who still recovers from a trouble before."""

    faulty: str
    well: tuple[str, ...]
    kind: str
    more: Mapping[str, Any]
    #: So many times as long as the others: who does not answer is noticed later.
    longer: int = 1


#: Nothing is accepted meanwhile, so whatever arrives afterwards twice was sent twice by us.
TROUBLES = {
    "503": Trouble("twilio", ("telnyx", "vonage"), "server_error", {"status": 503, "accepted": False}),
    "429": Trouble("telnyx", ("vonage",), "throttle", {"retry_after_seconds": 30}),
    "nothing": Trouble("vonage", ("twilio",), "hang", {"accepted": False}, longer=2),
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

    async def hand_in(self, word: str, providers: Iterable[str], seconds: float) -> None:
        """A steady rate over each of these providers."""
        async with asyncio.TaskGroup() as group:
            for n in range(round(seconds * RATE)):
                for provider in providers:
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

    async def all_arrived(self, provider: str, word: str) -> None:
        """Wait until all with this word have."""
        wanted = {text for text in self.sent[provider] if text.startswith(word)}
        await eventually(lambda: self.arrived(provider), lambda found: wanted <= found.keys())

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


async def test_the_others_go_on_and_nothing_is_lost_or_doubled(load: Load) -> None:
    requests = {trouble: await _amid(load, trouble) for trouble in TROUBLES}

    def ended(states: Counter[str]) -> bool:
        return states.keys() <= {"delivered", "unknown"}

    for trouble, posts in requests.items():
        faulty = TROUBLES[trouble].faulty
        states = await eventually(partial(load.states, faulty), ended, 180)
        print(f"{trouble} at {faulty}: afterwards {dict(states)}")
        # What nobody answered is named, and is not sent again by itself.
        assert states["unknown"] <= posts
        assert trouble != "429" or not states["unknown"]
        arrived = await load.arrived(faulty)
        assert all(len(times) == 1 for times in arrived.values())
        assert len(arrived) == states["delivered"]


async def _amid(load: Load, trouble: str) -> int:
    """Messages while a provider is in trouble, until those of the others have arrived; its requests."""
    it, word = TROUBLES[trouble], f"amid {trouble}"
    seconds = LONG or SECONDS * it.longer
    if LONG:
        # As much as amid it: so that nothing but the trouble makes the difference.
        await load.hand_in(f"before {trouble}", (it.faulty, *it.well), SECONDS)
        for provider in (it.faulty, *it.well):
            await load.all_arrived(provider, f"before {trouble}")
    async with load.phones.fault({"provider": it.faulty}, it.kind, **it.more):
        before = await load.phones.posts(it.faulty)
        await load.hand_in(word, (it.faulty, *it.well), seconds)
        for provider in it.well:
            await load.all_arrived(provider, word)
        arrived = (await load.arrived(it.faulty)).keys()
        waiting = {text for text in load.sent[it.faulty] if text.startswith(word)}
        posts = await load.phones.posts(it.faulty) - before
    for provider in it.well if LONG else ():
        first, amid = [await load.took(provider, f"{moment} {trouble}") for moment in ("before", "amid")]
        print(f"{trouble} at {it.faulty}: p99 of {provider} {first:.4f} s before, {amid:.4f} s amid")
    assert not waiting & arrived, "the trouble was none"
    # It is left alone: with every message tried at once, and again at each retry, it would be more.
    print(f"{trouble} at {it.faulty}: {len(waiting)} messages, {posts} requests")
    assert posts < len(waiting)
    return posts
