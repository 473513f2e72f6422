"""The doctor's look at request topics of single organizations: of those that have one, or had."""

from collections.abc import Sequence
from typing import Final

from aiokafka import TopicPartition

from broker import clients, topics
from cli.commands.findings import Finding
from directory.snapshot import Directory
from schemas.settings import KafkaSettings, TopicSettings
from schemas.topics import INTAKE_GROUP, organization_of, own

_CHECK: Final = "topics"


async def of_own_topics(directory: Directory, kafka: KafkaSettings, settings: TopicSettings) -> list[Finding]:
    """Whether each that the directory names can be read, and whether records lie on others, unread."""
    wanted = list(own(directory.with_own_topic()))
    async with clients.admin(kafka) as admin:
        wrong = await topics.examine(admin, settings, wanted)
        others = {name for name in await admin.list_topics() if organization_of(name)}
    others -= {topic.name for topic in wanted}
    found = [Finding(check=_CHECK, said=one.said, todo=_todo(one)) for one in wrong.values()]
    if wanted and not wrong:
        said = f"{len(wanted)} organizations have a request topic of their own, and all can be read"
        found.append(Finding(check=_CHECK, said=said))
    unread = await _unread(kafka, sorted(others))
    return [*found, *(_left(name, count) for name, count in unread.items() if count)]


def _todo(wrong: topics.Wrong) -> str:
    if wrong.denied:
        return "until then nobody can tell whether it is as it must be"
    if wrong.missing:
        return "make it with `helio topics`; until then its organization cannot produce"
    return "change it with your cluster's tools; until then intake does not read it"


def _left(name: str, count: int) -> Finding:
    return Finding(
        check=_CHECK,
        said=f"{count} records lie unread on {name}: the directory names no organization with this topic",
        todo="give it `own_topic: true` until they are read, or delete the topic with your cluster's tools",
    )


async def _unread(kafka: KafkaSettings, names: Sequence[str]) -> dict[str, int]:
    """How many records of each topic intake has not read."""
    if not names:
        return {}
    async with clients.admin(kafka) as admin, clients.reader(kafka) as reader:
        described = await admin.describe_topics(list(names))
        partitions = [
            TopicPartition(topic["topic"], one["partition"])
            for topic in described
            for one in topic["partitions"]
        ]
        committed = await admin.list_consumer_group_offsets(INTAKE_GROUP, partitions=partitions)
        starts = await reader.beginning_offsets(partitions)
        ends = await reader.end_offsets(partitions)
    unread = dict.fromkeys(names, 0)
    for partition in partitions:
        unread[partition.topic] += ends[partition] - max(starts[partition], committed[partition].offset)
    return unread
