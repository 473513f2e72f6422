"""Whether what was on its way has arrived: step by step, by what each group has committed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiokafka.errors import KafkaConnectionError

from schemas import topics
from streams.arrival import Arrival


@dataclass
class Log:
    """Ends and commits, by topic and partition."""

    at_end: dict[str, dict[int, int]] = field(default_factory=dict)
    done: dict[str, dict[int, int]] = field(default_factory=dict)
    away: bool = False

    async def ends(self, topic: str, /) -> Mapping[int, int]:
        return dict(self.at_end.get(topic, {}))

    async def committed(self, topic: str, group: str, /) -> Mapping[int, int]:
        assert group == {topics.MESSAGES: topics.ROUTE_APP, topics.EVENTS: topics.FOLD_APP}[topic]
        if self.away:
            raise KafkaConnectionError("away")
        return self.done.get(topic, {})


async def test_of_nothing_all_has_arrived() -> None:
    assert await Arrival(Log()).complete()


async def test_each_partition_and_each_step_counts() -> None:
    log = Log(at_end={topics.MESSAGES: {0: 3, 1: 5}, topics.EVENTS: {0: 1}}, done={})
    arrival = Arrival(log)
    assert not await arrival.complete()
    log.done[topics.MESSAGES] = {0: 3, 1: 4}
    assert not await arrival.complete()
    # What route then handed on lies beyond where the fold's topic ended when all began.
    log.done |= {topics.MESSAGES: {0: 3, 1: 5}, topics.EVENTS: {0: 1}}
    log.at_end[topics.EVENTS] = {0: 1, 1: 2}
    assert not await arrival.complete()
    log.done[topics.EVENTS] = {0: 1, 1: 2}
    assert await arrival.complete()


async def test_what_comes_later_is_not_awaited() -> None:
    log = Log(at_end={topics.MESSAGES: {0: 3}}, done={topics.MESSAGES: {0: 2}})
    arrival = Arrival(log)
    assert not await arrival.complete()
    log.at_end[topics.MESSAGES] = {0: 1_000}
    log.done[topics.MESSAGES] = {0: 3}
    assert await arrival.complete()


async def test_not_known_is_not_arrived() -> None:
    log = Log(at_end={topics.MESSAGES: {0: 3}}, done={topics.MESSAGES: {0: 3}}, away=True)
    arrival = Arrival(log)
    assert not await arrival.complete()
    log.away = False
    assert await arrival.complete()
