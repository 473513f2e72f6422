"""The ledger's metrics, in every service that asks it. Names are a contract: docs/metrics.md."""

from typing import Final

from prometheus_client import Counter, Gauge

REBUILDS: Final = Counter(
    "helio_ledger_rebuilds_total",
    "Rebuilds of the ledger from Kafka that this process has begun: published, or abandoned (overtaken, or "
    "ledger or broker went away).",
    ["outcome"],
)
# There from the start, at 0: Prometheus sees no increase in a series that begins at 1.
for _outcome in ("published", "abandoned"):
    REBUILDS.labels(_outcome)
REBUILD_SECONDS: Final = Gauge(
    "helio_ledger_rebuild_seconds", "How long the last rebuild took that this process has published."
)
