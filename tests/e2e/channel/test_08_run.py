"""8. A run over three use cases, STOPs, STARTs and HELPs mixed in, judged message by message by the oracle.

It reads only the simulator's log and the directory. `HELIO_TEST_CHANNEL=5000` is the run that the platform
is held to; by default it is smaller.
"""

import asyncio
import json
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Producer

from cli.local.stack import Stack
from directory.file import parse
from schemas import topics
from tests.e2e.caller import Phones
from tests.e2e.channel import pools, simlog
from tests.e2e.channel.caller import Channel
from tests.e2e.channel.conftest import Clinic
from tests.e2e.channel.oracle import Oracle, Told
from tests.e2e.channel.plan import DEAD, HandIn, Plan, Word, plan
from tests.e2e.following import following
from tests.e2e.watch import Watch

pytestmark = pytest.mark.e2e
MESSAGES = int(os.environ.get("HELIO_TEST_CHANNEL", "300"))
SEED = int(os.environ.get("HELIO_TEST_SEED", str(int(time.time()) % 1_000)))
AT_ONCE = 32
#: How long the last may take to its end once all are due.
PATIENCE_SECONDS = 60 + MESSAGES / 20
_ENDED = frozenset({"delivered", "undelivered", "failed"})


class Run:
    """Does a plan, and writes down what is told of each order."""

    def __init__(self, stack: Stack, channel: Channel, phones: Phones) -> None:
        self._channel = channel
        self._phones = phones
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._topic = topics.requests_of(pools.ORGANIZATION)
        self._producer = Producer({"bootstrap.servers": stack.run.kafka, "acks": "all", "log_level": 2})
        self._due = ""
        self.ids: dict[int, str] = {}
        self.handed_in: dict[int, float] = {}
        #: Those that a door refused at once.
        self.refused: dict[int, Told] = {}

    async def do(self, plan: Plan) -> None:
        """All of it, at its times."""
        began = time.monotonic()
        self._due = (datetime.now(UTC) + timedelta(seconds=plan.due)).isoformat()
        acts: Sequence[HandIn | Word] = sorted((*plan.hand_ins, *plan.words), key=lambda act: act.at)
        async with asyncio.TaskGroup() as group:
            for act in acts:
                await asyncio.sleep(max(0.0, began + act.at - time.monotonic()))
                if isinstance(act, Word):
                    group.create_task(self._write(act))
                elif act.door == "kafka":
                    self._produce(act)
                else:
                    group.create_task(self._send(act))
        assert await asyncio.to_thread(self._producer.flush, 30) == 0

    def told(self, watch: Watch) -> dict[int, Told]:
        """What is told of each order so far."""
        last = {str(story.last["text"]): story.last for story in watch.stories.values()}
        found = dict(self.refused)
        for number, handed_in in self.handed_in.items():
            record = last.get(f"channel {SEED} message {number}")
            if record is not None and number not in found and record["status"] in _ENDED:
                code = (record.get("failure") or {}).get("code", "") if record["status"] == "failed" else ""
                ended, sender = record["at"] / 1_000, record.get("from_number")
                found[number] = Told(handed_in, ended, record["status"], code, sender)
        return found

    async def _write(self, word: Word) -> None:
        answer = await self._phones.text_us(word.handset, to=word.to, text=word.text)
        assert answer.status == 202, answer

    def _produce(self, act: HandIn) -> None:
        self.handed_in[act.order.number] = time.time()
        self._producer.produce(self._topic, json.dumps(self._fields(act)))
        self._producer.poll(0)

    async def _send(self, act: HandIn) -> None:
        number = act.order.number
        async with self._limit:
            self.handed_in[number] = handed_in = time.time()
            answer = await self._channel.api.call("POST", "/v1/sms/", json=self._fields(act))
        if answer.status == 201:
            self.ids[number] = answer.body["id"]
        else:
            self.refused[number] = Told(handed_in, time.time(), "refused", answer.body["code"])

    def _fields(self, act: HandIn) -> dict[str, Any]:
        order = act.order
        fields = {"use_case_id": order.use_case, "to_phone_number": order.to, "message": order.text}
        return {**fields, "send_at": self._due} if act.waits else fields


async def test_it_ends_as_the_rules_say_message_by_message(
    stack: Stack, clinic: Clinic, channel: Channel, phones: Phones
) -> None:
    doing, run = plan(SEED, MESSAGES), Run(stack, channel, phones)
    orders = [hand_in.order for hand_in in doing.hand_ins]
    async with (
        following(clinic.kafka) as watch,
        phones.fault({"to": f"+1{DEAD}*"}, "receipts", final="undelivered"),
    ):
        await run.do(doing)
        await watch.until(lambda: len(run.told(watch)) == len(orders), doing.due + PATIENCE_SECONDS)
        told = run.told(watch)
        contradictions = [sentence for story in watch.stories.values() for sentence in story.contradictions]
        gaps = [message_id for message_id, story in watch.stories.items() if not story.gapless]
    lines = simlog.path(stack).read_text().splitlines()
    people = {order.to for order in orders} | {word.handset for word in doing.words}
    log = simlog.read(lines).of(people)
    file = parse(pools.directory(clinic.organizations), source="clinic", variables={})
    mine = [entity for entity in file.entities.values() if entity.organization == pools.ORGANIZATION]
    verdict = Oracle(mine, log).judge(orders, told)
    print(
        f"seed {SEED}: {len(orders)} messages, {len(doing.words)} words: {dict(verdict.outcomes)}; "
        f"{verdict.stopped} stopped, {verdict.close} under way when the STOP came"
    )
    assert verdict.findings == []
    assert (contradictions, gaps) == ([], [])
    assert verdict.stopped > 0
    assert {"delivered", "undelivered", "not_a_number", "opted_out"} <= set(verdict.outcomes)
    # The API says what the topic does.
    for number, message_id in list(run.ids.items())[:: max(1, len(run.ids) // 50)]:
        shown = await channel.get(message_id)
        assert (shown["state"], shown["from_number"]) == (told[number].state, told[number].sender)
