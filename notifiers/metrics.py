"""The service's metrics. Labels are of closed sets only; names are a contract with dashboards."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

TRIES: Final = Counter(
    "helio_notifiers_tries_total",
    "Events that were POSTed, by outcome (`notifiers.posting.Outcome`). Moves with each answer.",
    ["outcome"],
)
LATER: Final = Counter(
    "helio_notifiers_later_total",
    "Events that wait in Kafka: their try failed (failed), their endpoint is failing (resting), or too many "
    "wait for it (full).",
    ["why"],
)
DROPPED: Final = Counter(
    "helio_notifiers_dropped_total",
    "Events that will not be told: tried for too long (late), or their subscription is suspended or deleted "
    "(unwanted).",
    ["why"],
)
SWITCHED_OFF: Final = Counter(
    "helio_notifiers_switched_off_total", "Subscriptions that this process has switched off."
)
UNREADABLE: Final = Counter(
    "helio_notifiers_unreadable_total", "Records that went to the dead letters, by topic.", ["topic"]
)
ANSWER_SECONDS: Final = Histogram(
    "helio_notifiers_answer_seconds",
    "From the beginning of a try to its outcome.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)
IN_FLIGHT: Final = Gauge("helio_notifiers_in_flight", "Tries under way.")
QUEUED: Final = Gauge("helio_notifiers_queued", "Events that wait in this process for their try.")
RESTING: Final = Gauge("helio_notifiers_resting", "Endpoints that this process leaves in peace: failing.")
