"""Some messages of one's own in a running stack, handed in one by one, and what the checker says of them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import aiohttp

from tests.chaos import gather
from tests.chaos.checker import Verdict, check
from tests.chaos.lab import DEADLINE, Lab, eventually
from tests.chaos.load import PlainProducer, load
from tests.chaos.logs import TAKEN, Logs, Told, What
from tests.chaos.plan import Act, Door, HandIn, Plan, Planned
from tests.chaos.rest import Caller
from tests.chaos.world import TENANTS

ENDED: Final = ("delivered", "undelivered", "failed", "cancelled")


class Experiment:
    """Some messages, handed in one by one, and the logs that have them."""

    def __init__(self, lab: Lab, name: str, subscriber: gather.Subscriber) -> None:
        self._lab = lab
        self._name = name
        self.subscriber = subscriber
        self._messages: list[Planned] = []
        self._acts: list[Act] = []
        self._told: list[Told] = []

    @property
    def key(self) -> str:
        """An idempotency key that nobody else uses."""
        return self._name

    def handset(self, number: int) -> str:
        """Whom its message of this number goes to: nobody else does."""
        return f"+1415{2000 + int(self._name.rpartition(' ')[2])}{number:03d}"

    async def hand_in(self, door: Door = "rest", **fields: Any) -> Planned:
        """One more message; returns when a client was told that it is taken, or not."""
        number = len(self._messages)
        tenant = TENANTS[fields.pop("tenant", "patient")]
        message = Planned(
            number=number,
            organization=tenant.name,
            on_unknown=tenant.on_unknown,
            sender=tenant.numbers[fields.pop("provider", "vonage")][0],
            to=self.handset(number),
            text=f"{self._name} message {number}",
            **fields,
        )
        self._messages.append(message)
        self._acts.append(HandIn(0.0, number, door))
        self._told.append(await self._handed_in(message, door))
        return message

    async def _handed_in(self, message: Planned, door: Door) -> Told:
        world = self._lab.world
        if door == "rest":
            async with aiohttp.ClientSession() as session:
                return await Caller(session, world, DEADLINE).send(message)
        producer = PlainProducer(world.kafka, TENANTS[message.organization].topic)
        taken = await producer.send(message)
        await asyncio.to_thread(producer.close)
        return Told(time.time(), message.number, What.PRODUCED if taken else What.UNSURE)

    async def until(self, message: Planned, *states: str, seconds: float = DEADLINE) -> None:
        """Wait until the status topic has said that a message is in one of these states."""
        if not await self.subscriber.until(lambda: message.text in self.subscriber.texts(*states), seconds):
            told = {story.text: story.last.status for story in self.subscriber.stories.values()}
            raise TimeoutError(f"{message.text!r} is {told.get(message.text)}, not {states}")

    async def arrived(self, message: Planned, many: int) -> None:
        """Wait until its handset has it so many times."""

        async def look() -> bool:
            return sum(text.text == message.text for text in await gather.texts(self._lab.world)) >= many

        await eventually(look)

    async def do(self, plan: Plan) -> None:
        """All of a plan, in place of messages one by one."""
        self._name, self._messages, self._acts = f"chaos {plan.seed}", list(plan.messages), list(plan.acts)
        await load(plan, self._lab.world, self._told)

    async def ended(self) -> None:
        """Wait until everything that was taken has ended."""
        taken = {self._messages[told.number].text for told in self._told if told.what in TAKEN}
        if not await self.subscriber.until(lambda: taken <= self.subscriber.texts(*ENDED), DEADLINE):
            raise TimeoutError(f"not ended: {taken - self.subscriber.texts(*ENDED)}")

    async def verdict(self) -> Verdict:
        """What the checker says now of these messages."""
        await self._lab.drained()
        stories = [s for s in self.subscriber.stories.values() if s.text.startswith(f"{self._name} ")]
        ids = {story.message_id for story in stories}
        got = [t for t in await gather.texts(self._lab.world) if t.text.startswith(f"{self._name} ")]
        said = await gather.answers(self._lab.world, stories)
        status = [one for one in self.subscriber.log if one.message_id in ids]
        logs = Logs(told=self._told, texts=got, status=status, api=said)
        return check(Plan(0, tuple(self._messages), tuple(self._acts)), logs)


@asynccontextmanager
async def experiment(lab: Lab, name: str) -> AsyncIterator[Experiment]:
    """Messages of their own, named so, and a subscriber that follows them."""
    subscriber = gather.Subscriber(lab.world.kafka)
    following = asyncio.create_task(subscriber.follow())
    try:
        yield Experiment(lab, f"{name} {lab.number()}", subscriber)
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
