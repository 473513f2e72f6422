"""A first message over each provider: the proof that a stack works, shown on its way."""

import asyncio
from collections.abc import Callable
from typing import Final

import httpx

from broker import clients
from cli.local.run import Run
from schemas import environment
from schemas.provider import Provider
from schemas.public import StatusRecord
from schemas.status import State
from schemas.topics import STATUS

RECIPIENT: Final = "+12025550143"  # in the range for made-up numbers


async def deliver(run: Run, tell: Callable[[StatusRecord], None], seconds: float = 60.0) -> bool:
    """Send one message over each provider and tell each of their transitions as it is published.

    Returns whether all were delivered within `seconds`.
    """
    reader = clients.reader(environment.settings().kafka.model_copy(update={"bootstrap_servers": run.kafka}))
    reader.subscribe([STATUS])
    try:
        async with asyncio.timeout(seconds), reader:
            await reader.seek_to_end()
            under_way = await _send(run)
            async for record in reader:
                status = StatusRecord.model_validate_json(record.value)
                if status.message_id in under_way:
                    tell(status)
                    if status.status is State.DELIVERED:
                        under_way.remove(status.message_id)
                if not under_way:
                    break
    except TimeoutError:
        return False
    return True


async def _send(run: Run) -> set[str]:
    """The ids of the messages sent: one from each provider's first number."""
    key = {"Authorization": f"Bearer {run.api_key}"}
    async with httpx.AsyncClient(base_url=run.ingress, headers=key) as ingress:
        answers = [
            await ingress.post(
                "/sms/send",
                json={
                    "from_phone_number": sender,
                    "to_phone_number": RECIPIENT,
                    "message": f"Hello from {sender}",
                },
            )
            for sender in run.senders[: len(Provider)]
        ]
    return {answer.raise_for_status().json()["message_id"] for answer in answers}
