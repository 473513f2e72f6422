"""The dispatchers' metrics. Names are a contract with dashboards: docs/metrics.md.

Labels are of closed sets, but for accounts and paces, of which the directory has as many as it names.
"""

from functools import cache
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from ledger.days import is_day
from schemas.provider import Provider

HANDOVER_SECONDS: Final = Histogram(
    "helio_dispatch_handover_seconds",
    "From when a message might have been handed over (its acceptance, or `send_at`) to its first hand-over. "
    "Moves as the call begins; tasks that an earlier version wrote are left out.",
    ["provider", "lane"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400),
)
PROVIDER_SECONDS: Final = Histogram(
    "helio_dispatch_provider_seconds",
    "From the beginning of a hand-over's call to its outcome: the provider's latency, connection included.",
    ["provider"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)
OUTCOMES: Final = Counter(
    "helio_dispatch_outcomes_total",
    "Hand-overs by outcome: accepted, rejected, throttled, unavailable, ambiguous. Moves when it is settled.",
    ["provider", "outcome"],
)
CLAIMS: Final = Counter(
    "helio_dispatch_claims_total",
    "Claims that were asked of the ledger: won, wait (no slot yet), refused (it is another's, or over).",
    ["provider", "verdict"],
)
CLAIMS_LOST: Final = Counter(
    "helio_dispatch_claims_lost_total",
    "Hand-overs whose claim was another's by the time their outcome came: this process was too slow.",
    ["provider"],
)
TOKEN_SECONDS: Final = Histogram(
    "helio_dispatch_token_wait_seconds",
    "For how long a claim was told to wait for its slot, by what has none: number, campaign, "
    "account, breaker or day.",
    ["provider", "pace"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 600),
)
UNKNOWN: Final = Counter(
    "helio_dispatch_unknown_total",
    "Hand-overs told as unknown, those of lost processes included.",
    ["provider"],
)
QUEUED: Final = Gauge(
    "helio_dispatch_queued",
    "Tasks at hand that are ready to go but for their slots, at the last look (5 s). More may wait in Kafka: "
    "helio_broker_lag_records.",
    ["provider", "lane"],
)
QUEUE_AGE: Final = Gauge(
    "helio_dispatch_queue_age_seconds",
    "For how long the oldest of these might have been handed over; 0: there is none. Of the last look (5 s).",
    ["provider", "lane"],
)
IN_FLIGHT: Final = Gauge(
    "helio_dispatch_in_flight",
    "Hand-overs that have begun and are not settled, at the last look (5 s).",
    ["provider"],
)
ASKED: Final = Counter(
    "helio_dispatch_asked_total",
    "Questions to providers about earlier hand-overs: unknown ones, or sent ones without a receipt.",
    ["provider", "about", "answer"],
)
BREAKER_OPEN: Final = Gauge(
    "helio_dispatch_breaker_open", "1 while the account's breaker stops hand-overs.", ["account"]
)
PACE_SHARE: Final = Gauge(
    "helio_dispatch_pace_share", "At how much of its rate a pace goes that its provider throttled.", ["pace"]
)


# There from the start, at 0: Prometheus sees no increase in a series that begins at 1.
for _provider in Provider:
    CLAIMS_LOST.labels(_provider)
    UNKNOWN.labels(_provider)


@cache
def provider_seconds(provider: Provider) -> Histogram:
    """`labels()` costs more than what it labels."""
    return PROVIDER_SECONDS.labels(provider)


@cache
def handover_seconds(provider: Provider, lane: str) -> Histogram:
    """Likewise."""
    return HANDOVER_SECONDS.labels(provider, lane)


@cache
def outcomes(provider: Provider, outcome: str) -> Counter:
    """Likewise."""
    return OUTCOMES.labels(provider, outcome)


def kind(pace: str) -> str:
    """What has no slot, of the name that the ledger says: number, campaign, account, breaker or day."""
    return "day" if is_day(pace) else pace.partition(":")[0]
