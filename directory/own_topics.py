"""The request topics of single organizations: made as the directory names them (docs/directory.md)."""

from collections.abc import Sequence

from broker import topics
from directory.replica import snapshot
from schemas.settings import KafkaSettings, TopicSettings
from schemas.topics import own


async def named(kafka: KafkaSettings) -> Sequence[str]:
    """The organizations that have one, as the directory stands now; its own topic must be there.

    Raises:
        KafkaError: the broker or the directory's topic cannot be reached.
    """
    return (await snapshot(kafka)).with_own_topic()


async def make(kafka: KafkaSettings, settings: TopicSettings) -> list[str]:
    """Make those that are missing; the names of those made.

    Raises:
        KafkaError: as `named`, or we may not make topics.
    """
    organizations = await named(kafka)
    return await topics.make(kafka, settings, own(organizations)) if organizations else []
