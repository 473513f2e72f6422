"""What goes through Faust's queues: not events, but batches of consecutive records of one partition."""

from collections.abc import Sequence
from typing import Any, Protocol

from faust.types import TP


class Record(Protocol):
    """What a handler gets: aiokafka's `ConsumerRecord`, as far as handlers need it."""

    @property
    def topic(self) -> str:
        """Its topic."""

    @property
    def partition(self) -> int:
        """Its partition."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch: of the producer, or of the append where the topic says so."""

    @property
    def key(self) -> bytes | None:
        """Its key's bytes."""

    @property
    def value(self) -> bytes | None:
        """Its value's bytes; None where a producer sent none."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Its headers in order; names may repeat."""


class Batch:
    """Consecutive records of one partition, acknowledged as one.

    `outputs` are the producer's batches that hold what it produced, changelog records included, in order.
    """

    __slots__ = ("__weakref__", "first", "generation", "last", "outputs", "records", "tp")

    def __init__(self, tp: TP, records: Sequence[Record], generation: int) -> None:
        self.tp = tp
        self.records = records
        self.generation = generation
        self.first, self.last = records[0].offset, records[-1].offset
        self.outputs: dict[Any, None] = {}
