"""Answers as callers get them: what the document shows of each operation that went well."""

from typing import Any, Final

from ingress.openapi.errors import MESSAGE_ID, USE_CASE_ID
from schemas.provider import Provider

_AT: Final = "2026-04-30T10:15:00Z"
_MILLIS: Final = "2026-04-30T10:15:00.000Z"
_ID: Final = {"message_id": MESSAGE_ID}

BASIC: Final = {
    "from_phone_number": "+14155550123",
    "to_phone_number": "+12025550143",
    "message": "Your order #12345 has shipped!",
}
ALL_OPTIONS: Final = {
    **BASIC,
    "media_urls": ["https://media.example.com/image.jpg"],
    "queue": False,
    "idempotency_key": "order:12345:shipped",
    "valid_for": 3600,
    "reference": "order-12345",
}
SCHEDULED: Final = {**BASIC, "send_at": "2026-05-01T09:00:00Z", "valid_for": 3600}

_QUEUED: Final = {
    "success": True,
    **_ID,
    "message": "SMS queued successfully via telnyx",
    "provider": "telnyx",
    "status": "queued",
    "num_segments": 1,
}
SENT: Final[dict[str, Any]] = {
    "queued": _QUEUED,
    "scheduled": {**_QUEUED, "send_at": "2026-05-01T09:00:00.000Z"},
    "sent": {**_QUEUED, "message": "SMS sent successfully via telnyx", "status": "sent"},
    "late": {
        **_QUEUED,
        "message": "SMS queued via telnyx; handed to telnyx, whose answer is not known yet",
        "state": "sending",
    },
    "cancelled": {
        **_QUEUED,
        "success": False,
        "message": "SMS was cancelled before it was sent",
        "status": "failed",
        "state": "cancelled",
    },
}

_STATUS: Final = {
    **_ID,
    "status": "sent",
    "provider_message_id": "SM1234567890abcdef",
    "error": None,
    "updated_at": _AT,
    "state": "delivered",
    "num_segments": 1,
    "send_at": None,
}
STATUS: Final[dict[str, Any]] = {
    "delivered": _STATUS,
    "queued": {**_STATUS, "status": "queued", "state": "queued", "provider_message_id": None},
    "failed": {
        **_STATUS,
        "status": "failed",
        "state": "undelivered",
        "error": "The handset did not get it: unreachable",
    },
}

_SAID: Final = {
    "provider_code": "21614",
    "fault": "recipient",
    "detail": "'To' number is not a mobile number",
}
_ATTEMPT: Final = {
    "number": 1,
    "at": _MILLIS,
    "provider": "twilio",
    "account": "twilio-main",
    "sender": BASIC["from_phone_number"],
    "outcome": "accepted",
    "provider_message_id": "SM1234567890abcdef",
    "provider_code": None,
    "fault": None,
    "detail": None,
}


def _steps(*states: str) -> list[dict[str, Any]]:
    return [{"status": state, "at": _MILLIS, "settled_by": None} for state in states]


_RECORD: Final = {
    **_ID,
    "status": "sent",
    "state": "delivered",
    "use_case_id": None,
    **BASIC,
    "media_urls": [],
    "redacted": False,
    "num_segments": 1,
    "reference": "order-12345",
    "provider": "twilio",
    "account": "twilio-main",
    "sender": BASIC["from_phone_number"],
    "provider_message_id": _ATTEMPT["provider_message_id"],
    "error": None,
    "failure": None,
    "send_at": None,
    "accepted_at": _MILLIS,
    "updated_at": _MILLIS,
    "history": _steps("queued", "sent", "delivered"),
    "attempts": [_ATTEMPT],
    "reason": "from number: +14155550123 of assistant front-desk sends through account twilio-main",
    "conflicts_with": None,
}
RECORD: Final[dict[str, Any]] = {
    "delivered": _RECORD,
    "failed": {
        **_RECORD,
        "status": "failed",
        "state": "failed",
        "provider_message_id": None,
        "error": _SAID["detail"],
        "failure": {"code": "rejected", **_SAID},
        "history": _steps("queued", "failed"),
        "attempts": [{**_ATTEMPT, "outcome": "rejected", "provider_message_id": None, **_SAID}],
    },
}

CHANNEL_BASIC: Final = {
    "use_case_id": USE_CASE_ID,
    "to_phone_number": BASIC["to_phone_number"],
    "message": BASIC["message"],
}
CHANNEL_ALL: Final = {
    **CHANNEL_BASIC,
    "media_urls": ["https://media.example.com/image.jpg"],
    "idempotency_key": "order:12345:shipped",
    "send_at": "2026-05-01T09:00:00Z",
    "valid_for": 3600,
    "reference": "order-12345",
}
_CREATED: Final[dict[str, Any]] = {
    "id": MESSAGE_ID,
    "use_case_id": USE_CASE_ID,
    "message_sid": "SM" + MESSAGE_ID.replace("-", ""),
    "from_number": None,
    "to_number": BASIC["to_phone_number"],
    "body": BASIC["message"],
    "num_segments": None,
    "status": "pending",
    "handed_off_at": None,
    "delivered_at": None,
    "errored_at": None,
    "error_code": None,
    "created_at": _MILLIS,
    "updated_at": _MILLIS,
    "state": "queued",
    "segments": 1,
    "media_urls": [],
    "redacted": False,
    "send_at": None,
    "reference": "order-12345",
    "provider": None,
    "provider_message_id": None,
    "failure_code": None,
    "error": None,
}
_DELIVERED: Final = {
    **_CREATED,
    "from_number": BASIC["from_phone_number"],
    "num_segments": 1,
    "status": "delivered",
    "handed_off_at": _MILLIS,
    "delivered_at": _MILLIS,
    "state": "delivered",
    "provider": "twilio",
    "provider_message_id": _ATTEMPT["provider_message_id"],
}
CREATED: Final[dict[str, Any]] = {"created": _CREATED}
CHANNEL: Final[dict[str, Any]] = {
    "delivered": _DELIVERED,
    "pending": _CREATED,
    "undelivered": {
        **_DELIVERED,
        "status": "undelivered",
        "delivered_at": None,
        "errored_at": _MILLIS,
        "error_code": 302,
        "state": "undelivered",
        "failure_code": "undelivered",
        "error": "The handset did not get it: unreachable",
    },
}
DRY_RUN: Final[dict[str, Any]] = {
    "dry_run": {
        "success": True,
        "dry_run": True,
        "message": "SMS would be sent via telnyx; nothing was",
        "from_number": BASIC["from_phone_number"],
        "to_number": BASIC["to_phone_number"],
        "provider": "telnyx",
        "account": "telnyx-main",
        "reason": "geomatch: area code 202; the only one",
        "num_segments": 1,
        "send_at": None,
        "valid_until": _MILLIS,
    }
}

_CANCELLED: Final = {
    "success": True,
    **_ID,
    "message": "SMS cancelled successfully",
    "previous_status": "queued",
    "new_status": "cancelled",
    "state": "cancelled",
}
CANCEL: Final[dict[str, Any]] = {
    "cancelled": _CANCELLED,
    "late": {
        **_CANCELLED,
        "success": False,
        "message": "Message is already sending",
        "previous_status": "sending",
        "new_status": None,
        "state": "sending",
    },
}

_NOTHING: Final = {"pending": 0, "active": 0, "failed": 0, "oldest_pending_seconds": None}
_SOME: Final = {"pending": 2, "active": 1, "failed": 0, "oldest_pending_seconds": 0.75}
STATS: Final[dict[str, Any]] = {
    "all": {
        "timestamp": _AT,
        "queues": {provider.value: _NOTHING for provider in Provider} | {"twilio": _SOME},
    },
    "one": {"timestamp": _AT, "queues": {"twilio": _SOME}},
}

_CHECKS: Final = {"directory": "ok", "broker": "ok", "ledger": "ok"}
LIVE: Final[dict[str, Any]] = {"ok": {"status": "ok"}}
READY: Final[dict[str, Any]] = {"ready": {"status": "ok", "checks": _CHECKS}}
NOT_READY: Final[dict[str, Any]] = {
    "broker_away": {"status": "not ready", "checks": {**_CHECKS, "broker": "no broker"}}
}
METRICS: Final = '# TYPE helio_ingress_sends_total counter\nhelio_ingress_sends_total{outcome="queued"} 7.0\n'
