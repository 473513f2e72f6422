"""Who is next: organizations in turns, and of each its endpoints in turns."""

from notifiers.endpoint import Endpoint
from notifiers.shares import Shares
from schemas.base import Millis


class Turns:
    """Endpoints with something to try.

    Args:
        shares: the tries that may be under way at once.
    """

    def __init__(self, shares: Shares) -> None:
        self.shares = shares
        self._waiting: dict[str, dict[Endpoint, None]] = {}

    def wait(self, endpoint: Endpoint) -> None:
        """It may have something to try; it keeps its place if it waits already."""
        self._waiting.setdefault(endpoint.organization, {})[endpoint] = None

    def next(self, now: Millis) -> Endpoint | None:
        """The one whose next delivery is to be tried at `now`; a try of its organization is taken."""
        while (organization := next(filter(self.shares.free, self._waiting), None)) is not None:
            endpoints = self._waiting.pop(organization)
            while endpoints:
                endpoint = next(iter(endpoints))
                del endpoints[endpoint]
                if not endpoint.startable(now):
                    continue  # it waits again when a try of it ends, or something comes for it
                endpoints[endpoint] = None
                self._waiting[organization] = endpoints
                self.shares.take(organization)
                return endpoint
        return None

    def ended(self, endpoint: Endpoint, key: bytes) -> None:
        """A try of it is over."""
        endpoint.ended(key)
        self.shares.give(endpoint.organization)
        self.wait(endpoint)
