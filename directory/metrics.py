"""The replica's metrics, in every service that has one. Names are a contract: docs/metrics.md."""

from typing import Final

from prometheus_client import Counter, Gauge

REFUSED: Final = Counter(
    "helio_directory_refused_total",
    "Records of sms.directory.v1 that this replica refused, unreadable ones too.",
)
ENTITIES: Final = Gauge("helio_directory_entities", "Entities in this replica.")
