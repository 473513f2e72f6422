"""What a fresh broker needs before services start: topics, and the demo's directory."""

import time
from pathlib import Path

from broker import topics
from directory.apply import apply
from schemas.settings import KafkaSettings, TopicSettings


async def prepare(kafka: KafkaSettings, settings: TopicSettings, directory: Path) -> list[str]:
    """Make what is missing; one line about each thing made.

    Raises:
        KafkaError: the broker cannot be reached.
        DirectoryFileError: `directory` cannot be applied.
    """
    made = await topics.create(kafka, settings)
    changes = await apply(kafka, directory, now=time.time_ns() // 1_000_000)
    lines = [f"{len(made)} topics made"] if made else []
    return [*lines, *([f"{len(changes)} changes to the directory"] if changes else [])]
