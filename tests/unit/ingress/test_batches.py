"""A record batch read by hand is what aiokafka reads, but for names of headers that it cannot."""

from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchBuilderPy
from hypothesis import given
from hypothesis import strategies as st

from ingress.batches import Batch, Unread, first_batch

SOURCE = TopicPartition("sms.requests.v1", 2)
Record = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]
NULLABLE = st.none() | st.binary(max_size=200)
RECORDS = st.lists(
    st.tuples(
        st.integers(0, 2**45),
        NULLABLE,
        NULLABLE,
        st.lists(st.tuples(st.text(max_size=20), NULLABLE), max_size=4),
    ),
    min_size=1,
    max_size=5,
)


class Name(str):
    """The name of a header that is no UTF-8 on the wire."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"a\xff\xfe"


def built(
    records: Sequence[Record], *, codec: int = 0, transactional: bool = False, producer: int = -1
) -> bytes:
    builder = _DefaultRecordBatchBuilderPy(
        2, codec, is_transactional=transactional, producer_id=producer, producer_epoch=0, base_sequence=0,
        batch_size=1_000_000,
    )  # fmt: skip
    for number, (time, key, value, headers) in enumerate(records):
        assert builder.append(number, time, key, value, headers) is not None
    return bytes(builder.build())


@given(RECORDS)
def test_it_reads_what_aiokafka_reads(records: Sequence[Record]) -> None:
    data = built(records)
    batch = first_batch(data, SOURCE, 0, ())
    found = [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in batch.records]
    theirs = [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in DefaultRecordBatch(data)]
    assert found == theirs
    assert batch.next_offset == len(records)
    assert all((record.topic, record.partition) == SOURCE for record in batch.records)


def test_any_name_of_a_header_is_read() -> None:
    (record,) = first_batch(built([(5, b"k", b"v", [(Name(), b"1")])]), SOURCE, 0, ()).records
    assert (record.key, record.value, record.headers) == (b"k", b"v", (("a\\xff\\xfe", b"1"),))


def test_it_begins_where_it_is_asked_to() -> None:
    batch = first_batch(built([(5, None, b"%d" % n, []) for n in range(5)]), SOURCE, 3, ())
    assert [(record.offset, record.value) for record in batch.records] == [(3, b"3"), (4, b"4")]
    assert batch.next_offset == 5


def test_the_brokers_time_is_that_of_all() -> None:
    data = bytearray(built([(5, None, b"", []), (9, None, b"", [])]))
    data[22] |= 0x08  # LogAppendTime
    batch = first_batch(bytes(data), SOURCE, 0, ())
    assert [(record.timestamp, record.timestamp_type) for record in batch.records] == [(9, 1), (9, 1)]


@pytest.mark.parametrize(
    ("aborted", "count"), [((), 1), (((7, 0),), 0), (((8, 0),), 1), (((7, 1),), 1), (((8, 0), (7, 0)), 0)]
)
def test_what_was_aborted_is_not_there(aborted: tuple[tuple[int, int], ...], count: int) -> None:
    data = built([(5, None, b"v", [])], transactional=True, producer=7)
    batch = first_batch(data, SOURCE, 0, aborted)
    assert (len(batch.records), batch.next_offset) == (count, 1)


def test_the_mark_of_a_transaction_is_no_record() -> None:
    data = bytearray(built([(5, b"\0\0\0\0", b"\0\0", [])], transactional=True, producer=7))
    data[22] |= 0x20  # a control batch
    assert first_batch(bytes(data), SOURCE, 0, ()).records == []


def test_gzip_is_taken_apart() -> None:
    data = built([(5, None, b"v" * 100, [(Name(), None)])] * 2, codec=1)
    assert data[22] & 0x07 == 1
    assert [record.value for record in first_batch(data, SOURCE, 0, ()).records] == [b"v" * 100] * 2


def unread(batch: Batch) -> list[int]:
    assert all(isinstance(record, Unread) and record.why for record in batch.records)
    return [record.offset for record in batch.records]


@pytest.mark.parametrize("codec", [1, 2, 3, 4, 5, 7])
def test_each_place_of_a_codec_that_nobody_knows_is_stepped_over(codec: int) -> None:
    data = bytearray(built([(5, None, b"v", [])] * 3))
    data[22] |= codec
    batch = first_batch(bytes(data), SOURCE, 1, ())
    assert (unread(batch), batch.next_offset) == ([1, 2], 3)


def test_of_another_format_one_place_is_stepped_over() -> None:
    data = bytearray(built([(5, None, b"v", [])] * 3))
    data[16] = 1
    batch = first_batch(bytes(data), SOURCE, 1, ())
    assert (unread(batch), batch.next_offset) == ([1], 2)


def test_what_says_that_it_never_ends_is_stepped_over_in_parts() -> None:
    data = bytearray(built([(5, None, b"v", [])]))
    data[23:27] = b"\x7f\xff\xff\xff"
    data[57:61] = b"\x7f\xff\xff\xff"
    batch = first_batch(bytes(data), SOURCE, 0, ())
    assert (unread(batch), batch.next_offset) == (list(range(500)), 500)
    assert unread(first_batch(bytes(data), SOURCE, 500, ())) == list(range(500, 1000))


@given(
    st.integers(0, 200),
    st.lists(st.tuples(st.integers(0, 199), st.integers(0, 255)), max_size=5),
    st.booleans(),
)
def test_nothing_that_lies_there_raises_and_each_batch_is_left_behind(
    size: int, changes: Sequence[tuple[int, int]], packed: bool
) -> None:
    data = bytearray(built([(5, b"k" * 30, b"v" * 40, [("h", b"1")])] * 3, codec=int(packed)))
    for at, byte in changes:
        data[at % len(data)] = byte
    batch = first_batch(bytes(data[:size]), SOURCE, 1, ())
    assert batch.next_offset > 1
    offsets = [record.offset for record in batch.records]
    assert offsets == sorted(set(offsets))
    assert all(1 <= offset < batch.next_offset for offset in offsets)
