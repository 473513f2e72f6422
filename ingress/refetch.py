"""Fetches one batch once more, as bytes: for one that aiokafka cannot take apart."""

from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import NotLeaderForPartitionError, for_code
from aiokafka.protocol.fetch import FetchRequest

from ingress.batches import Batch, first_batch

#: More than a batch of a request topic holds.
_MOST_BYTES: Final = 2 * 1024 * 1024
_COMMITTED: Final = 1


async def batch_at(consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> Batch:
    """The batch at `offset`, over the consumer's own connections; empty where there is none.

    Raises:
        KafkaError: the broker did not give it.
    """
    client = consumer._client  # noqa: SLF001  there is no other way to bytes
    leader = client.cluster.leader_for_partition(partition)
    if leader is None or leader < 0:
        raise NotLeaderForPartitionError(partition)
    asked = [(partition.topic, [(partition.partition, offset, _MOST_BYTES)])]
    answer = await client.send(leader, FetchRequest(0, 1, _MOST_BYTES, _COMMITTED, asked))
    _, error, _, *rest = answer.topics[0][1][0]
    if error:
        raise for_code(error)(partition)
    if not rest[-1]:
        return Batch([], offset)
    # As of version 11 the replica to read from lies before the records.
    aborted = rest[2 if answer.API_VERSION >= 5 else 1]
    return first_batch(bytes(rest[-1]), partition, offset, aborted or [])
