"""Keys lie where every other Kafka client puts them."""

from aiokafka import partitioner as theirs
from hypothesis import given
from hypothesis import strategies as st

from broker.partitioner import murmur2, partition


@given(st.binary(max_size=80))
def test_the_hash_is_aiokafkas(data: bytes) -> None:
    assert murmur2(data) == theirs.murmur2(data)


@given(st.binary(max_size=40), st.integers(1, 50))
def test_so_is_the_partition(key: bytes, many: int) -> None:
    every = list(range(many))
    assert partition(key, every, every[:1]) == theirs.DefaultPartitioner()(key, every, every[:1])


def test_without_a_key_one_that_can_be_reached_is_taken() -> None:
    assert partition(None, [0, 1, 2], [1]) == 1
    assert partition(None, [7], []) == 7


def test_known_hashes_of_the_java_client() -> None:
    """From UtilsTest.testMurmur2 of Apache Kafka."""
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    assert {key: (murmur2(key) ^ 0x80000000) - 0x80000000 for key in known} == known
