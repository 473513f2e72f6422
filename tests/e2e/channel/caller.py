"""The channel API as a test calls it: over HTTP, and over Kafka by a plain producer."""

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from confluent_kafka import Producer

from tests.e2e.caller import Answer, Api, eventually

PATH: Final = "/v1/sms/"
#: The contract's fields, in its order; what is ours comes after them.
FIELDS: Final = (
    "id", "use_case_id", "message_sid", "from_number", "to_number", "body", "num_segments", "status",
    "handed_off_at", "delivered_at", "errored_at", "error_code", "created_at", "updated_at",
)  # fmt: skip
WORDS: Final = frozenset({"pending", "sent", "delivered", "failed", "undelivered"})
_ENDED: Final = frozenset({"delivered", "undelivered", "failed", "cancelled"})


class Channel:
    """One caller of it."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def send(self, use_case: str, to: str, text: str, *, headers: Any = None, **more: Any) -> Answer:
        """`POST /v1/sms/`."""
        fields = {"use_case_id": use_case, "to_phone_number": to, "message": text, **more}
        return await self.api.call("POST", PATH, json=fields, headers=headers)

    async def sent(self, use_case: str, to: str, text: str, **more: Any) -> str:
        """The id of one that is taken."""
        return taken(await self.send(use_case, to, text, **more))["id"]  # type: ignore[no-any-return] # JSON

    async def get(self, message_id: str) -> dict[str, Any]:
        """`GET /v1/sms/{id}`."""
        answer = await self.api.call("GET", f"{PATH}{message_id}")
        assert answer.status == 200, answer
        return whole(answer.body)

    async def until(self, message_id: str, *states: str) -> dict[str, Any]:
        """Wait until it is in one of `states` (our words); what is shown then."""

        def there(shown: dict[str, Any]) -> bool:
            assert shown["state"] in states or shown["state"] not in _ENDED, shown
            return shown["state"] in states

        return await eventually(lambda: self.get(message_id), there)

    async def delivered(self, message_id: str) -> dict[str, Any]:
        """Wait until it is."""
        return await self.until(message_id, "delivered")

    async def until_refused(self, use_case: str, code: str, to: str = "+16175550123") -> None:
        """Wait until a send would be refused so: the directory and opt-outs are followed a moment behind."""
        await eventually(
            lambda: self.send(use_case, to, "would it be?", dry_run=True),
            lambda answer: answer.body.get("code") == code,
        )

    async def until_permitted(self, use_case: str, to: str = "+16175550123") -> dict[str, Any]:
        """Wait until it would be taken; what a dry run says then."""
        answer = await eventually(
            lambda: self.send(use_case, to, "would it be?", dry_run=True), lambda answer: answer.status == 200
        )
        return answer.body

    async def record(self, message_id: str) -> dict[str, Any]:
        """`GET /sms/{id}`: everything that is known of it, attempts and reasons too."""
        answer = await self.api.whole(message_id)
        assert answer.status == 200, answer
        return answer.body


def taken(answer: Answer) -> dict[str, Any]:
    """The body of a 201."""
    assert answer.status == 201, answer
    return whole(answer.body)


def whole(body: dict[str, Any]) -> dict[str, Any]:
    """Check that a message is shown as the contract documents it; the same body."""
    assert tuple(body)[: len(FIELDS)] == FIELDS
    uuid.UUID(body["id"])
    uuid.UUID(body["use_case_id"])
    assert body["status"] in WORDS
    for name in ("message_sid", "to_number", "body"):
        assert isinstance(body[name], str), name
        assert body[name], name
    assert body["from_number"] is None or body["from_number"].startswith("+")
    for name in ("num_segments", "error_code"):
        assert body[name] is None or type(body[name]) is int, name
    for name in ("handed_off_at", "delivered_at", "errored_at", "created_at", "updated_at"):
        if body[name] is None:
            assert name not in {"created_at", "updated_at"}
        else:
            assert datetime.fromisoformat(body[name]).tzinfo is not None
    return body


async def produce(kafka: str, topic: str, requests: Sequence[Mapping[str, Any]]) -> None:
    """Hand requests in as a direct producer does; return when the broker has them all."""
    producer = Producer({"bootstrap.servers": kafka, "acks": "all", "log_level": 2})
    for request in requests:
        producer.produce(topic, json.dumps(request))
    left = await asyncio.to_thread(producer.flush, 30)
    assert left == 0
