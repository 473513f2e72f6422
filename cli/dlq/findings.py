"""The doctor's look at the dead letters."""

import time
from collections.abc import Iterator, Sequence

from cli.commands.findings import Finding
from cli.dlq import show
from cli.dlq.choice import TOPICS, Choice
from cli.dlq.handled import Found
from cli.dlq.states import Which
from cli.dlq.work import look
from schemas.settings import KafkaSettings


async def of_letters(kafka: KafkaSettings) -> list[Finding]:
    """Whether letters lie there that nobody has looked at; the topics must be there."""
    found = await look(kafka, Choice(which=Which.ANY), lambda _done, _total: None)
    return list(of_found(found, time.time_ns() // 1_000_000))


def of_found(found: Sequence[Found], now: int) -> Iterator[Finding]:
    """One finding for each topic with letters that are open, or one for all; `found` is in order of age."""
    pending = [one.letter for one in found if one.handled.state.pending]
    for kind, topic in TOPICS.items():
        of_topic = [letter for letter in pending if letter.place.topic == topic]
        if of_topic:
            oldest = show.ago(of_topic[0].at, now)
            yield Finding(
                check="dead letters",
                said=f"{len(of_topic)} records of {kind} could not be read, the oldest {oldest} ago",
                todo=f"see `helio dlq list --topic {kind}`; then replay them, or drop them",
            )
    if not pending:
        handled = f"; {len(found)} were seen to" if found else ""
        yield Finding(check="dead letters", said=f"no letter is open{handled}")
