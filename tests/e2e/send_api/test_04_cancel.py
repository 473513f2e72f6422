"""4. Cancel (P8): decided once. `cancelled` means never sent; otherwise the answer says how far it had got.

`HELIO_TEST_RACES=10000` is the number of races that the platform is held to. By default there are fewer: a
whole run of the tests has no more time.
"""

import asyncio
import os
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from cli.local.stack import Stack
from schemas.settings import KafkaSettings
from tests.e2e import world
from tests.e2e.caller import Api, Phones, accepted, problem
from tests.e2e.following import following

pytestmark = pytest.mark.e2e
RACES = int(os.environ.get("HELIO_TEST_RACES", "1500"))
AT_ONCE = 64
#: How long the last of a race may take to its end.
PATIENCE_SECONDS = 180


async def test_a_queued_one_is_cancelled_and_never_sent(
    globex: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    to = handset()
    ids = [accepted(await globex.send(world.SLOW, to, f"number {n}")) for n in range(4)]
    answer = await globex.cancel(ids[-1])
    assert answer.status == 200
    documented = {
        "success": True,
        "message_id": ids[-1],
        "message": "SMS cancelled successfully",
        "previous_status": "queued",
        "new_status": "cancelled",
    }
    assert answer.body | documented == answer.body
    assert list(answer.body)[: len(documented)] == list(documented)
    status = await globex.until(ids[-1], "cancelled")
    assert status["status"] == "cancelled"
    # Cancelling what is cancelled changes nothing.
    again = (await globex.cancel(ids[-1])).body
    assert (again["success"], again["previous_status"], again["new_status"]) == (False, "cancelled", None)
    for message_id in ids[:-1]:
        await globex.delivered(message_id)
    await globex.behind(world.SLOW, handset())
    assert sorted(text["text"] for text in await phones.texts(to)) == ["number 0", "number 1", "number 2"]


async def test_a_cancel_is_told_before_the_status_topic_has_it(
    globex: Api, handset: Callable[[], str]
) -> None:
    """A GET straight after the answer agrees with it. Each of many: the fold is often quicker than one."""
    to = handset()
    ids = [accepted(await globex.send(world.CANCELLED, to, f"number {n}")) for n in range(20)]
    for message_id in reversed(ids[10:]):  # for those the number has no time for some seconds
        assert (await globex.cancel(message_id)).body["success"] is True
        told = (await globex.status(message_id)).body
        assert (told["status"], told["state"]) == ("cancelled", "cancelled")
    for message_id in ids[:10]:
        await globex.cancel(message_id)


async def test_one_in_the_providers_hands_is_already_sending(
    api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    to = handset()
    async with phones.fault({"to": to}, "slow", ms=3_000, accepted="before"):
        message_id = accepted(await api.send(world.EXAMPLE, to, "too late"))
        await phones.until(to, 1)
        body = (await api.cancel(message_id)).body
        documented = {
            "success": False,
            "message_id": message_id,
            "message": "Message is already sending",
            "previous_status": "sending",
            "new_status": None,
        }
        assert body | documented == body
        assert list(body)[: len(documented)] == list(documented)
        await api.delivered(message_id)
    assert len(await phones.texts(to)) == 1


async def test_what_has_ended_is_left_as_it_is(api: Api, phones: Phones, handset: Callable[[], str]) -> None:
    to = handset()
    sent = accepted(await api.send(world.EXAMPLE, to, "sent"))
    await api.delivered(sent)
    async with phones.fault({"to": to}, "reject", code="40300"):
        failed = accepted(await api.send(world.EXAMPLE, to, "failed"))
        await api.until(failed, "failed")
    for message_id, word in ((sent, "sent"), (failed, "failed")):
        answer = await api.cancel(message_id)
        assert answer.status == 200
        told = answer.body
        assert (told["success"], told["message"]) == (False, f"Message is already {word}")
        assert (told["previous_status"], told["new_status"]) == (word, None)
        assert (await api.status(message_id)).body["status"] == word


async def test_an_unknown_or_foreign_id_is_404(api: Api, globex: Api, handset: Callable[[], str]) -> None:
    foreign = accepted(await globex.send(world.SLOW, handset(), "theirs"))
    for message_id in (foreign, str(uuid.uuid4()), "nonsense"):
        problem(await api.cancel(message_id), 404, "message_not_found", f"Message {message_id} not found")
    await globex.delivered(foreign)


async def test_its_key_still_answers_after_a_cancel(
    globex: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    """A repeat of a cancelled message's request is a replay, not a second message."""
    to, key = handset(), uuid.uuid4().hex
    before = [accepted(await globex.send(world.SLOW, to, f"before it, {n}")) for n in range(5)]
    first = await globex.send(world.SLOW, to, "cancelled", idempotency_key=key)
    assert (await globex.cancel(accepted(first))).body["success"] is True
    again = await globex.send(world.SLOW, to, "cancelled", idempotency_key=key)
    assert (again.status, again.raw, again.replayed) == (200, first.raw, True)
    await globex.behind(world.SLOW, handset())
    texts = [text["text"] for text in await phones.texts(to)]
    assert sorted(texts) == [f"before it, {n}" for n in range(len(before))]


@dataclass
class Aim:
    """How long to wait before the cancel, so that both win often however fast the machine is.

    A cancel that won came early, one that lost came late: the next comes a little later, or earlier.
    """

    rng: random.Random
    centre: float = 0.02

    def delay(self) -> float:
        return self.rng.uniform(0, 2 * self.centre)

    def learn(self, *, cancelled: bool) -> None:
        self.centre = min(max(self.centre * (1.02 if cancelled else 0.98), 0.000_1), 2.0)


async def test_races_of_cancel_against_dispatch_leave_none_both(
    stack: Stack, api: Api, phones: Phones
) -> None:
    aims = {sender: Aim(random.Random(sender)) for sender in world.PACED}
    limit = asyncio.Semaphore(AT_ONCE)
    run = uuid.uuid4().hex[:8]
    ids: dict[int, str] = {}
    cancelled: set[int] = set()
    began = time.monotonic()

    async def race(n: int) -> None:
        async with limit:
            sender = world.PACED[n % len(world.PACED)]
            ids[n] = accepted(await api.send(sender, "+12025550190", f"race {run} {n}"))
            await asyncio.sleep(aims[sender].delay())  # the point of it: any moment of the way is hit
            answer = await api.cancel(ids[n])
            assert answer.status == 200, answer
            told = answer.body
            assert (told["new_status"] == "cancelled") is told["success"]
            assert told["success"] or told["previous_status"] in {"sending", "sent"}, told
            if told["success"]:
                cancelled.add(n)
            aims[sender].learn(cancelled=told["success"])

    async with following(KafkaSettings(bootstrap_servers=stack.run.kafka)) as watch:
        async with asyncio.TaskGroup() as group:
            for n in range(RACES):
                group.create_task(race(n))
        raced = time.monotonic() - began

        left = list(ids)

        def ended() -> bool:
            """Whether the last of them has; each is asked about until it has, and then no more."""
            while left and (story := watch.stories.get(ids[left[-1]])) is not None:
                if story.last["status"] != ("cancelled" if left[-1] in cancelled else "delivered"):
                    break
                left.pop()
            return not left

        all_ended = await watch.until(ended, PATIENCE_SECONDS)
        stories = {n: watch.stories.get(message_id) for n, message_id in ids.items()}
    took = time.monotonic() - began
    print(f"{RACES} races, {len(cancelled)} cancelled, {raced:.0f} s, all ended after {took:.0f} s")
    arrived = Counter(text["text"] for text in await phones.texts("+12025550190"))
    wrong = {
        n: (n in cancelled, story.last["status"] if story else None, arrived[f"race {run} {n}"])
        for n, story in stories.items()
        if (story.last["status"] if story else None, arrived[f"race {run} {n}"])
        != (("cancelled", 0) if n in cancelled else ("delivered", 1))
    }
    # race: (answered as cancelled, what the status topic says, times on the handset)
    assert wrong == {}, f"{len(wrong)} are wrong"
    assert all_ended
    assert all(story is not None and story.gapless and not story.contradictions for story in stories.values())
    assert 0.05 * RACES <= len(cancelled) <= 0.95 * RACES, "one side won nearly always: no races"
