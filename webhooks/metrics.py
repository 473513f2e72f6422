"""The service's metrics. Labels are of closed sets only; names are a contract with dashboards."""

from typing import Final

from prometheus_client import Counter, Histogram

CALLBACKS: Final = Counter(
    "helio_webhooks_callbacks_total",
    "Callbacks by provider and outcome (`webhooks.judgement.Outcome`). Moves with each answer.",
    ["provider", "outcome"],
)
WISHES: Final = Counter(
    "helio_webhooks_optouts_total",
    "Opt-outs and opt-ins that texts and receipts have brought, by source and consent.",
    ["source", "consent"],
)
ANSWER_SECONDS: Final = Histogram(
    "helio_webhooks_answer_seconds",
    "From the head of a callback to its answer, the broker's acknowledgement included.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
