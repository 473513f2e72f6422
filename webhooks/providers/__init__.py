"""How each provider signs and words its callbacks: pure functions, one module per provider."""

from collections.abc import Sequence
from typing import Final, Protocol

from schemas.provider import Provider
from webhooks.providers import telnyx, twilio, vonage
from webhooks.words import Incoming, Verdict, Word


class Dialect(Protocol):
    """What each of the modules offers."""

    def verify(self, incoming: Incoming, secrets: Sequence[str], now: float) -> Verdict:
        """Whether one of `secrets` signed it; `now` in seconds since the epoch."""
        ...

    def claimed(self, incoming: Incoming) -> str | None:
        """The provider's name for the account that it says it is of, not yet proven; None: it says none."""
        ...

    def parse(self, incoming: Incoming) -> Word:
        """What it says."""
        ...


DIALECTS: Final[dict[Provider, Dialect]] = {
    Provider.TWILIO: twilio,
    Provider.TELNYX: telnyx,
    Provider.VONAGE: vonage,
}
