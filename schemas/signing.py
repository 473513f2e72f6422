"""How what subscriptions are told is signed, as Standard Webhooks say; the secrets are derived, never kept.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from schemas.base import Millis
from schemas.directory import Subscription

_PREFIX: Final = "whsec_"


def secret_of(organization: str, subscription: str, version: int, root: str) -> bytes:
    """The secret of that version: 32 bytes that follow from `root`, one of the platform's own secrets."""
    name = f"{organization}/{subscription}/{version}"
    return hmac.digest(root.encode(), name.encode(), hashlib.sha256)


def secrets_of(subscription: Subscription, roots: Sequence[str], now: Millis) -> list[bytes]:
    """The secrets that sign at `now`, newest first: of the present version, and of former ones in their time.

    Of each version there is one for every root (`HELIO_SUBSCRIPTIONS__SECRETS`, newest first), so that
    receivers verify with what they have while either is being changed.
    """
    former = [one.version for one in subscription.former_secrets if now < one.until]
    versions = dict.fromkeys((subscription.secret_version, *former))
    return [
        secret_of(subscription.organization, subscription.id, version, root)
        for version in versions
        for root in roots
    ]


def shown(secret: bytes) -> str:
    """The secret as its receiver configures it: `whsec_` and base64."""
    return _PREFIX + base64.b64encode(secret).decode()


def sign(secret: bytes, id: str, timestamp: int, body: bytes) -> str:  # noqa: A002  # the specification's name
    """One signature for the header `webhook-signature`, which has several, separated by spaces.

    Args:
        secret: the bytes, not what is shown.
        id: the header `webhook-id`.
        timestamp: the header `webhook-timestamp`: seconds since the epoch.
        body: as it is sent, byte by byte.
    """
    signed = b"%s.%d.%s" % (id.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
