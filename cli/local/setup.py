"""What a fresh broker needs before services start: topics, and a directory."""

import time
from pathlib import Path

from broker import topics
from directory import own_topics
from directory.apply import apply
from schemas.settings import KafkaSettings, TopicSettings


async def prepare(kafka: KafkaSettings, settings: TopicSettings, directory: Path | str) -> list[str]:
    """Make what is missing; one line about each thing made.

    Args:
        kafka: where.
        settings: how topics are made.
        directory: a directory file, or its text.

    Raises:
        KafkaError: the broker cannot be reached.
        DirectoryFileError: `directory` cannot be applied.
    """
    made = await topics.create(kafka, settings)
    changes = await apply(kafka, directory, now=time.time_ns() // 1_000_000)
    made += await own_topics.make(kafka, settings)
    lines = [f"{len(made)} topics made"] if made else []
    return [*lines, *([f"{len(changes)} changes to the directory"] if changes else [])]
