"""What a record asks for; and where nobody subscribes, nothing is even read."""

from dataclasses import dataclass

import pytest

from notifiers.reader import read
from schemas import topics
from schemas.base import DecodeError
from tests.unit.notifiers.world import NOW, directory, subscription


@dataclass
class Record:
    topic: str
    value: bytes


@pytest.mark.parametrize("topic", [topics.STATUS, topics.INBOUND])
def test_where_nobody_subscribes_nothing_is_decoded(topic: str) -> None:
    assert read(Record(topic, b"nonsense"), directory(), NOW) == []
    with pytest.raises(DecodeError):
        read(Record(topic, b"nonsense"), directory(subscription("hook")), NOW)


def test_orders_are_read_all_the_same() -> None:
    with pytest.raises(DecodeError):
        read(Record(topics.NOTIFICATIONS, b"nonsense"), directory(), NOW)
