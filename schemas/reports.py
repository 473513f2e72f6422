"""The providers' words for what became of a message, in a receipt or when they are asked, as tables.

None stands for a word that moves nothing. A word that is not here is one that we do not know.
"""

from typing import Final

from schemas.facts import ReceiptStatus
from schemas.provider import Provider

Words = dict[str, ReceiptStatus | None]

#: `MessageStatus`, and `status` of the Message resource (Twilio, "Message resource: status values").
TWILIO: Final[Words] = {
    "accepted": None,
    "scheduled": None,
    "queued": None,
    "sending": None,
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.DELIVERED,
    "undelivered": ReceiptStatus.UNDELIVERED,
    "failed": ReceiptStatus.FAILED,
    "canceled": ReceiptStatus.FAILED,
}

#: `to[].status` of a message (Telnyx, "Receiving webhooks"). `delivery_unconfirmed` is the carrier's last
#: word: it took the text and will not say more.
TELNYX: Final[Words] = {
    "queued": None,
    "sending": None,
    "sent": ReceiptStatus.SENT,
    "delivery_unconfirmed": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.DELIVERED,
    "delivery_failed": ReceiptStatus.UNDELIVERED,
    "sending_failed": ReceiptStatus.FAILED,
    "expired": ReceiptStatus.FAILED,
}

#: `status` (Vonage, "Messages API: message status webhook").
VONAGE: Final[Words] = {
    "submitted": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.DELIVERED,
    "rejected": ReceiptStatus.UNDELIVERED,
    "undeliverable": ReceiptStatus.FAILED,
}

WORDS: Final[dict[Provider, Words]] = {
    Provider.TWILIO: TWILIO,
    Provider.TELNYX: TELNYX,
    Provider.VONAGE: VONAGE,
}
