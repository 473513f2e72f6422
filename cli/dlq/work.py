"""Looks through dead-letter topics, replays letters and marks them: where `helio dlq` meets Kafka."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiokafka import AIOKafkaProducer

from broker import clients
from broker.letters import Letter, Place, fetch, scan
from broker.publish import Outgoing, publisher
from cli.commands.trouble import Exit, TroubleError
from cli.dlq.choice import Choice
from cli.dlq.handled import Found, Handled
from cli.dlq.replay import No, replay, unread
from directory import own_topics
from schemas import failpoints, topics
from schemas.failpoints import Point
from schemas.replays import Mark, What
from schemas.settings import KafkaSettings

#: Letters that are replayed at once, and of how many bytes at most: their values are in memory.
_BATCH: Final = 500
_BATCH_BYTES: Final = 16 * 1024 * 1024

Progress = Callable[[int, int], None]


@dataclass
class Sum:
    """What came of a replay."""

    done: list[Letter] = field(default_factory=list)
    refused: list[tuple[Letter, str]] = field(default_factory=list)


async def look(kafka: KafkaSettings, choice: Choice, progress: Progress) -> list[Found]:
    """The letters that are meant, `slim`, the oldest first."""
    letters: list[Letter] = []
    marks: dict[Place, list[Mark]] = {}
    newest: dict[tuple[str, int], int] = {}
    async for one in scan(kafka, choice.names, progress):
        topic, partition, offset = one.place
        if isinstance(one, Letter):
            newest[topic, partition] = offset
            if choice.fits(one):
                letters.append(one.slim())
        elif offset <= newest.get((topic, partition), -1):
            # A mark that lies before its letter is about another one: the topic was deleted and made anew.
            marks.setdefault(one.place, []).append(one.mark)
    letters.sort(key=lambda letter: (letter.at, letter.place))
    found = [Found(letter, Handled(tuple(marks.get(letter.place, ())))) for letter in letters]
    return [one for one in found if choice.means(one.handled.state)]


async def whole(kafka: KafkaSettings, found: Iterable[Found]) -> list[Found]:
    """The same with their values."""
    handled = {one.letter.place: one.handled for one in found}
    return [Found(letter, handled[letter.place]) async for letter in fetch(kafka, handled)]


async def replay_all(
    kafka: KafkaSettings,
    found: Sequence[Found],
    progress: Progress,
    *,
    mended: bytes | None = None,
    note: str | None = None,
    dry_run: bool = False,
) -> Sum:
    """Replay what can be replayed, batch by batch: marked as begun, produced, marked as done.

    Killed at any moment, a letter is either not replayed, or replayed and in doubt: a second replay of it is
    the same message (docs/dead-letters.md).
    """
    known = {one.letter.place: one for one in found}
    async with clients.admin(kafka) as admin:
        present = frozenset(await admin.list_topics())
    organizations = await _with_own_topic(kafka, found, present)
    total, came = Sum(), 0
    async with clients.producer(kafka) as producer:
        async for batch in _batches(fetch(kafka, list(known))):
            goes: list[tuple[Letter, Outgoing]] = []
            for letter in batch:
                was = known.pop(letter.place)
                judged = replay(letter, was.handled, _now(), mended)
                if isinstance(judged, Outgoing):
                    judged = unread(judged.topic, present, organizations) or judged
                if letter.slim() != was.letter:
                    judged = No("another letter lies there by now: its topic was made anew")
                if isinstance(judged, No):
                    total.refused.append((letter.slim(), judged.why))
                else:
                    goes.append((letter, judged))
            if goes and not dry_run:
                await _replay(producer, goes, mended=mended is not None, note=note)
            total.done += [letter.slim() for letter, _ in goes]
            came += len(batch)
            progress(came, len(found))
    total.refused += [
        (one.letter, "it is not there any more: retention has taken it") for one in known.values()
    ]
    return total


async def _with_own_topic(
    kafka: KafkaSettings, found: Iterable[Found], present: Collection[str]
) -> Collection[str]:
    """Who has a request topic of its own. The directory is asked only if a letter came from such a topic."""
    origins = (one.letter.origin for one in found)
    if not any(at is not None and topics.organization_of(at.topic) is not None for at in origins):
        return ()
    if topics.DIRECTORY not in present:
        # The client would wait for it, and then say that the broker does not answer.
        raise TroubleError(
            f"{topics.DIRECTORY} is not there, or we may not read it: it says which request topics are read "
            "(deploy/acls.md has the rights of `helio dlq`)",
            Exit.NO,
        )
    return await own_topics.named(kafka)


async def _replay(
    producer: AIOKafkaProducer, goes: Sequence[tuple[Letter, Outgoing]], *, mended: bool, note: str | None
) -> None:
    places = [letter.place for letter, _ in goes]
    await _mark(producer, places, What.BEGUN, mended=mended, note=note)
    failpoints.reached(Point.DLQ_BEGUN)
    await publisher(producer)([outgoing for _, outgoing in goes])
    failpoints.reached(Point.DLQ_REPLAYED)
    await _mark(producer, places, What.REPLAYED, mended=mended, note=note)


async def drop_all(
    kafka: KafkaSettings, found: Sequence[Found], progress: Progress, *, note: str | None = None
) -> None:
    """Mark letters as dropped."""
    places = [one.letter.place for one in found]
    async with clients.producer(kafka) as producer:
        for start in range(0, len(places), _BATCH):
            some = places[start : start + _BATCH]
            await _mark(producer, some, What.DROPPED, note=note)
            progress(start + len(some), len(places))


async def _mark(
    producer: AIOKafkaProducer,
    places: Iterable[Place],
    what: What,
    *,
    mended: bool = False,
    note: str | None = None,
) -> None:
    """Say what was done about letters, each in its letter's own partition."""
    now = _now()
    sent = []
    for place in places:
        mark = Mark(
            what=what, partition=place.partition, offset=place.offset, at=now, mended=mended, note=note
        )
        sent.append(
            await producer.send(
                place.topic, mark.encode(), mark.key, partition=place.partition, headers=mark.headers
            )
        )
    await asyncio.gather(*sent)


async def _batches(letters: AsyncIterator[Letter]) -> AsyncIterator[list[Letter]]:
    batch: list[Letter] = []
    size = 0
    async for letter in letters:
        batch.append(letter)
        size += letter.size or 0
        if len(batch) == _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _now() -> int:
    return time.time_ns() // 1_000_000
