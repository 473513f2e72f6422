"""Makes the topics of `schemas.topics`, and refuses those that differ."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from broker import clients
from broker.refusal import denied
from schemas.settings import KafkaSettings, TopicSettings
from schemas.topics import Topic, catalogue

_LEADER_POLL_SECONDS: Final = 0.05
_LEADER_POLLS: Final = 200


class TopicsDifferError(Exception):
    """Topics are missing or set up otherwise than `schemas.topics` says. Run `helio topics` to make them."""


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a topic: it is missing, or differs from what it must be, or we may not look."""

    missing: bool
    #: A sentence.
    said: str
    #: We lack a right on it, and cannot tell whether it is there.
    denied: bool = False


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
        TopicAuthorizationFailedError: names those that we may not look at.
    """
    wanted = [t for t in catalogue(organizations) if t.name in names]
    unknown = set(names) - {t.name for t in wanted}
    if unknown:
        raise TopicsDifferError(f"not in the catalogue: {', '.join(sorted(unknown))}")
    async with clients.admin(kafka) as admin:
        found = await examine(admin, settings, wanted)
    if unseen := {name for name, wrong in found.items() if wrong.denied}:
        raise TopicAuthorizationFailedError(unseen)
    if found:
        raise TopicsDifferError("; ".join(wrong.said for wrong in found.values()))


async def examine(
    admin: AIOKafkaAdminClient, settings: TopicSettings, wanted: Sequence[Topic]
) -> dict[str, Wrong]:
    """What is wrong, by the topic's name, with those of `wanted` that are missing or differ.

    The list of topics leaves out what we may not see. A cluster that is asked for a topic by name tells that
    apart, but may make one that is missing, and otherwise than it must be. So we ask how they are set up.
    """
    if not wanted:
        return {}
    configs = await _configs(admin, [t.name for t in wanted])
    present = set(await admin.list_topics())
    there = [name for name, found in configs.items() if isinstance(found, dict) and name in present]
    partitions: dict[str, int] = {}
    for one in await admin.describe_topics(there) if there else []:
        if one["error_code"]:
            raise for_code(one["error_code"])(one["topic"])
        partitions[one["topic"]] = len(one["partitions"])
    found = {t.name: _wrong(t, settings, partitions.get(t.name), configs[t.name]) for t in wanted}
    return {name: wrong for name, wrong in found.items() if wrong}


def _wrong(
    topic: Topic, settings: TopicSettings, partitions: int | None, config: dict[str, str] | type[KafkaError]
) -> Wrong | None:
    if config is UnknownTopicOrPartitionError:
        return Wrong(missing=True, said=f"topic {topic.name} is missing: run `helio topics`")
    if not isinstance(config, dict) or partitions is None:
        why = denied(TopicAuthorizationFailedError(topic.name))
        return Wrong(missing=False, said=str(why), denied=True)
    problems = _problems(topic, settings, partitions, config)
    return Wrong(missing=False, said="; ".join(problems)) if problems else None


def _problems(topic: Topic, settings: TopicSettings, partitions: int, found: dict[str, str]) -> list[str]:
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


async def _configs(
    admin: AIOKafkaAdminClient, names: Sequence[str]
) -> dict[str, dict[str, str] | type[KafkaError]]:
    """How each topic is set up; or that it is missing, or that we may not ask."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, str] | type[KafkaError]] = {}
    for response in await admin.describe_configs(resources):
        for code, _message, _type, name, entries in response.resources:
            error = for_code(code)
            if error is NoError:
                found[name] = {entry[0]: entry[1] for entry in entries}
            elif error in {UnknownTopicOrPartitionError, TopicAuthorizationFailedError}:
                found[name] = error
            else:
                raise error(name)
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
