"""`helio tail`: every change of status as it happens, from `sms.status.v1`."""

import asyncio
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.commands import options

if TYPE_CHECKING:
    from schemas.public import StatusRecord
    from schemas.settings import KafkaSettings

_REMEMBERED: Final = 100_000


def tail(
    *,
    message_id: Annotated[str | None, typer.Option(help="Only this message.")] = None,
    number: Annotated[str | None, typer.Option(help="Only to or from this number, +E.164.")] = None,
    use_case: Annotated[str | None, typer.Option(help="Only what goes through this use case.")] = None,
    status: Annotated[list[str] | None, typer.Option(help="Only this status; repeatable.")] = None,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="All that the topic still holds, then what comes.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="End after so many lines.")] = None,
    json: options.Json = False,
) -> None:
    """Follow the status of all messages, or of some, until Ctrl-C.

    Ends with 0 after --limit lines, with 3 when the broker does not answer.
    """
    from cli.commands.target import settings

    chosen = Filter(message_id, number, frozenset(status or ()), use_case)
    asyncio.run(_tail(settings().kafka, chosen, from_beginning=from_beginning, limit=limit, json=json))


@dataclass(frozen=True)
class Filter:
    """Which records are shown: those that fit all that is set."""

    message_id: str | None = None
    number: str | None = None
    statuses: frozenset[str] = frozenset()
    use_case: str | None = None

    def fits(self, record: "StatusRecord") -> bool:
        """Whether `record` is to be shown."""
        return (
            self.message_id in {None, record.message_id}
            and self.number in {None, record.from_number, record.to_number}
            and (not self.statuses or record.status in self.statuses)
            and self.use_case in {None, record.use_case_id}
        )


class Repeats:
    """Recognises repeats of a transition: a status record may come more than once, with the same id."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._ids: OrderedDict[str, None] = OrderedDict()

    def has(self, record_id: str) -> bool:
        """Whether this id has come before, among the last ones that are remembered."""
        if record_id in self._ids:
            return True
        self._ids[record_id] = None
        if len(self._ids) > self._remembered:
            self._ids.popitem(last=False)
        return False


def line(record: "StatusRecord") -> str:
    """One record for people: when, which, how it moved, from whom to whom, through whom, and why."""
    from cli.commands.show import state

    at = datetime.fromtimestamp(record.at / 1000, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
    sender = record.from_number or "(to be chosen)"
    parts = [at, record.message_id, state(record.status), f"{sender} > {record.to_number}"]
    parts += [str(record.provider)] if record.provider else []
    parts += [f"{record.failure.code}: {record.failure.detail}"] if record.failure else []
    return "  ".join(parts)


async def _tail(
    kafka: "KafkaSettings", chosen: Filter, *, from_beginning: bool, limit: int | None, json: bool
) -> None:
    from cli.commands.reach import reached

    repeats, shown = Repeats(), 0
    with reached(kafka):
        async for raw, record in _records(kafka, from_beginning=from_beginning):
            if not chosen.fits(record) or repeats.has(record.id):
                continue
            typer.echo(raw.decode() if json else line(record))
            sys.stdout.flush()  # programs read it through a pipe
            shown += 1
            if shown == limit:
                return


async def _records(
    kafka: "KafkaSettings", *, from_beginning: bool
) -> AsyncIterator[tuple[bytes, "StatusRecord"]]:
    from broker.clients import reader
    from schemas.base import DecodeError
    from schemas.public import StatusRecord
    from schemas.topics import STATUS

    consumer = reader(kafka)
    try:
        consumer.subscribe([STATUS])  # without a group: every partition is ours
        await consumer.start()
        await (consumer.seek_to_beginning if from_beginning else consumer.seek_to_end)()
        async for got in consumer:
            try:
                yield got.value, StatusRecord.decode(got.value)
            except DecodeError:
                continue  # another version's record: not for us, and not ours to complain about
    finally:
        await consumer.stop()
