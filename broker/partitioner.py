"""Which partition a key belongs to: as Java clients and aiokafka say, at a quarter of aiokafka's price.

aiokafka hashes byte by byte: for an id of 36 characters that is as dear as decoding its record.
"""

import random
from collections.abc import Sequence
from struct import unpack_from
from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_32: Final = 0xFFFFFFFF


def partition(key: bytes | None, every: Sequence[int], available: Sequence[int]) -> int:
    """The partition of `key` among `every`, in their order; without a key, one of those that can be reached.

    The signature is that of aiokafka's `partitioner`.
    """
    if key is None:
        return random.choice(available or every)  # noqa: S311 - no secret
    return every[(murmur2(key) & 0x7FFFFFFF) % len(every)]


def murmur2(data: bytes) -> int:
    """MurmurHash2 with the seed that Kafka's Java client has (org.apache.kafka.common.utils.Utils)."""
    length = len(data)
    whole, rest = divmod(length, 4)
    h = _SEED ^ length
    for word in unpack_from(f"<{whole}I", data):
        k = word * _M & _32
        h = (h * _M & _32) ^ ((k ^ k >> 24) * _M & _32)
    if rest:
        h = (h ^ int.from_bytes(data[-rest:], "little")) * _M & _32
    h = (h ^ h >> 13) * _M & _32
    return h ^ h >> 15
