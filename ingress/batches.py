"""Reads a record batch as it lies on the broker: for one that aiokafka cannot take apart.

The name of a header is a text to aiokafka. To librdkafka and the broker it is bytes, and need be no UTF-8.
The format is the protocol's (https://kafka.apache.org/documentation/#recordbatch), magic 2.
"""

import struct
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from aiokafka import ConsumerRecord, TopicPartition, codec

#: Base offset, length, leader's epoch, magic, checksum, attributes, last offset delta, first and last
#: timestamp, producer's id, epoch and sequence, and how many records.
_HEAD: Final = struct.Struct(">qiibIhiqqqhii")
#: What lies before the bytes that the length counts.
_BEFORE_LENGTH: Final = 12
_CODEC, _LOG_APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20
_DECODE: Final[Mapping[int, Callable[[bytes], bytes]]] = {
    0: bytes,
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: codec.lz4_decode,
    4: codec.zstd_decode,
}
#: Of a batch that cannot be read, so many places are told at once: how many it has may be nonsense as well.
_TOLD: Final = 500
#: A varint of 64 bits has no more bytes.
_LONGEST_VARINT: Final = 10


class Unread(ConsumerRecord):  # type: ignore[misc]  # aiokafka has no types
    """The place of a record in a batch that nobody can take apart: no more is known of it."""

    def __init__(self, source: TopicPartition, offset: int, timestamp: int, why: str) -> None:
        super().__init__(source.topic, source.partition, offset, timestamp, 0, None, None, None, -1, -1, ())
        self.why = why


@dataclass(frozen=True)
class Batch:
    """What one batch holds for its readers."""

    records: list[ConsumerRecord]
    #: Where the next one begins.
    next_offset: int


@dataclass(frozen=True)
class _Head:
    """What a batch says of itself."""

    base: int
    length: int
    magic: int
    attributes: int
    last: int
    first_time: int
    last_time: int
    producer: int
    count: int

    @classmethod
    def of(cls, data: bytes) -> "_Head":
        base, length, _, magic, _, attributes, last, first, latest, producer, _, _, count = _HEAD.unpack_from(
            data
        )
        return cls(base, length, magic, attributes, last, first, latest, producer, count)


def first_batch(
    data: bytes, source: TopicPartition, offset: int, aborted: Collection[tuple[int, int]]
) -> Batch:
    r"""The first batch in `data`, from `offset` on; without records where it has none for its readers.

    What is no UTF-8 in the name of a header is written as Python writes bytes (`\\xff`). Never raises: of a
    batch that cannot be taken apart each place is an `Unread`.

    Args:
        data: what a fetch gave.
        source: where it was fetched.
        offset: from which on.
        aborted: producer and first offset of the transactions there that were aborted.
    """
    try:
        head = _Head.of(data)
    except struct.error as cut:
        return _stepped_over(source, offset, offset, 0, cut)
    if head.magic != 2 or head.last < 0 or head.base + head.last < offset:
        error = ValueError(f"magic {head.magic}, offsets from {head.base}, the last {head.last} beyond")
        return _stepped_over(source, offset, offset, 0, error)
    end = head.base + head.last
    gone = any(of == head.producer and begun <= end for of, begun in aborted)
    if head.attributes & _CONTROL or (head.attributes & _TRANSACTIONAL and gone):
        return Batch([], end + 1)
    try:
        found = _records(data, head, source)
    except Exception as error:  # noqa: BLE001  each codec raises errors of its own, and none may stop us
        return _stepped_over(source, max(offset, head.base), end, max(head.last_time, 0), error)
    return Batch([record for record in found if record.offset >= offset], end + 1)


def _stepped_over(source: TopicPartition, first: int, last: int, timestamp: int, error: Exception) -> Batch:
    last = min(last, first + _TOLD - 1)
    why = f"its batch cannot be taken apart: {error!r}"
    places = range(first, last + 1)
    return Batch([Unread(source, offset, timestamp, why) for offset in places], last + 1)


def _records(data: bytes, head: _Head, source: TopicPartition) -> list[ConsumerRecord]:
    whole = data[: _BEFORE_LENGTH + head.length]
    if len(whole) < _BEFORE_LENGTH + head.length:
        raise ValueError(f"{len(whole)} of its {_BEFORE_LENGTH + head.length} bytes")
    reader = _Reader(_DECODE[head.attributes & _CODEC](whole[_HEAD.size :]))
    found: list[ConsumerRecord] = []
    before = -1
    for _ in range(head.count):
        time, at, key, value, headers = reader.record()
        if not before < at <= head.last:
            raise ValueError(f"offset {at} after {before}, and {head.last} is the last one")
        before = at
        found.append(
            ConsumerRecord(
                topic=source.topic,
                partition=source.partition,
                offset=head.base + at,
                timestamp=head.last_time
                if head.attributes & _LOG_APPEND_TIME
                else max(head.first_time + time, -1),
                timestamp_type=int(bool(head.attributes & _LOG_APPEND_TIME)),
                key=key,
                value=value,
                checksum=None,
                serialized_key_size=-1 if key is None else len(key),
                serialized_value_size=-1 if value is None else len(value),
                headers=headers,
            )
        )
    return found


Headers = tuple[tuple[str, bytes | None], ...]


class _Reader:
    """The records of a batch, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def record(self) -> tuple[int, int, bytes | None, bytes | None, Headers]:
        """Time and offset, both beyond the batch's, key, value and headers."""
        self._varint()  # its length
        self._at += 1  # its attributes, of which there are none
        time, at = self._varint(), self._varint()
        key, value = self._bytes(), self._bytes()
        headers = tuple((self._name(), self._bytes()) for _ in range(self._varint()))
        return time, at, key, value, headers

    def _name(self) -> str:
        return (self._bytes() or b"").decode(errors="backslashreplace")

    def _bytes(self) -> bytes | None:
        size = self._varint()
        if size < 0:
            return None
        self._at += size
        if self._at > len(self._data):
            raise ValueError("it ends amid a record")
        return bytes(self._data[self._at - size : self._at])

    def _varint(self) -> int:
        """Seven bits a byte, the lowest first, and zigzag: 0, -1, 1, -2, ..."""
        found = 0
        for number in range(_LONGEST_VARINT):
            byte = self._data[self._at]
            self._at += 1
            found |= (byte & 0x7F) << 7 * number
            if byte < 0x80:
                return (found >> 1) ^ -(found & 1)
        raise ValueError("a number that does not end")
