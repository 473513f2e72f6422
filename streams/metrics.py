"""The four services' metrics. Labels are of closed sets only; names are a contract: docs/metrics.md."""

from typing import Final

from prometheus_client import Counter, Gauge

HANDLED: Final = Counter(
    "helio_route_handled_total", "Records of sms.messages.v1 by what became of them.", ["result"]
)
UNREMEMBERED: Final = Counter(
    "helio_route_unremembered_total",
    "Batches with messages of use cases that were routed without the whole memory of what recipients know.",
)
FORGOTTEN: Final = Counter("helio_fold_forgotten_total", "Facts of messages that are forgotten, dropped.")
FACTS_UNREADABLE: Final = Counter("helio_fold_unreadable_total", "Facts that went to the dead letters.")
TOLD: Final = Counter("helio_fold_told_total", "Transitions told, with repeats, by new state.", ["status"])
DEADLINES: Final = Counter(
    "helio_fold_deadlines_total",
    "Deadlines of unknown hand-overs, with repeats: `resent`, `failed`, `put_off`, or else `moot`.",
    ["result"],
)
MOVED: Final = Counter("helio_waiting_moved_total", "Records that a waiting topic sent on.", ["topic"])
WAITING_UNREADABLE: Final = Counter(
    "helio_waiting_unreadable_total", "Waiting records that went to the dead letters."
)
WRITTEN: Final = Counter("helio_views_written_total", "Status records that the view was given.")
STATUS_UNREADABLE: Final = Counter(
    "helio_views_unreadable_total", "Records of sms.status.v1 that were skipped."
)
NOTED: Final = Counter("helio_views_optouts_total", "Records of sms.optouts.v1 that the ledger was given.")
POLLED: Final = Counter(
    "helio_polling_asked_total", "Sent messages without a receipt that are to be asked about.", ["provider"]
)
RECALLED: Final = Counter(
    "helio_recalling_read_total", "Status records of use cases that were read again for sticky memory."
)
TABLE_ROWS: Final = Gauge(
    "helio_streams_table_rows", "Rows of the table in this process, at the last look (5 s).", ["table"]
)
READY_SECONDS: Final = Gauge(
    "helio_streams_ready_seconds",
    "How long this process took from its beginning until it was ready, tables recovered.",
)
SETTLED: Final = Counter(
    "helio_fold_settled_total",
    "Messages that were told as unknown and are told as something else now, with repeats. What was told as "
    "unknown less these is open.",
)
