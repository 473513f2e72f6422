"""What every service that reads topics counts alike. Names are a contract: docs/metrics.md."""

from typing import Final

from prometheus_client import Counter, Gauge

from schemas import topics

DEAD_LETTERS: Final = Counter(
    "helio_broker_dead_letters_total",
    "Records that could not be read and went to the dead letters, by their topic there. Moves when the "
    "letter is made; a crash before its commit makes it, and counts it, again.",
    ["topic"],
)
# There from the start, at 0: Prometheus sees no increase in a series that begins at 1.
for _kind in topics.DEAD_LETTER_KINDS:
    DEAD_LETTERS.labels(topics.dead_letters_of(_kind))
LAG: Final = Gauge(
    "helio_broker_lag_records",
    "Records beyond what this process has committed, in its partitions of the topic, at the last look (5 s). "
    "The sum over the processes of a group is the group's.",
    ["group", "topic"],
)
COMMIT_AGE: Final = Gauge(
    "helio_broker_commit_age_seconds",
    "For how long the commit of the partition that stands still longest has not moved although records lie "
    "beyond it; 0 where nothing does.",
    ["group", "topic"],
)
