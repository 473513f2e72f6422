"""What a dead letter is replayed as, or why it is not: pure (docs/dead-letters.md says why, kind by kind)."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from broker.letters import Letter, parsed
from broker.publish import Outgoing
from cli.dlq.handled import Found, Handled
from cli.dlq.states import State
from schemas import topics
from schemas.base import DecodeError
from schemas.dead_letters import TOO_OLD
from schemas.facts import decode_fact
from schemas.messages import Failover, decode_message
from schemas.notifications import decode as decode_notification
from schemas.replays import MENDED, Origin, replayed_from
from schemas.requests import LARGEST_BYTES, SendRequest
from schemas.tasks import How, Task, decode_work
from schemas.waiting import Ticket, next_topic

#: For so long a second replay of a request surely meets the first one: every store knows a message for a day
#: at least (`HELIO_MESSAGES__LIFETIME_SECONDS`), and clocks differ.
SURE_MS: Final = 23 * 3_600_000
_REQUEST: Final = SendRequest.model_fields["type"].default


@dataclass(frozen=True)
class No:
    """Why a letter is not replayed, in a sentence that says what to do."""

    why: str


def too_old(letter: Letter, now: int, lifetime_ms: int) -> bool:
    """Whether a replay would send a text of days ago, and nobody remembers whether it was sent before.

    So it is with a request that is older than messages are remembered, `lifetime_ms`. Other records say
    themselves when they are forgotten.
    """
    if topics.kind_of(letter.place.topic) != "requests":
        return False
    since = letter.origin.timestamp if letter.origin and letter.origin.timestamp else letter.at
    return letter.reason.startswith(TOO_OLD) or since + lifetime_ms <= now


def by_age(found: Sequence[Found], now: int, lifetime_ms: int) -> tuple[list[Found], list[Found]]:
    """Those that may be replayed as far as their age goes, and those that are too old."""
    old = [
        one
        for one in found
        if one.handled.state is not State.REPLAYED and too_old(one.letter, now, lifetime_ms)
    ]
    places = {one.letter.place for one in old}
    return [one for one in found if one.letter.place not in places], old


def unread(topic: str, present: Collection[str], organizations: Collection[str]) -> No | None:
    """Why nobody would read what is produced to `topic`, if nobody would.

    Args:
        topic: one of ours.
        present: the topics that are there.
        organizations: who has a request topic of its own, as the directory says.
    """
    owner = topics.organization_of(topic)
    if owner is not None and owner not in organizations:
        return No(
            f"nobody reads {topic}: the directory does not give {owner} a request topic of its own. Give it "
            "`own_topic: true` and replay this then, or drop it"
        )
    if topic not in present:
        return No(f"there is no topic {topic}: make it with `helio topics`")
    return None


def replay(letter: Letter, handled: Handled, now: int, mended: bytes | None = None) -> Outgoing | No:
    """What to produce for `letter`; `mended` is the value to send in place of its own."""
    if handled.state is State.REPLAYED:
        return No("it was replayed before")
    begun = handled.begun_at
    if begun is not None and now - begun > SURE_MS:
        return No(
            "a replay was begun too long ago to be repeated safely, and may have been done: "
            "look for what became of it, then drop it"
        )
    if letter.origin is None or not _belongs(letter, letter.origin.topic):
        return No("it does not say where it came from")
    if letter.origin.topic in topics.WAITING.values():
        return _of_waiting(letter, letter.origin, now, mended)
    value = letter.value if mended is None else mended
    if (why := _unfit(letter.origin.topic, value, now, mended=mended is not None)) is not None:
        return No(why)
    marked = [] if mended is None else [(MENDED, b"true")]
    headers = [*letter.headers, replayed_from(str(letter.place), letter.origin), *marked]
    return Outgoing(letter.origin.topic, letter.key, value, _with_values(headers))


def _belongs(letter: Letter, topic: str) -> bool:
    """Whether records of `topic`, which is one of ours, go where this letter lies."""
    ours = topics.organization_of(topic) is not None or topic in {found.name for found in topics.catalogue()}
    return ours and topics.dead_letters(topic) == letter.place.topic


def _of_waiting(letter: Letter, origin: Origin, now: int, mended: bytes | None) -> Outgoing | No:
    """To wherever its ticket leads from now on: on the topic that it lay on it would wait all over again."""
    try:
        ticket = Ticket.read((name, value or b"") for name, value in letter.headers)
    except DecodeError as error:
        return No(f"nobody knows where it was to go: {error}")
    if ticket.topic not in {found.name for found in topics.catalogue()}:
        return No(f"its ticket leads to {ticket.topic}, which is no topic of ours")
    if (why := _unfit(ticket.topic, letter.value, now, mended=mended is not None)) is not None:
        return No(why)
    topic = next_topic(ticket, now)
    of_ticket = {name for name, _ in ticket.headers()}
    own = [header for header in letter.headers if topic != ticket.topic or header[0] not in of_ticket]
    key = ticket.key if topic == ticket.topic else letter.key
    return Outgoing(topic, key, letter.value, _with_values([*own, replayed_from(str(letter.place), origin)]))


def _unfit(topic: str, value: bytes | None, now: int, *, mended: bool) -> str | None:
    """Why `value` is not for `topic`, if it is not."""
    kind = topics.kind_of(topic)
    if kind == "requests":
        return _not_a_request(value, mended=mended)
    if mended:
        return "only requests can be mended: other records are ours, and agree with one another"
    if (decode := _READERS.get(kind)) is None:
        return (
            f"{topic} is read by others too, and nothing is written there twice: "
            "docs/dead-letters.md says how its readers come by it"
        )
    try:
        return _pointless(decode(value), now)
    except DecodeError as error:
        return f"this version cannot read it either: {error}"


def _pointless(record: Any, now: int) -> str | None:
    """Why nobody should act on `record` any more."""
    if (forget_at := getattr(record, "forget_at", None)) is not None and forget_at <= now:
        return "its message is forgotten: nobody would act on it"
    task = record.task if isinstance(record, Failover) else record
    if isinstance(task, Task) and task.how is not How.PLAIN:
        return (
            "it sends again what may have arrived, and receipts that came since are not looked at: "
            f"see what became of it (`helio status {task.message_id}`), and send a new message if need be"
        )
    return None


def _not_a_request(value: bytes | None, *, mended: bool) -> str | None:
    """Why intake would not even refuse it; of one that was mended, why it would not take it."""
    if value is None:
        return "it has no value"
    if len(value) > LARGEST_BYTES:
        return f"it has {len(value)} bytes; {LARGEST_BYTES} are the limit"
    if mended:
        try:
            SendRequest.decode(value)
        except DecodeError as error:
            return f"the mended value is no request: {error}"
        return None
    found = parsed(value)
    if not isinstance(found, dict) or found.get("type", _REQUEST) != _REQUEST:
        return "it still cannot be read: mend it with --value-from, or have its producer send it again"
    return None


_READERS: Final[dict[str, Callable[[bytes | None], Any]]] = {
    "messages": decode_message,
    "dispatch": decode_work,
    "events": decode_fact,
    "notifications": decode_notification,
}


def _with_values(headers: Iterable[tuple[str, bytes | None]]) -> list[tuple[str, bytes]]:
    """As our producer takes them: it writes null as it is, whatever its types say."""
    return list(headers)  # type: ignore[arg-type]  # see above
