"""The one list of topics: what each holds, for how long, and how it must be set up."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from schemas.lanes import Lane
from schemas.provider import Provider

_HOUR: Final = 3_600_000
_DAY: Final = 24 * _HOUR
_KIB: Final = 1024

REQUESTS: Final = "sms.requests.v1"
MESSAGES: Final = "sms.messages.v1"
INTENTS: Final = "sms.intents.v1"
EVENTS: Final = "sms.events.v1"
STATUS: Final = "sms.status.v1"
INBOUND: Final = "sms.inbound.v1"
OPTOUTS: Final = "sms.optouts.v1"
NOTIFICATIONS: Final = "sms.notifications.v1"
DIRECTORY: Final = "sms.directory.v1"

#: What was first to be told longer ago than this is told to no subscription, whatever has kept it.
OLDEST_TOLD_MS: Final = 3 * _DAY

#: The two Faust apps and their tables; Faust names a changelog after both.
ROUTE_APP: Final = "helio-route"
FOLD_APP: Final = "helio-fold"
FIRST_TABLE: Final = "first"
ROWS_TABLE: Final = "rows"

#: The consumer groups of the other services that share partitions; Faust names a group after its app.
INTAKE_GROUP: Final = "helio-intake"
VIEWS_GROUP: Final = "helio-views"
WAITING_GROUP: Final = "helio-waiting"
OPTOUTS_GROUP: Final = "helio-optouts"
NOTIFIERS_GROUP: Final = "helio-notifiers"

#: The waiting topics by their delay in milliseconds, longest first.
WAITING: Final[dict[int, str]] = {
    _HOUR: "sms.waiting.1h.v1",
    10 * 60_000: "sms.waiting.10m.v1",
    60_000: "sms.waiting.1m.v1",
    10_000: "sms.waiting.10s.v1",
}


def requests_of(organization: str) -> str:
    """The request topic of one organization: whoever may write to it speaks for that organization."""
    return f"sms.requests.{organization}.v1"


def organization_of(topic: str) -> str | None:
    """Whose request topic `topic` is: the other way round. None where it is not one organization's alone."""
    head, _, tail = topic.partition(".requests.")
    organization, _, version = tail.rpartition(".")
    named = head == "sms" and version == "v1" and organization and "." not in organization
    return organization if named and topic not in _SHARED else None


def may_have_own(organization: str) -> bool:
    """Whether no other topic of ours has the name that its own would have: that of `dlq` is taken."""
    return organization_of(requests_of(organization)) == organization


def dispatch(provider: Provider, lane: Lane) -> str:
    """The topic of a provider's tasks; partitioned by sender."""
    return f"sms.dispatch.{provider}.{lane}.v1"


def dispatch_group(provider: Provider) -> str:
    """The consumer group of a provider's dispatchers."""
    return f"helio-dispatch-{provider}"


#: The kinds of topics whose records may be dead letters, each with a topic for these.
DEAD_LETTER_KINDS: Final = (
    "requests", "messages", "dispatch", "waiting", "events", "status", "inbound", "notifications",
)  # fmt: skip


def changelog(app: str, table: str) -> str:
    """The changelog of a Faust table."""
    return f"{app}-{table}-changelog"


def kind_of(topic: str) -> str:
    """The kind of one of our topics: `requests`, of an organization's own, and of their dead letters too."""
    return topic.split(".")[1]


def dead_letters_of(kind: str) -> str:
    """The topic of the dead letters of a kind: the other way round."""
    return f"sms.{kind}.dlq.v1"


def dead_letters(topic: str) -> str:
    """Where records of `topic` that cannot be read go: one dead-letter topic for each kind."""
    return dead_letters_of(kind_of(topic))


@dataclass(frozen=True, kw_only=True)
class Topic:
    """How a topic must be set up. A service refuses to start on one that is missing or differs."""

    name: str
    retention_ms: int = 7 * _DAY
    compacted: bool = False
    #: Written by outsiders, or timed by its own append time.
    log_append_time: bool = False
    max_message_bytes: int = 1024 * _KIB
    #: The broker stores records without compression, whatever codec they came with: our readers know
    #: only some of the codecs that producers may use (P6).
    uncompressed: bool = False
    #: None: as many as `HELIO_TOPICS__PARTITIONS` says.
    partitions: int | None = None

    def configs(self) -> dict[str, str]:
        """The broker's names for it, as strings: what is created, and what is compared."""
        found = {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "max.message.bytes": str(self.max_message_bytes),
            "message.timestamp.type": "LogAppendTime" if self.log_append_time else "CreateTime",
            "compression.type": "uncompressed" if self.uncompressed else "producer",
        }
        if not self.compacted:
            found["retention.ms"] = str(self.retention_ms)
        return found


@dataclass(frozen=True, kw_only=True)
class Changelog(Topic):
    """A Faust table's changelog: compacted, and dropped at the age at which all stores forget."""

    def configs(self) -> dict[str, str]:
        """As `Topic.configs`; short segments, so that compaction keeps recovery short."""
        return {
            **super().configs(),
            "cleanup.policy": "compact,delete",
            "retention.ms": str(self.retention_ms),
            "segment.ms": str(_HOUR),
            "min.cleanable.dirty.ratio": "0.1",
        }


def own(organizations: Iterable[str]) -> Iterator[Topic]:
    """The request topics of `organizations` alone: those that the directory says have one."""
    return (_requests(requests_of(one)) for one in organizations if may_have_own(one))


def _requests(name: str) -> Topic:
    # The broker limits a producer's whole *batch*, and librdkafka makes them as large as 1,000,000 bytes:
    # at 256 KiB it refused thousands of small records at once. One record's 256 KiB intake checks.
    return Topic(name=name, log_append_time=True, uncompressed=True)


def catalogue(organizations: Iterable[str] = ()) -> Iterator[Topic]:
    """Every topic of Heliograph; `organizations` are those that have a request topic of their own."""
    yield _requests(REQUESTS)
    yield from own(organizations)
    yield Topic(name=MESSAGES)
    for provider in Provider:
        for lane in Lane:
            yield Topic(name=dispatch(provider, lane))
    for name in WAITING.values():
        yield Topic(name=name, retention_ms=3 * _DAY, log_append_time=True)
    yield Topic(name=INTENTS)
    yield Topic(name=EVENTS)
    yield Topic(name=STATUS, retention_ms=30 * _DAY)
    yield Topic(name=INBOUND, retention_ms=30 * _DAY)
    yield Topic(name=OPTOUTS, compacted=True)
    yield Topic(name=DIRECTORY, compacted=True, partitions=1)
    # An event is tried for a day, and where the notifiers stood still for up to three; a day is the margin.
    # An order to switch off gets as old only while nobody runs, and whoever starts gives it again.
    yield Topic(name=NOTIFICATIONS, retention_ms=OLDEST_TOLD_MS + _DAY)
    for kind in DEAD_LETTER_KINDS:
        # More than any source may hold, headers included: a dead letter is never refused.
        yield Topic(name=dead_letters_of(kind), retention_ms=30 * _DAY, max_message_bytes=2048 * _KIB)
    yield Changelog(name=changelog(ROUTE_APP, FIRST_TABLE), retention_ms=8 * _DAY)
    yield Changelog(name=changelog(FOLD_APP, ROWS_TABLE), retention_ms=8 * _DAY)


_SHARED: Final = frozenset(topic.name for topic in catalogue())
