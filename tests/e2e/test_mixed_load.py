"""A load of good and bad requests together: every good one is delivered once, every bad one is answered 4xx.

`HELIO_TEST_MIXED=10000` is the load that the platform is held to. By default it is smaller: a whole run of
the tests has no more time.
"""

import asyncio
import json
import os
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable

import pytest

from cli.local.stack import Stack
from schemas.settings import KafkaSettings
from tests.e2e import world
from tests.e2e.caller import Answer, Api, Phones, accepted
from tests.e2e.following import following

pytestmark = pytest.mark.e2e
REQUESTS = int(os.environ.get("HELIO_TEST_MIXED", "3000"))
#: Which of them are bad, and how.
SEED = 5
#: One in so many is bad.
BAD = 20
AT_ONCE = 64
#: How long the last may take to its end once all are handed in.
PATIENCE_SECONDS = 180
HANDSET = "+12025550191"

Fields = dict[str, object]
#: What is wrong -> how it is made of a good request, and what is answered.
WRONG: dict[str, tuple[Callable[[Fields], bytes], int]] = {
    "cut off": (lambda good: json.dumps(good).encode()[:-5], 400),
    "no JSON": (lambda _: b"to=me&text=hello", 400),
    "not UTF-8": (lambda _: b'{"message": "\xff"}', 400),
    "nothing": (lambda _: b"", 400),
    "a list": (lambda good: json.dumps([good]).encode(), 400),
    "no recipient": (lambda good: _with(good, to_phone_number=None), 400),
    "a wrong recipient": (lambda good: _with(good, to_phone_number="555 0199"), 400),
    "a wrong type": (lambda good: _with(good, message={"text": "x"}), 400),
    "an empty text": (lambda good: _with(good, message=""), 400),
    "a long text": (lambda good: _with(good, message="x" * 1601), 400),
    "NUL": (lambda good: _with(good, message="\0"), 400),
    "no URL": (lambda good: _with(good, media_urls=["nowhere"]), 400),
    "a private URL": (lambda good: _with(good, media_urls=["http://10.0.0.1/a.jpg"]), 400),
    "a long key": (lambda good: _with(good, idempotency_key="k" * 300), 400),
    "an unknown sender": (lambda good: _with(good, from_phone_number="+19995550000"), 404),
    "a foreign sender": (lambda good: _with(good, from_phone_number=world.FOREIGN), 403),
    "too large": (lambda good: _with(good, padding="x" * 70_000), 413),
    "no key": (lambda good: json.dumps(good).encode(), 401),
}


def _with(good: Fields, **changes: object) -> bytes:
    return json.dumps({**good, **changes}).encode()


async def test_good_ones_arrive_once_and_bad_ones_are_told(stack: Stack, api: Api, phones: Phones) -> None:
    rng, limit, run = random.Random(SEED), asyncio.Semaphore(AT_ONCE), uuid.uuid4().hex[:8]
    stranger = api.as_("nobodys-key")
    wrong = {n: rng.choice(sorted(WRONG)) for n in range(REQUESTS) if rng.randrange(BAD) == 0}
    ids: dict[int, str] = {}
    strange: list[tuple[str, Answer]] = []

    async def hand_in(n: int) -> None:
        good: Fields = {
            "from_phone_number": stack.run.senders[n % len(stack.run.senders)],
            "to_phone_number": HANDSET,
            "message": f"mixed {run} {n}",
        }
        if n % 10 == 0:
            good["idempotency_key"] = f"mixed:{run}:{n}"
        async with limit:
            if (kind := wrong.get(n)) is None:
                ids[n] = accepted(await api.post(json.dumps(good).encode()))
                return
            make, status = WRONG[kind]
            answer = await (stranger if kind == "no key" else api).post(make(good))
        if answer.status != status or not answer.body["detail"]:
            strange.append((kind, answer))

    began = time.monotonic()
    async with following(KafkaSettings(bootstrap_servers=stack.run.kafka)) as watch:
        async with asyncio.TaskGroup() as group:
            for n in range(REQUESTS):
                group.create_task(hand_in(n))
        handed_in = time.monotonic() - began
        left = list(ids.values())

        def ended() -> bool:
            while left and (story := watch.stories.get(left[-1])) and story.last["status"] == "delivered":
                left.pop()
            return not left

        all_ended = await watch.until(ended, PATIENCE_SECONDS)
        stories = [watch.stories[message_id] for message_id in ids.values() if message_id in watch.stories]
        told = {
            s.last["text"] for s in watch.stories.values() if str(s.last["text"]).startswith(f"mixed {run} ")
        }
    print(
        f"seed {SEED}: {REQUESTS} requests, {len(wrong)} bad: handed in after {handed_in:.0f} s, "
        f"all delivered after {time.monotonic() - began:.0f} s"
    )
    assert strange == []
    assert set(wrong.values()) == set(WRONG), "too few to have every kind"
    assert all_ended, f"{len(left)} were not delivered in time"
    arrived = Counter(text["text"] for text in await phones.texts(HANDSET))
    good_ones = {f"mixed {run} {n}" for n in ids}
    assert told == good_ones
    assert arrived == Counter(good_ones)
    assert all(story.gapless and not story.contradictions for story in stories)
