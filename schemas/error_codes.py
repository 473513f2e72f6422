"""`error_code` of the channel API: one integer for each way in which a message can fail (docs/errors.md).

The contract has an integer where we have a code and, of what providers and carriers say, whose fault it is.
Never change one, and never use one again.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from schemas import refusals
from schemas.provider import Fault
from schemas.public import Failure

#: Refused by us, or ended by us: nothing was handed to a provider.
_OURS: Final = {
    "invalid_field": 101,
    "invalid_sender": 102,
    "invalid_recipient": 103,
    "empty_message": 104,
    "message_too_long": 105,
    "text_too_long_for_provider": 106,
    "nul_in_message": 107,
    "invalid_media_url": 108,
    "private_media_url": 109,
    "too_many_media": 110,
    "invalid_idempotency_key": 111,
    "sms_not_supported": 112,
    "media_not_supported": 113,
    refusals.CONFLICT: 114,
    refusals.SENDER_NOT_FOUND: 120,
    "wrong_organization": 121,
    refusals.SENDER_SUSPENDED: 122,
    refusals.ASSISTANT_SUSPENDED: 123,
    refusals.ACCOUNT_UNAVAILABLE: 124,
    refusals.USE_CASE_NOT_FOUND: 130,
    refusals.USE_CASE_SUSPENDED: 131,
    refusals.NO_SENDER: 132,
    refusals.NO_USABLE_SENDER: 133,
    refusals.CAMPAIGN_NOT_VERIFIED: 134,
    refusals.BRAND_SUSPENDED: 135,
    refusals.NOT_A_NUMBER: 140,
    refusals.LANDLINE: 141,
    refusals.REGION_NOT_PERMITTED: 142,
    refusals.OPTED_OUT: 143,
    "expired": 150,
    "cancelled": 151,
    "unknown_outcome": 160,
}
#: Said by a provider or a carrier: 200 of a send that it refused, 300 and 400 of a receipt. Whose fault it is
#: is added to that; nothing where nobody knows.
_THEIRS: Final = {"rejected": 200, "undelivered": 300, "failed": 400}
_FAULTS: Final = {
    Fault.RETRYABLE: 1,
    Fault.RECIPIENT: 2,
    Fault.OPTED_OUT: 3,
    Fault.SENDER: 4,
    Fault.CONTENT: 5,
    Fault.ACCOUNT: 6,
    Fault.AMBIGUOUS: 7,
}
#: A failure that this table does not know: of a newer version.
OTHER: Final = 999

#: By failure code and fault.
ERROR_CODES: Final[Mapping[tuple[str, Fault | None], int]] = MappingProxyType(
    {(code, None): number for code, number in _OURS.items()}
    | {(code, None): number for code, number in _THEIRS.items()}
    | {(code, fault): base + more for code, base in _THEIRS.items() for fault, more in _FAULTS.items()}
)
CANCELLED: Final = ERROR_CODES["cancelled", None]


def error_code(failure: Failure) -> int:
    """The integer of `failure`."""
    fault = failure.fault if failure.code in _THEIRS else None
    return ERROR_CODES.get((failure.code, fault), OTHER)
