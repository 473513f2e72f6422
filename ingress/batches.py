"""Reads a record batch as it lies on the broker: for one that aiokafka cannot take apart.

The name of a header is a text to aiokafka. To librdkafka and the broker it is bytes, and need be no UTF-8.
The format is the protocol's (https://kafka.apache.org/documentation/#recordbatch), magic 2.
"""

import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from aiokafka import ConsumerRecord, TopicPartition

#: Base offset, length, leader's epoch, magic, checksum, attributes, last offset delta, first and last
#: timestamp, producer's id, epoch and sequence, and how many records.
_HEAD: Final = struct.Struct(">qiibIhiqqqhii")
_CODEC, _LOG_APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20


@dataclass(frozen=True)
class Batch:
    """What one batch holds for its readers."""

    records: list[ConsumerRecord]
    #: Where the next one begins.
    next_offset: int


def first_batch(
    data: bytes, source: TopicPartition, offset: int, aborted: Collection[tuple[int, int]]
) -> Batch:
    r"""The first batch in `data`, from `offset` on; without records where it has none for its readers.

    What is no UTF-8 in the name of a header is written as Python writes bytes (`\\xff`).

    Args:
        data: what a fetch gave.
        source: where it was fetched.
        offset: from which on.
        aborted: producer and first offset of the transactions there that were aborted.

    Raises:
        ValueError: it is of another format, or compressed, which no request topic is.
    """
    head = _HEAD.unpack_from(data)
    base, magic, attributes, last, first_time, last_time, producer, count = (
        head[n] for n in (0, 3, 5, 6, 7, 8, 9, 12)
    )
    if magic != 2 or attributes & _CODEC:
        raise ValueError(f"a batch of magic {magic} with attributes {attributes:#x}")
    gone = any(of == producer and begun <= base + last for of, begun in aborted)
    if attributes & _CONTROL or (attributes & _TRANSACTIONAL and gone):
        return Batch([], base + last + 1)
    reader = _Reader(data, _HEAD.size)
    found = []
    for _ in range(count):
        time, at, key, value, headers = reader.record()
        found.append(
            ConsumerRecord(
                topic=source.topic,
                partition=source.partition,
                offset=base + at,
                timestamp=last_time if attributes & _LOG_APPEND_TIME else first_time + time,
                timestamp_type=int(bool(attributes & _LOG_APPEND_TIME)),
                key=key,
                value=value,
                checksum=None,
                serialized_key_size=-1 if key is None else len(key),
                serialized_value_size=-1 if value is None else len(value),
                headers=headers,
            )
        )
    return Batch([record for record in found if record.offset >= offset], base + last + 1)


Headers = tuple[tuple[str, bytes | None], ...]


class _Reader:
    """The records of a batch, one after the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

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
        return bytes(self._data[self._at - size : self._at])

    def _varint(self) -> int:
        """Seven bits a byte, the lowest first, and zigzag: 0, -1, 1, -2, ..."""
        found = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            found |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (found >> 1) ^ -(found & 1)
