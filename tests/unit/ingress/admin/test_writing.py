"""Changes to the log: one at a time, bounded, and told where nobody knows whether they are made."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, NotLeaderForPartitionError, ProducerFenced

from directory.changes import Change, put
from directory.replica import Replica
from directory.snapshot import Directory
from ingress.admin.deciding import Decision
from ingress.admin.live import Live
from ingress.admin.writing import Writing
from ingress.codes import Code
from ingress.ports import NotAcknowledgedError
from ingress.problems import Problem
from schemas.directory import Brand
from schemas.settings import KafkaSettings


class Producer:
    """Of aiokafka: answers as `said`, or never."""

    def __init__(self, said: KafkaError | None = None) -> None:
        self.said = said

    async def send(self, *_: Any, **__: Any) -> Awaitable[Any]:
        if self.said is not None:
            raise self.said
        return asyncio.get_running_loop().create_future()


def decide(directory: Directory) -> Decision:
    return put(directory, Brand(organization="acme", id="b", name="B"))


def change() -> Change:
    found = decide(Directory())
    assert isinstance(found, Change)
    return found


@pytest.mark.parametrize(
    ("said", "dies"),
    [
        (None, False),
        (NotLeaderForPartitionError(), False),
        (MessageSizeTooLargeError(), False),
        (ProducerFenced(), True),
    ],
)
async def test_what_the_broker_does_not_acknowledge_is_told(said: KafkaError | None, *, dies: bool) -> None:
    died: list[BaseException] = []
    producer: Any = Producer(said)
    live = Live(producer, Replica(KafkaSettings()), 0.01, clock=lambda: 1, died=died.append)
    with pytest.raises(NotAcknowledgedError):
        await live(change())
    assert bool(died) is dies, "a producer that has failed for good works no more"


async def test_who_waits_behind_a_change_that_hangs_is_answered_too() -> None:
    """Else each would wait as long as all before it together, while the broker is away."""
    under_way, let_go = asyncio.Event(), asyncio.Event()

    async def write(_: Change) -> None:
        under_way.set()
        await let_go.wait()

    writing = Writing(Directory, write, patience_seconds=0.01)
    first = asyncio.create_task(writing.change(decide, "k"))
    await under_way.wait()
    second = await writing.change(decide, "k")
    assert isinstance(second, Problem)
    assert second.code is Code.BROKER_UNAVAILABLE
    let_go.set()
    assert not isinstance(await first, Problem)
    third = await writing.change(decide, "k")
    assert not isinstance(third, Problem), "the next has its turn"


async def test_a_decision_that_fails_does_not_keep_the_turn() -> None:
    async def write(_: Change) -> None:
        """Done."""

    def fails(_: Directory) -> Decision:
        raise ZeroDivisionError

    writing = Writing(Directory, write, patience_seconds=5)
    with pytest.raises(ZeroDivisionError):
        await writing.change(fails, "k")
    assert not isinstance(await writing.change(decide, "k"), Problem)
