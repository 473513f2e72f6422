"""How each provider signs and words its callbacks: pure functions, one module per provider."""

from typing import Final, Protocol

from schemas.provider import Provider
from webhooks.providers import telnyx, twilio, vonage
from webhooks.words import Check, Ends, Incoming, Refusal, Word


class Dialect(Protocol):
    """What each of the modules offers."""

    def check(self, incoming: Incoming, now: float) -> Check | Refusal:
        """How to tell whose key signed it, or why nobody's did; `now` in seconds since the epoch.

        What is the same for every key is seen to here, once.
        """
        ...

    def claimed(self, incoming: Incoming) -> str | None:
        """The provider's name for the account that it says it is of, not yet proven; None: it says none."""
        ...

    def parse(self, incoming: Incoming) -> Word:
        """What it says."""
        ...

    def ends(self, incoming: Incoming) -> Ends:
        """Between whom the message went that a receipt is about."""
        ...


DIALECTS: Final[dict[Provider, Dialect]] = {
    Provider.TWILIO: twilio,
    Provider.TELNYX: telnyx,
    Provider.VONAGE: vonage,
}
