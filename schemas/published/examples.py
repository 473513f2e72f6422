"""Examples of the public records: of a message that arrives, one that does not, and a text that comes in."""

from typing import Any, Final

from schemas import ids
from schemas.base import Record
from schemas.notifications import Event, SwitchedOff
from schemas.provider import Fault, Provider
from schemas.public import (
    Attempt,
    AttemptOutcome,
    Failure,
    InboundRecord,
    Keyword,
    Media,
    StatusRecord,
    Step,
)
from schemas.requests import SendRequest, fingerprint
from schemas.status import State

#: 2026-04-30T10:15:00Z: when all of it happens.
AT: Final = 1_777_544_100_000
_FORGET_AT: Final = AT + 72 * 3_600_000
_ORGANIZATION: Final = "acme"

#: From a number, with what a careful producer says.
FROM_NUMBER: Final[dict[str, Any]] = {
    "type": "sms.request.v1",
    "from_phone_number": "+14155550123",
    "to_phone_number": "+12025550143",
    "message": "Your order #12345 has shipped!",
    "idempotency_key": "order:12345:shipped",
    "reference": "order-12345",
    "valid_for": 3600,
}
#: Through a use case, with a picture, and not before a moment.
THROUGH_USE_CASE: Final[dict[str, Any]] = {
    "use_case_id": "5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10",
    "to_phone_number": "+12025550143",
    "message": "Your table is ready at seven.",
    "media_urls": ["https://media.example.com/table.jpg"],
    "send_at": "2026-05-01T09:00:00Z",
}
#: Just what is needed.
SHORT: Final[dict[str, Any]] = {
    "from_phone_number": "+14155550123",
    "to_phone_number": "+12025550143",
    "message": "Hello",
}
REQUESTS: Final = (FROM_NUMBER, THROUGH_USE_CASE, SHORT)

_ID: Final = ids.of_key(_ORGANIZATION, FROM_NUMBER["idempotency_key"])
_ATTEMPT: Final = Attempt(
    number=1,
    at=AT + 180,
    provider=Provider.TWILIO,
    account="twilio-main",
    sender="+14155550123",
    outcome=AttemptOutcome.ACCEPTED,
    provider_message_id="SM0123456789abcdef0123456789abcdef",
)


def _status(*steps: tuple[State, int], **more: Any) -> StatusRecord:
    request = SendRequest.model_validate(FROM_NUMBER)
    history = tuple(Step(status=state, at=AT + late) for state, late in steps)
    return StatusRecord(
        **{
            "id": ids.of_transition(_ID, len(steps)),
            "message_id": _ID,
            "organization": _ORGANIZATION,
            "sequence": len(steps),
            "status": history[-1].status,
            "previous": history[-2].status if len(history) > 1 else None,
            "at": history[-1].at,
            "accepted_at": AT,
            "forget_at": _FORGET_AT,
            "from_number": request.from_phone_number,
            "to_number": request.to_phone_number,
            "text": request.message,
            "segments": 1,
            "reference": request.reference,
            "fingerprint": fingerprint(request),
            "history": history,
            **more,
        }
    )


_ROUTED: Final = {
    "attempt": 1,
    "provider": Provider.TWILIO,
    "account": "twilio-main",
    "reason": "sender asked for",
}
_QUEUED: Final = (State.QUEUED, 12)
_SENT: Final = (State.SENT, 180)
QUEUED: Final = _status(_QUEUED, **_ROUTED)
DELIVERED: Final = _status(
    _QUEUED,
    _SENT,
    (State.DELIVERED, 2_400),
    **_ROUTED,
    provider_message_id=_ATTEMPT.provider_message_id,
    attempts=(_ATTEMPT,),
)
UNDELIVERED: Final = _status(
    _QUEUED,
    _SENT,
    (State.UNDELIVERED, 3_100),
    **_ROUTED,
    provider_message_id=_ATTEMPT.provider_message_id,
    attempts=(_ATTEMPT,),
    failure=Failure(
        code="undelivered", detail="Unknown destination handset", provider_code="30005", fault=Fault.RECIPIENT
    ),
)
REFUSED: Final = _status(
    (State.FAILED, 12),
    failure=Failure(code="sender_not_found", detail="No assistant of acme has the number +14155550123"),
)
#: Its organization keeps text and media off the topic.
REDACTED: Final = _status(_QUEUED, **_ROUTED, text="", redacted=True)
STATUSES: Final = (DELIVERED, QUEUED, UNDELIVERED, REFUSED, REDACTED)

INBOUND: Final = InboundRecord(
    id=ids.of_inbound(Provider.TELNYX, "telnyx-main", "40385f64-5717-4562-b3fc-2c963f66afa6"),
    organization=_ORGANIZATION,
    provider=Provider.TELNYX,
    account="telnyx-main",
    provider_message_id="40385f64-5717-4562-b3fc-2c963f66afa6",
    from_number="+12025550143",
    to_number="+14155550123",
    text="Here is a picture of it",
    media=(Media(url="https://media.example.com/it.png", content_type="image/png", size=48_213),),
    segments=1,
    at=AT,
    received_at=AT + 420,
)
STOP: Final = INBOUND.model_copy(
    update={
        "id": ids.of_inbound(Provider.TELNYX, "telnyx-main", "7f2c0a94-0a44-4c6c-8f0e-6f1a2b3c4d5e"),
        "provider_message_id": "7f2c0a94-0a44-4c6c-8f0e-6f1a2b3c4d5e",
        "text": "STOP",
        "keyword": Keyword.STOP,
        "media": (),
    }
)
INBOUNDS: Final = (INBOUND, STOP)

SWITCHED_OFF: Final = SwitchedOff(
    subscription="orders",
    organization=_ORGANIZATION,
    url="https://orders.example.com/texts",
    since=AT,
    at=AT + 5 * 86_400_000,
    detail="503",
)
EVENTS: Final = tuple(Event.of(record) for record in (DELIVERED, INBOUND, SWITCHED_OFF))


def shown(record: Record) -> dict[str, Any]:
    """A record as it lies on its topic."""
    return record.model_dump(mode="json", exclude_none=True)
