"""The doors' metrics. Labels are of closed sets only; names are a contract with dashboards."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

SENDS: Final = Counter(
    "helio_ingress_sends_total",
    "Sends over REST by outcome: queued, sent, late, cancelled, replayed, dry_run, or a code of "
    "docs/errors.md. "
    "Moves with each answer.",
    ["outcome"],
)
SEND_SECONDS: Final = Histogram(
    "helio_ingress_send_seconds",
    "From the head of a send to its answer, the broker's acknowledgement included; "
    "not of those that were answered with the provider's outcome.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
OUTCOME_SECONDS: Final = Histogram(
    "helio_ingress_outcome_seconds",
    "From the head of a POST /sms/send with queue: false to its answer with the provider's outcome, or "
    "without it when its time has passed.",
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30),
)
CANCELS: Final = Counter(
    "helio_ingress_cancels_total",
    "DELETE /sms/{message_id} by outcome: cancelled, already, or a code of docs/errors.md.",
    ["outcome"],
)
FIRST_ROWS_MISSED: Final = Counter(
    "helio_ingress_first_rows_missed_total",
    "Acknowledged messages whose first row the ledger did not take: a GET finds them a little later.",
)
ANSWERS_LOST: Final = Counter(
    "helio_ingress_answers_not_kept_total",
    "Answers of keyed queue: false requests that the ledger did not keep: a repeat is told what is so then.",
)
LIMITS_MISSED: Final = Counter(
    "helio_ingress_limits_missed_total",
    "Requests of keys with a rate that were taken unasked, because the ledger could not be.",
)
RECIPIENTS_UNASKED: Final = Counter(
    "helio_ingress_recipients_unasked_total",
    "Sends through use cases that were accepted without asking for opt-outs and learned landlines, because "
    "the ledger was away or slow.",
)
KEYS_UNBOUND: Final = Counter(
    "helio_intake_keys_unbound_total",
    "Records with a key that went on without the ledger knowing of it, because it was away or slow.",
)
RECORDS: Final = Counter(
    "helio_intake_records_total",
    "Records of the request topics by outcome: accepted, refused, dead. Moves when their batch is done.",
    ["outcome"],
)
OWN_TOPICS: Final = Gauge(
    "helio_intake_own_topics",
    "Request topics of one organization that the directory names and intake cannot read, at the last look: "
    "missing, or set up otherwise than they must be (differs).",
    ["state"],
)
AHEAD: Final = Gauge(
    "helio_intake_ahead_records",
    "Records on sms.messages.v1 beyond what route has committed, at the last look.",
)
WAITING: Final = Gauge("helio_intake_waiting", "1 while intake waits for route, else 0.")
