"""What the doctor finds: facts with a verdict, and the judgements that need no connection."""

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ledger.health import Health
from schemas.settings import CallbackSettings, Settings, SubscriptionSettings, TopicSettings

#: Due times are told by our clocks and append times by the broker's: so far apart they may drift.
MAX_SKEW_MS: Final = 1_000
#: Variables of ours that are no settings of services.
_OTHERS: Final = frozenset(
    {"HELIO_HOME", "HELIO_CACHE", "HELIO_URL", "HELIO_API_KEY", "HELIO_WEBHOOKS_URL", "HELIO_SECRETS"}
)
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at. `todo` says what to do about a problem; without one all is well."""

    check: str
    said: str
    todo: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing needs to be done."""
        return not self.todo


def of_environment(environment: Collection[str]) -> Iterator[Finding]:
    """Variables `HELIO_...` that nothing reads: most often a misspelt setting."""
    known = known_variables()
    for name in sorted(environment):
        # Without `__` it may be a secret that the directory names.
        if name.startswith("HELIO_") and "__" in name and name not in known | _OTHERS:
            close = difflib.get_close_matches(name, known, 1)
            meant = f": did you mean {close[0]}?" if close else " (docs/operations.md lists the settings)"
            yield Finding(check="settings", said=f"{name} is no setting{meant}", todo="correct or unset it")


def known_variables() -> frozenset[str]:
    """The environment variables of all settings."""
    found = set()
    for group, field in Settings.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        names = [group] if inner is None else [f"{group}__{name}" for name in inner]
        found |= {f"HELIO_{name}".upper() for name in names}
    return frozenset(found)


def of_settings(settings: Settings) -> Iterator[Finding]:
    """What is legal and yet wrong outside of development."""
    yield from _callbacks(settings.callbacks)
    yield from _subscriptions(settings)
    yield from _replicas(settings.kafka.bootstrap_servers, settings.topics)


def _callbacks(callbacks: CallbackSettings) -> Iterator[Finding]:
    url = urlsplit(callbacks.public_url)
    if url.hostname in _LOOPBACK:
        yield Finding(check="settings", said=f"callbacks come to {callbacks.public_url} (this machine)")
        return
    if CallbackSettings.model_fields["secrets"].default == callbacks.secrets:
        yield Finding(
            check="settings",
            said=f"callbacks come to {callbacks.public_url}, and their MAC uses the published default secret",
            todo="set HELIO_CALLBACKS__SECRETS to a JSON list with a random secret",
        )
    else:
        yield Finding(check="settings", said=f"callbacks come to {callbacks.public_url}")


def _subscriptions(settings: Settings) -> Iterator[Finding]:
    """Roots that everybody knows, and private addresses, are for who is reached on this machine alone."""
    if urlsplit(settings.callbacks.public_url).hostname in _LOOPBACK:
        return
    if SubscriptionSettings.model_fields["secrets"].default == settings.subscriptions.secrets:
        yield Finding(
            check="settings",
            said="the secrets of subscriptions are derived from the published default",
            todo="set HELIO_SUBSCRIPTIONS__SECRETS to a JSON list with a random secret",
        )
    if settings.notifiers.allow_private:
        yield Finding(
            check="settings",
            said="subscriptions may reach private addresses: whoever writes one reaches what notifiers reach",
            todo="set HELIO_NOTIFIERS__ALLOW_PRIVATE=false, unless all who write subscriptions may",
        )


def _replicas(servers: str, topics: TopicSettings) -> Iterator[Finding]:
    """A cluster of several brokers on which a topic lives once loses it with one broker (P1)."""
    if len(servers.split(",")) > 1 and (topics.replication_factor < 3 or topics.min_insync_replicas < 2):
        yield Finding(
            check="settings",
            said=f"topics are made with {topics.replication_factor} replicas, "
            f"of which {topics.min_insync_replicas} acknowledge",
            todo="set HELIO_TOPICS__REPLICATION_FACTOR=3 and HELIO_TOPICS__MIN_INSYNC_REPLICAS=2",
        )


def of_health(health: Health) -> Iterator[Finding]:
    """What the dispatchers know of the providers: accounts that are left alone, paces that are slowed."""
    for account, breaker in sorted(health.not_closed.items()):
        seconds = (health.at - breaker.since) / 1000
        yield Finding(
            check="health",
            said=f"account {account}: most hand-overs came to nothing; open since {seconds:.0f} s",
            todo="see its dispatcher's log (dispatch.attempted); it is tried again by itself, one at a time",
        )
    for pace, slowed in sorted(health.slowed.items()):
        said = f"{pace} goes at {slowed.share:.0%} of its rate, as the provider throttled it"
        yield Finding(check="health", said=said)
    if not health.not_closed and not health.slowed:
        yield Finding(check="health", said="no breaker is open, and no pace is slowed")


@dataclass(frozen=True)
class Reading:
    """Another machine's clock, read between two moments of ours; all in epoch milliseconds."""

    before: float
    theirs: float
    after: float

    @property
    def skew_ms(self) -> float:
        """How far it is ahead of ours at least (negative: behind); 0 where the way may explain it."""
        if self.theirs > self.after:
            return self.theirs - self.after
        return min(0.0, self.theirs - self.before)


def of_clocks(readings: Mapping[str, Reading]) -> Iterator[Finding]:
    """Each clock against ours, and so against each other's."""
    for name, reading in readings.items():
        skew = reading.skew_ms
        said = f"{name}'s clock is {'at ours' if not skew else f'{skew:+.0f} ms from ours'}"
        todo = "" if abs(skew) <= MAX_SKEW_MS else "run a time service (NTP, chrony) on all machines"
        yield Finding(check="clocks", said=said, todo=todo)
