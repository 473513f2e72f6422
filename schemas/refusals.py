"""Refusals that doors, `route` and dispatchers say alike. Codes are stable: docs/errors.md explains each."""

from dataclasses import dataclass
from typing import Final

SENDER_NOT_FOUND: Final = "sender_not_found"
SENDER_SUSPENDED: Final = "sender_suspended"
ASSISTANT_SUSPENDED: Final = "assistant_suspended"
ACCOUNT_UNAVAILABLE: Final = "account_unavailable"
#: Other content under a key that was used before.
CONFLICT: Final = "conflict"

# Of sends through a use case.
USE_CASE_NOT_FOUND: Final = "use_case_not_found"
USE_CASE_SUSPENDED: Final = "use_case_suspended"
#: Its pool is empty.
NO_SENDER: Final = "no_sender"
#: It has numbers, but none of them may send this now.
NO_USABLE_SENDER: Final = "no_usable_sender"
CAMPAIGN_NOT_VERIFIED: Final = "campaign_not_verified"
BRAND_SUSPENDED: Final = "brand_suspended"
#: Not a number that exists, by the numbering plan of its country.
NOT_A_NUMBER: Final = "not_a_number"
LANDLINE: Final = "landline"
REGION_NOT_PERMITTED: Final = "region_not_permitted"
OPTED_OUT: Final = "opted_out"


@dataclass(frozen=True, slots=True)
class Refused:
    """Why it cannot go out: a stable code, and a sentence for its owner."""

    code: str
    detail: str
