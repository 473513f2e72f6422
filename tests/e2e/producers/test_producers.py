"""Any producer (P6): four real clients, one topic, and REST beside them; each message is on its handset once.

Each client sends 500 records in every codec that it has, with keys and headers and without, in transactions
and not. Some repeat, by a key of their own, of another client or of REST; some have other content under one.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

import pytest

from cli.local.stack import Stack
from schemas import ids, topics
from schemas.settings import KafkaSettings
from tests.e2e.caller import Api, Phones, accepted, eventually
from tests.e2e.producers import clients, plan
from tests.e2e.producers.plan import Part, Platform, Wish, part, shared
from tests.e2e.watch import Story, Watch, read_all

pytestmark = pytest.mark.e2e
#: For some 1,400 messages from a standing start, on a machine that may be busy.
SECONDS = 150
DEAD = topics.dead_letters(topics.REQUESTS)


@dataclass
class Seen:
    """What came of it, for whoever looks from outside."""

    watch: Watch
    platform: Platform

    def stories(self) -> dict[str, list[tuple[str, Story]]]:
        """Of this run, by text."""
        found: dict[str, list[tuple[str, Story]]] = {}
        for message_id, story in self.watch.stories.items():
            if str(story.last["text"]).startswith(self.platform.run):
                found.setdefault(story.last["text"], []).append((message_id, story))
        return found

    def count(self, status: str) -> int:
        """Texts of this run in a state."""
        return sum(text.startswith(self.platform.run) for text in self.watch.texts(status))


@asynccontextmanager
async def watching(stack: Stack) -> AsyncIterator[Watch]:
    watch = Watch(KafkaSettings(bootstrap_servers=stack.run.kafka))
    following = asyncio.create_task(watch.follow())
    try:
        yield watch
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


async def produce(stack: Stack, name: str, run: str, batches: list[plan.Batch]) -> None:
    """One client, in a thread of its own."""
    await asyncio.to_thread(clients.ALL[name], stack.run.kafka, topics.REQUESTS, run, batches)


async def in_rest(api: Api, wishes: list[Wish]) -> list[str]:
    """Hand wishes in over REST; their ids."""
    return [accepted(await api.call("POST", "/sms/send", json=wish.body)) for wish in wishes]


async def test_every_client_sends_exactly_once(
    stack: Stack, api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    run = f"producers {uuid4().hex[:8]}"
    platform = Platform(run, stack.run.senders, {name: handset() for name in [*clients.ALL, "shared"]})
    parts = [part(name, platform, clients.CODECS[name], clients.TRANSACTIONS[name]) for name in clients.ALL]
    known = [*shared(platform, "rest", plan.WITH_REST), *shared(platform, "between", plan.BETWEEN)]
    originals = {wish.text: wish for one in parts for wish in one.first} | {w.text: w for w in known}
    conflicts = {wish.text: wish for one in parts for wish in one.then}
    dead = len((await read_all(KafkaSettings(bootstrap_servers=stack.run.kafka), [DEAD], raw=True))[DEAD])
    before = dict(stack.run.restarts)
    async with watching(stack) as watch:
        seen = Seen(watch, platform)
        first = await in_rest(api, shared(platform, "rest", plan.WITH_REST))
        word = uuid4().hex[:8]
        await asyncio.gather(*(produce(stack, p.client, word, p.batches(p.first)) for p in parts))
        assert await watch.until(lambda: seen.count("delivered") >= len(originals), SECONDS), seen.stories()
        await asyncio.gather(
            *(produce(stack, p.client, f"{word}-2", [*p.to_abort(), *p.batches(p.then)]) for p in parts)
        )
        assert await watch.until(lambda: seen.count("failed") >= len(conflicts), SECONDS), seen.stories()
        await repeated_over_rest(api, parts)
        for sender in platform.senders:
            await api.behind(sender, handset())
    assert first == [ids.of_key("acme", f"{run}-rest-{n}") for n in range(plan.WITH_REST)]
    await on_handsets(phones, platform, originals)
    told(seen, originals, conflicts)
    letters = (await read_all(KafkaSettings(bootstrap_servers=stack.run.kafka), [DEAD], raw=True))[DEAD]
    assert len(letters) == dead
    assert dict(stack.run.restarts) == before


async def repeated_over_rest(api: Api, parts: list[Part]) -> None:
    """What came over Kafka is known over REST: the same answer again, and a conflict for anything else."""
    for one in parts:
        for wish in [wish for wish in one.first if wish.key is not None][:5]:
            again = await api.call("POST", "/sms/send", json=wish.body)
            assert (accepted(again), again.replayed) == (ids.of_key("acme", str(wish.key)), True)
            other = await api.call("POST", "/sms/send", json={**wish.body, "message": "Other"})
            assert (other.status, other.body["code"]) == (422, "conflict")


async def on_handsets(phones: Phones, platform: Platform, originals: dict[str, Wish]) -> None:
    """Each text once, and nothing else."""
    for name, number in platform.handsets.items():
        expected = Counter(text for text, wish in originals.items() if wish.to == number)
        got = await eventually(lambda number=number: phones.texts(number), lambda _: True)  # type: ignore[misc]
        assert Counter(text["text"] for text in got) == expected, name


def told(seen: Seen, originals: dict[str, Wish], conflicts: dict[str, Wish]) -> None:
    """One story for each, whole and true, and none beside these."""
    stories = seen.stories()
    assert stories.keys() == originals.keys() | conflicts.keys()
    for text, ((message_id, story), *more) in stories.items():
        assert not more, text
        assert story.gapless, text
        assert not story.contradictions
        wish = originals.get(text) or conflicts[text]
        assert story.last["reference"] == wish.reference
        if text in originals:
            assert story.last["status"] == "delivered"
            assert wish.key is None or message_id == ids.of_key("acme", wish.key)
            continue
        assert (story.last["status"], story.last["failure"]["code"]) == ("failed", "conflict")
        assert story.last["failure"]["detail"]
        assert story.last["conflicts_with"] == ids.of_key("acme", str(wish.key))
        assert message_id != story.last["conflicts_with"]
