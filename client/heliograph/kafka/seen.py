"""Tells repeats: the platform may tell a transition twice, and Kafka may hand one over again. Pure."""

from collections import OrderedDict
from typing import Final, TypeVar

from heliograph.records import InboundRecord, StatusRecord

V = TypeVar("V")
#: Records, and messages, that are remembered: some 30 MB in all.
REMEMBERED: Final = 100_000


class Seen:
    """What a stream has handed over: the newest ids, and of the newest messages the highest sequence."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._sequences: OrderedDict[str, int] = OrderedDict()

    def first(self, record: StatusRecord | InboundRecord) -> bool:
        """Whether `record` has not come before, as far as is remembered; from now on it has."""
        new = record.id not in self._ids
        self._put(self._ids, record.id, None)
        if not isinstance(record, StatusRecord):
            return new
        # A message's records come in order, so a sequence that is not higher was handed over before, even
        # where its id is forgotten: of a message there are several ids, and one sequence.
        before = self._sequences.get(record.message_id, 0)
        self._put(self._sequences, record.message_id, max(before, record.sequence))
        return new and record.sequence > before

    def _put(self, known: OrderedDict[str, V], name: str, value: V) -> None:
        known[name] = value
        known.move_to_end(name)
        if len(known) > self._remembered:
            known.popitem(last=False)
