"""What stands on `sms.status.v1` in the place of a redacted message's fingerprint.

A fingerprint is a plain digest of numbers and text: whoever reads the other fields beside it finds a short
text, a login code say, by trying. A seal takes a secret to be tried. It is made at acceptance, so that only
the doors have the secret, and nothing that compares fingerprints behind them needs it (docs/decisions/0093).
"""

import hmac
from collections.abc import Collection

_VERSION = "s1:"


def seal(secret: str, message_id: str, fingerprint: str) -> str:
    """The seal of a message's fingerprint; of another message with the same content it is another one."""
    told = f"{message_id} {fingerprint}".encode()
    return _VERSION + hmac.digest(secret.encode(), told, "sha256").hex()


def forms(fingerprint: str, message_id: str, secrets: Collection[str]) -> frozenset[str]:
    """All that may stand in a status record of the message for this content: itself, or a seal of it."""
    return frozenset({fingerprint, *(seal(secret, message_id, fingerprint) for secret in secrets)})
