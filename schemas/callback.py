"""The per-message callback URL: what it says of a hand-over, and the MAC that proves that we wrote it.

Telnyx and Vonage sign only the body, so the URL's parameters carry our own MAC. A message without
parameters beyond the account (an inbound text) has none.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from schemas.provider import Provider

#: The parameters, in their order; `MAC` follows them.
FIELDS = ("account", "organization", "message", "attempt", "nonce", "forget")
MAC = "mac"

#: Where the channel API's page has receipts of messages from use cases go (docs/webhooks.md).
CHANNEL: Final = {Provider.TWILIO: "/v1/webhook/twilio/sms-status"}


@dataclass(frozen=True, kw_only=True)
class Callback:
    """Which hand-over a receipt will speak of."""

    account: str
    organization: str
    message_id: str
    attempt: int
    nonce: str
    forget_at: int
    #: Of a message from a use case. It says where the receipt is to go; the URL does not tell it.
    use_case: bool = field(default=False, compare=False)

    def values(self) -> tuple[str, ...]:
        """In the order of the URL's parameters, which is also the MAC's."""
        return (
            self.account,
            self.organization,
            self.message_id,
            str(self.attempt),
            self.nonce,
            str(self.forget_at),
        )


def url(public_url: str, provider: Provider, callback: Callback, secret: str) -> str:
    """Where `provider` is to report on `callback`: `{public_url}/webhooks/sms/{provider}?...&mac=...`.

    Or at the address of `CHANNEL`: both take the same.
    """
    values = callback.values()
    query = urlencode([*zip(FIELDS, values, strict=True), (MAC, _mac(provider, values, secret))])
    usual = f"/webhooks/sms/{provider}"
    path = CHANNEL.get(provider, usual) if callback.use_case else usual
    return f"{public_url.rstrip('/')}{path}?{query}"


def read(provider: Provider, query: Mapping[str, str], secrets: Sequence[str]) -> Callback | None:
    """The callback that `query` names, or None if a part is missing or no secret of ours made its MAC."""
    values = tuple(query.get(field, "") for field in FIELDS)
    given = query.get(MAC, "").encode()
    if not any(hmac.compare_digest(_mac(provider, values, s).encode(), given) for s in secrets):
        return None
    account, organization, message_id, attempt, nonce, forget = values
    if not (attempt.isdecimal() and forget.isdecimal()):
        return None
    return Callback(
        account=account,
        organization=organization,
        message_id=message_id,
        attempt=int(attempt),
        nonce=nonce,
        forget_at=int(forget),
    )


def _mac(provider: Provider, values: Sequence[str], secret: str) -> str:
    text = "\n".join([provider, *values])
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]
