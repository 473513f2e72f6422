"""aiokafka's connections, with the lease looked at last before a produce request is written."""

from typing import Any, Final

from aiokafka.protocol.group import HeartbeatRequest, SyncGroupRequest
from aiokafka.protocol.produce import ProduceRequest

from broker import patience
from streams.engine.lease import Lease, clock

#: Answers that prove membership: no error, and "rebalance in progress" (we are waited for).
MEMBER_STILL: Final = (0, 27)


class Client(patience.Client):
    """Closes: a zombie's produce request (see `Lease`); the busy loop while no broker answers (see its base).

    Becomes the class of clients that aiokafka builds itself (it has no place to hand one in).
    """

    lease: Lease

    async def send(self, node_id: int, request: Any, **options: Any) -> Any:
        """Send a request; a produce request only while the lease holds."""
        if isinstance(request, ProduceRequest):
            await self.ready(node_id, **options)  # so that no connecting comes between the look and the write
            await self.lease.hold()
        sent = clock()
        response = await super().send(node_id, request, **options)
        if isinstance(request, HeartbeatRequest | SyncGroupRequest) and response.error_code in MEMBER_STILL:
            self.lease.renew(sent)
        return response
