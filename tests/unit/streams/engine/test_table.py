"""A table's rows: by partition, through the changelog, restored by rule, forgotten without tombstones."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.batch import Batch
from streams.engine.table import Keep, Table


@dataclass
class Log:
    """Stands for the app: its producer keeps what is put."""

    conf: Any = field(default_factory=lambda: SimpleNamespace(id="app"))
    processing: Batch | None = None
    written: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def producer(self) -> "Log":
        return self

    def put(self, *record: Any) -> int:
        self.written.append(record)
        return len(self.written)


@dataclass(frozen=True)
class Change:
    key: bytes | None
    value: bytes | None
    offset: int = 0
    topic: str = "in"
    partition: int = 0
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


def batch(partition: int) -> Batch:
    return Batch(SimpleNamespace(topic="in", partition=partition), [Change(None, None)], generation=1)


def make(keep: Keep | None = None) -> tuple[Log, Table]:
    log = Log()
    return log, Table(log, "rows", keep)


def test_a_row_is_written_to_the_changelog_partition_of_the_record_at_hand() -> None:
    log, table = make()
    log.processing = batch(3)
    table[b"key"] = b"row"
    assert log.written == [("app-rows-changelog", b"row", b"key", 3, [])]
    assert list(log.processing.outputs) == [1]
    assert table[b"key"] == b"row"


def test_only_a_handler_writes() -> None:
    _, table = make()
    with pytest.raises(RuntimeError, match="by handlers only"):
        table[b"key"] = b"row"


def test_a_handler_sees_the_rows_of_its_partition_only() -> None:
    log, table = make()
    table.restore(0, [Change(b"key", b"row")])
    log.processing = batch(1)
    assert table.get(b"key") is None
    assert b"key" not in table
    log.processing = batch(0)
    assert table.get(b"key") == b"row"
    log.processing = None
    assert table[b"key"] == b"row"


def test_a_missing_row_has_a_default_or_raises() -> None:
    _, table = make()
    assert table.get(b"key", b"none") == b"none"
    with pytest.raises(KeyError):
        table[b"key"]


def test_a_dropped_partition_is_forgotten() -> None:
    _, table = make()
    table.restore(0, [Change(b"a", b"1")])
    table.restore(1, [Change(b"b", b"2")])
    table.drop(0)
    table.drop(7)
    assert dict(table.items()) == {b"b": b"2"}
    assert len(table) == 1


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.binary(min_size=1, max_size=3))))
def test_without_a_rule_the_newest_record_wins(changes: list[tuple[bytes, bytes]]) -> None:
    _, table = make()
    table.restore(0, [Change(*change) for change in changes])
    assert dict(table.items()) == dict(changes)


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.binary(min_size=1, max_size=3))))
def test_with_a_rule_the_order_of_records_does_not_matter(changes: list[tuple[bytes, bytes]]) -> None:
    _, table = make(max)
    table.restore(0, [Change(*change) for change in changes])
    assert dict(table.items()) == {key: max(v for k, v in changes if k == key) for key, _ in changes}


@pytest.mark.parametrize("change", [Change(None, b"row"), Change(b"key", None)])
def test_a_record_that_the_engine_never_writes_is_refused(change: Change) -> None:
    _, table = make()
    with pytest.raises(ValueError, match="no key or no value"):
        table.restore(0, [change])


def test_eviction_goes_round_by_parts() -> None:
    _, table = make()
    table.restore(0, [Change(b"%d" % i, b"old" if i % 2 else b"new") for i in range(10)])
    counts = [table.evict(lambda _, row: row == b"old", limit=4) for _ in range(3)]
    assert sum(counts) == 5
    assert max(counts) <= 2
    assert {row for _, row in table.items()} == {b"new"}
    table.restore(1, [Change(b"later", b"old")])
    assert sum(table.evict(lambda _, row: row == b"old", limit=4) for _ in range(3)) == 1
