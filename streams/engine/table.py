"""Tables: what a handler remembers by key, rebuilt from a changelog wherever its partition goes."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Protocol

from streams.engine.accumulator import NO_HEADERS
from streams.engine.app import App
from streams.engine.batch import Batch, Record
from streams.engine.recovery import Changelogged

Keep = Callable[[bytes, bytes], bytes]
"""Of two changelog records of a key (old, new), the one to keep; may raise on bytes that it cannot read."""


class Host(Protocol):
    """What a table needs of its app."""

    processing: Batch | None

    @property
    def conf(self) -> Any:
        """Faust's settings; `id` is the app's name."""

    @property
    def producer(self) -> Any:
        """Our `Producer`."""


class Table:
    """Bytes to bytes, in memory, a dictionary for each partition that this worker owns.

    A row belongs to the partition of the record that wrote it: handlers read and write their own partition's
    rows only. Rows are never deleted (no tombstones): the changelog's retention forgets old ones, and `evict`
    drops them from memory.
    """

    def __init__(self, app: Host, name: str, keep: Keep | None = None) -> None:
        self.name = name
        self.changelog = f"{app.conf.id}-{name}-changelog"
        self._app = app
        self._keep = keep
        self._rows: defaultdict[int, dict[bytes, bytes]] = defaultdict(dict)
        self._sweep: Iterator[tuple[int, bytes]] = iter(())

    def get(self, key: bytes, default: bytes | None = None) -> bytes | None:
        """The row of `key`. Outside of a handler: whichever partition of ours holds it."""
        batch = self._app.processing
        if batch is not None:
            return self._rows[batch.tp.partition].get(key, default)
        return next((rows[key] for rows in self._rows.values() if key in rows), default)

    def __getitem__(self, key: bytes) -> bytes:
        if (row := self.get(key)) is None:
            raise KeyError(key)
        return row

    def __contains__(self, key: bytes) -> bool:
        return self.get(key) is not None

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All rows of this worker. Take them between records, not across an await."""
        for rows in self._rows.values():
            yield from rows.items()

    def __setitem__(self, key: bytes, value: bytes) -> None:
        batch = self._app.processing
        if batch is None:
            raise RuntimeError(f"table {self.name} is written by handlers only, while they handle a record")
        partition = batch.tp.partition
        batch.outputs[self._app.producer.put(self.changelog, value, key, partition, NO_HEADERS)] = None
        self._rows[partition][key] = value

    def evict(self, expired: Callable[[bytes, bytes], bool], limit: int = 10_000) -> int:
        """Forget rows for which `expired(key, row)`: in memory, not in the changelog.

        Each call looks at `limit` rows and the next one goes on from there, so that it can run often between
        records. Recovery brings rows back that the changelog still has; the next sweep takes them again.

        Returns:
            How many it forgot.
        """
        part = list(islice(self._sweep, limit))
        if not part:
            self._sweep = iter([(number, key) for number, rows in self._rows.items() for key in rows])
            part = list(islice(self._sweep, limit))
        count = 0
        for number, key in part:
            row = self._rows[number].get(key)
            if row is not None and expired(key, row):
                del self._rows[number][key]
                count += 1
        return count

    def restore(self, partition: int, records: Iterable[Record]) -> None:
        """Apply changelog records, oldest first.

        Raises:
            ValueError: a record without key or value, which the engine never writes; and what `keep` raises.
        """
        rows, keep = self._rows[partition], self._keep
        for record in records:
            key, value = record.key, record.value
            if key is None or value is None:
                raise ValueError(f"offset {record.offset} has no key or no value")
            old = rows.get(key)
            rows[key] = value if old is None or keep is None else keep(old, value)

    def drop(self, partition: int) -> None:
        """Forget a partition that another worker owns now."""
        self._rows.pop(partition, None)


def make_table(app: App, name: str, *, partitions: int, keep: Keep | None = None) -> Table:
    """A table of `app`, with the changelog topic `<app>-<name>-changelog`.

    Args:
        app: its owner; declare tables before the app runs.
        name: unique in the app.
        partitions: of the changelog topic and of the sources whose handlers write it; checked at the start.
        keep: for recovery; without it the newest record of a key wins.
    """
    table = Table(app, name, keep)
    app.tables.add(Changelogged(app, table, partitions))
    return table
