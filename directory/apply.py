"""Makes the directory say what a file says: read, compare, write, read back."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaProducer

from broker import clients
from directory.changes import Action, Change, compare
from directory.file import DirectoryFileError, parse
from directory.replica import Replica
from directory.snapshot import Directory, is_repeat
from schemas import topics
from schemas.directory import Entry
from schemas.settings import KafkaSettings

__all__ = ["Action", "Change", "DirectoryFileError", "RaceLostError", "apply", "write"]

#: How long to wait until what was written can be read back.
_READ_BACK_SECONDS: Final = 30.0


class RaceLostError(Exception):
    """Another writer changed the same entities at the same moment and was first. Run it again."""


async def apply(
    kafka: KafkaSettings,
    file: Path | str,
    *,
    now: int,
    dry_run: bool = False,
    prune: bool = False,
    variables: Mapping[str, str] | None = None,
    private: bool = False,
) -> list[Change]:
    """Write what differs between the directory and `file`; the changes in the order of their writing.

    Returns only once they can be read back. With nothing to change nothing is written.

    Args:
        kafka: where the directory is.
        file: a directory file (docs/directory.md), or its text.
        now: epoch milliseconds, kept with each entry.
        dry_run: only compare.
        prune: delete what the organizations in the file have beyond it.
        variables: what `${NAME}` in the file stands for; by default the environment.
        private: subscriptions may have addresses of private networks (`HELIO_NOTIFIERS__ALLOW_PRIVATE`).

    Raises:
        DirectoryFileError: the file is wrong; nothing was written.
        RaceLostError: another writer was first with some of the entities.
        OSError: the file cannot be read.
        KafkaError: the broker cannot be reached.
    """
    text, source = _opened(file)
    wanted = parse(text, source=source, variables=os.environ if variables is None else variables)
    async with Replica(kafka) as replica:
        current = replica.directory
        changes, problems = compare(current, wanted, prune=prune, private=private)
        if problems:
            raise DirectoryFileError([f"{source}: {problem}" for problem in problems])
        if not dry_run and (changes or current.disputed):
            async with clients.producer(kafka) as producer:
                await write(producer, replica, changes, now)
        return changes


async def write(producer: AIOKafkaProducer, replica: Replica, changes: Sequence[Change], now: int) -> None:
    """Write `changes`, compared with what `replica` showed then, and read them back through it.

    Entries that hold, but whose key ends with a refused one, are appended again on the way: compaction
    would keep the refused one alone, and a new replica would take it.

    Raises:
        RaceLostError: another writer was first with some of them.
    """
    entries = [change.entry(now) for change in changes]
    await _append(producer, replica, [*_winners(replica.directory), *entries])
    await _append(producer, replica, _winners(replica.directory))
    lost = [entry for entry in entries if not _holds(replica.directory, entry)]
    if lost:
        names = ", ".join(f"{entry.kind} {entry.id}" for entry in lost)
        raise RaceLostError(f"another writer changed at the same moment: {names}. Run it again")


def _opened(file: Path | str) -> tuple[str, str]:
    """Text and name."""
    return (file.read_text("utf-8"), file.name) if isinstance(file, Path) else (file, "directory")


async def _append(producer: AIOKafkaProducer, replica: Replica, entries: Sequence[Entry]) -> None:
    """Returns once `replica` has seen the last of them."""
    if not entries:
        return
    sent = [
        await producer.send(topics.DIRECTORY, entry.encode(), key=entry.key, partition=0) for entry in entries
    ]
    last = max(metadata.offset for metadata in await asyncio.gather(*sent))
    async with asyncio.timeout(_READ_BACK_SECONDS):
        await replica.reached(last)


def _holds(held: Directory, entry: Entry) -> bool:
    known = held.entries.get((entry.kind, entry.id))
    return known is not None and is_repeat(known, entry)


def _winners(directory: Directory) -> list[Entry]:
    return [directory.entries[key] for key in sorted(directory.disputed)]
