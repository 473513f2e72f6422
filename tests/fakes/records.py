"""Public records as they come to those who use the platform, and a message that they hand in."""

from heliograph.requests import FromNumber

MESSAGE: FromNumber = {
    "from_phone_number": "+14155550100",
    "to_phone_number": "+12025550143",
    "message": "Hello",
}
STATUS = {
    "type": "status.v1", "id": "t-1", "message_id": "m-1", "organization": "acme", "sequence": 2,
    "status": "delivered", "previous": "sent", "at": 1_777_544_102_400, "accepted_at": 1, "forget_at": 2,
    "to_number": "+12025550143", "text": "Grüße ☀", "segments": 1, "fingerprint": "1:f", "of_later": True,
}  # fmt: skip
INBOUND = {
    "type": "inbound.v1", "id": "i-1", "organization": "acme", "provider": "telnyx", "account": "main",
    "provider_message_id": "p-1", "from_number": "+12025550143", "to_number": "+14155550123", "text": "stop",
    "keyword": "stop", "segments": 1, "at": 1000, "received_at": 2000,
}  # fmt: skip
