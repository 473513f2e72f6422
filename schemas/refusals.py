"""Codes of refusals that the doors and `route` say alike. Stable: docs/errors.md explains each."""

from typing import Final

SENDER_NOT_FOUND: Final = "sender_not_found"
SENDER_SUSPENDED: Final = "sender_suspended"
ASSISTANT_SUSPENDED: Final = "assistant_suspended"
ACCOUNT_UNAVAILABLE: Final = "account_unavailable"
#: Other content under a key that was used before.
CONFLICT: Final = "conflict"
