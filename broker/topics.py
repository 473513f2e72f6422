"""Makes the topics of `schemas.topics`, and refuses those that differ."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from broker import clients
from schemas.settings import KafkaSettings, TopicSettings
from schemas.topics import Topic, catalogue

_LEADER_POLL_SECONDS: Final = 0.05
_LEADER_POLLS: Final = 200


class TopicsDifferError(Exception):
    """Topics are missing or set up otherwise than `schemas.topics` says. Run `helio topics` to make them."""


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a topic: it is missing, or differs from what it must be."""

    missing: bool
    #: A sentence.
    said: str


async def create(
    kafka: KafkaSettings, settings: TopicSettings, organizations: Iterable[str] = ()
) -> list[str]:
    """Make every topic that is missing; `organizations` have one of their own. See `make`."""
    return await make(kafka, settings, catalogue(organizations))


async def make(kafka: KafkaSettings, settings: TopicSettings, wanted: Iterable[Topic]) -> list[str]:
    """Make those of `wanted` that are missing; the names of those made. Existing ones are left as they are.

    Returns once every partition of theirs has a leader, and so can be read and written; after ten
    seconds in any case.

    Raises:
        KafkaError: the broker refuses it: `TopicAuthorizationFailedError` where we may not make topics.
    """
    async with clients.admin(kafka) as admin:
        present = set(await admin.list_topics())
        missing = [t for t in wanted if t.name not in present]
        if missing:
            response = await admin.create_topics([_new(topic, settings) for topic in missing])
            for name, code, *_ in response.topic_errors:
                error = for_code(code)
                if code and error is not TopicAlreadyExistsError:
                    raise error(name)
            await _wait_for_leaders(admin, [topic.name for topic in missing])
        return [topic.name for topic in missing]


async def verify(
    kafka: KafkaSettings,
    settings: TopicSettings,
    names: Collection[str],
    organizations: Iterable[str] = (),
) -> None:
    """Check the topics `names` that a service is about to use; `organizations` have one of their own.

    Raises:
        TopicsDifferError: says which topic differs, in what, and what to do.
    """
    wanted = [t for t in catalogue(organizations) if t.name in names]
    unknown = set(names) - {t.name for t in wanted}
    if unknown:
        raise TopicsDifferError(f"not in the catalogue: {', '.join(sorted(unknown))}")
    async with clients.admin(kafka) as admin:
        found = await examine(admin, settings, wanted)
    if found:
        raise TopicsDifferError("; ".join(wrong.said for wrong in found.values()))


async def examine(
    admin: AIOKafkaAdminClient, settings: TopicSettings, wanted: Sequence[Topic]
) -> dict[str, Wrong]:
    """What is wrong, by the topic's name, with those of `wanted` that are missing or differ."""
    if not wanted:
        return {}
    # Asked for by name, a cluster may make a topic that is missing, and otherwise than it must be.
    present = set(await admin.list_topics())
    there = [t.name for t in wanted if t.name in present]
    described = await admin.describe_topics(there) if there else []
    partitions = {one["topic"]: len(one["partitions"]) for one in described if not one["error_code"]}
    configs = await _configs(admin, sorted(partitions))
    found = {t.name: _problems(t, settings, partitions.get(t.name), configs.get(t.name, {})) for t in wanted}
    return {name: Wrong(name not in partitions, "; ".join(said)) for name, said in found.items() if said}


def _problems(
    topic: Topic, settings: TopicSettings, partitions: int | None, found: dict[str, str]
) -> list[str]:
    if partitions is None:
        unseen = "where Kafka asks for rights, our principal may lack that of seeing it: deploy/acls.md"
        return [f"topic {topic.name} is missing: run `helio topics` ({unseen})"]
    problems = []
    expected = topic.partitions or settings.partitions
    if partitions != expected:
        problems.append(f"topic {topic.name} has {partitions} partitions, not {expected}")
    problems += [
        f"topic {topic.name} has {name}={found.get(name)}, not {value}"
        for name, value in topic.configs().items()
        # The order of policies is the broker's own business.
        if set(found.get(name, "").split(",")) != set(value.split(","))
    ]
    return problems


async def _wait_for_leaders(admin: AIOKafkaAdminClient, names: Sequence[str]) -> None:
    """A client that comes before a partition has its leader logs an error for each try."""
    for _ in range(_LEADER_POLLS):
        if await _led(admin, names):
            return
        await asyncio.sleep(_LEADER_POLL_SECONDS)


async def _led(admin: AIOKafkaAdminClient, names: Sequence[str]) -> bool:
    """Whether the cluster knows these topics and a leader for each of their partitions."""
    found = await admin.describe_topics(list(names))
    return len(found) == len(names) and all(
        not topic["error_code"]
        and all(not one["error_code"] and one["leader"] >= 0 for one in topic["partitions"])
        for topic in found
    )


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(resources):
        for code, _message, _type, name, entries in response.resources:
            if code:
                raise for_code(code)(name)
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found


def _new(topic: Topic, settings: TopicSettings) -> NewTopic:
    return NewTopic(
        name=topic.name,
        num_partitions=topic.partitions or settings.partitions,
        replication_factor=settings.replication_factor,
        topic_configs={
            **topic.configs(),
            "min.insync.replicas": str(settings.min_insync_replicas),
        },
    )
