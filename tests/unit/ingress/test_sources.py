"""Which request topics intake reads, as directory and broker change."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from broker.stall import Joining
from broker.topics import Wrong
from directory.snapshot import Directory
from ingress.sources import Sources
from schemas.topics import REQUESTS, Topic, requests_of
from tests.fakes import world

ACME, GLOBEX = requests_of("acme"), requests_of("globex")
MISSING = Wrong(missing=True, said="topic is missing")


class Consumer:
    """Keeps what it is subscribed to."""

    def __init__(self) -> None:
        self.subscriptions: list[list[str]] = []

    def subscribe(self, topics: Sequence[str], *, listener: Any) -> None:
        assert isinstance(listener, Joining)
        self.subscriptions.append(list(topics))


class World:
    """A directory and a broker that can be changed, and what intake reads of them."""

    def __init__(self, *organizations: str) -> None:
        self.having(*organizations)
        self.wrong: dict[str, Wrong] = {}
        self.away = False
        self.consumer = Consumer()
        self.sources = Sources(self.consumer, Joining(), lambda: self.directory, self._examine)

    def having(self, *organizations: str) -> None:
        self.directory: Directory = world.directory(
            "organizations:\n  operator: {}\n"
            + "".join(f"  {one}: {{defaults: {{own_topic: true}}}}\n" for one in organizations)
        )

    async def reads(self) -> Collection[str]:
        """What it is subscribed to after one more look."""
        await self.sources.look()
        self.sources.renew()
        return self.consumer.subscriptions[-1]

    async def _examine(self, wanted: Sequence[Topic]) -> Mapping[str, Wrong]:
        if self.away:
            raise OSError("the broker is away")
        return {one.name: self.wrong[one.name] for one in wanted if one.name in self.wrong}


async def test_what_the_directory_names_is_read_once_it_is_right() -> None:
    world = World("acme", "globex")
    world.wrong = {GLOBEX: MISSING}
    assert await world.reads() == [REQUESTS, ACME]
    assert await world.sources.check() == "1 missing or differ"
    world.wrong = {}
    assert await world.reads() == [REQUESTS, ACME, GLOBEX]
    assert await world.sources.check() == "ok"


async def test_what_it_names_no_more_is_left_at_once() -> None:
    world = World("acme", "globex")
    await world.reads()
    world.having("globex")
    assert await world.reads() == [REQUESTS, GLOBEX]


async def test_nothing_is_subscribed_anew_while_nothing_changes() -> None:
    """Each time the whole group shares its partitions out again."""
    world = World("acme")
    for _ in range(3):
        await world.reads()
    assert world.consumer.subscriptions == [[REQUESTS, ACME]]


async def test_a_broker_that_is_away_changes_nothing() -> None:
    world = World("acme")
    await world.reads()
    world.away = True
    world.having("acme", "globex")
    assert await world.reads() == [REQUESTS, ACME]


async def test_a_topic_that_is_read_is_left_when_it_is_missed_twice() -> None:
    """A broker that has just started may not know it yet."""
    world = World("acme")
    await world.reads()
    world.wrong = {ACME: MISSING}
    assert await world.reads() == [REQUESTS, ACME]
    assert await world.reads() == [REQUESTS]
    world.wrong = {}
    assert await world.reads() == [REQUESTS, ACME]


async def test_the_dead_letters_are_no_organizations_topic() -> None:
    """Whoever wrote the directory past all checks: intake must not read what it writes itself."""
    assert await World("acme").reads() == [REQUESTS, ACME]
    broken = World("acme")
    entity = broken.directory.organization("acme")
    assert entity is not None
    broken.directory = Directory(
        {("organization", "dlq"): _entry(entity.model_copy(update={"id": "dlq", "organization": "dlq"}))}
    )
    assert await broken.reads() == [REQUESTS]


def _entry(entity: Any) -> Any:
    from schemas.directory import Entry

    return Entry(kind="organization", id="dlq", organization="dlq", version=1, at=0, entity=entity)


@pytest.mark.parametrize("missing", [True, False])
async def test_what_is_wrong_is_counted_and_told_once(
    missing: bool, caplog: pytest.LogCaptureFixture
) -> None:
    from ingress.metrics import OWN_TOPICS

    world = World("acme")
    world.wrong = {ACME: Wrong(missing, "it is not as it must be")}
    for _ in range(3):
        await world.reads()
    state, other = ("missing", "differs") if missing else ("differs", "missing")
    assert OWN_TOPICS.labels(state)._value.get() == 1
    assert OWN_TOPICS.labels(other)._value.get() == 0
    assert len([record for record in caplog.records if "own_topic.unread" in record.msg]) == 1
