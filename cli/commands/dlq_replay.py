"""What a dead letter is replayed as, or why it is not: pure (docs/dead-letters.md says why, kind by kind)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from broker.letters import Letter, parsed
from broker.publish import Outgoing
from schemas import topics
from schemas.base import DecodeError
from schemas.facts import decode_fact
from schemas.messages import Failover, decode_message
from schemas.notifications import decode as decode_notification
from schemas.replays import MENDED, Mark, Origin, What, replayed_from
from schemas.requests import LARGEST_BYTES, SendRequest
from schemas.tasks import How, Task, decode_work
from schemas.waiting import Ticket, next_topic

#: For so long a second replay of a request surely meets the first one: every store knows a message for a day
#: at least (`HELIO_MESSAGES__LIFETIME_SECONDS`), and clocks differ.
SURE_MS: Final = 23 * 3_600_000
_REQUEST: Final = SendRequest.model_fields["type"].default


class State(StrEnum):
    """What is known to have been done about a letter."""

    OPEN = "open"
    #: A replay was begun, and nobody said that it was done.
    IN_DOUBT = "in doubt"
    REPLAYED = "replayed"
    DROPPED = "dropped"


@dataclass(frozen=True)
class Handled:
    """What the marks of one letter say."""

    #: Oldest first.
    marks: tuple[Mark, ...] = ()

    @property
    def state(self) -> State:
        """What was done, as far as it is known."""
        done = {mark.what for mark in self.marks}
        if What.REPLAYED in done:
            return State.REPLAYED
        if What.DROPPED in done:
            return State.DROPPED
        return State.IN_DOUBT if done else State.OPEN

    @property
    def begun_at(self) -> int | None:
        """When a replay was first begun; None where none was."""
        return min((mark.at for mark in self.marks if mark.what is What.BEGUN), default=None)

    @property
    def pending(self) -> bool:
        """Whether somebody has to look at it."""
        return self.state in {State.OPEN, State.IN_DOUBT}


@dataclass(frozen=True)
class No:
    """Why a letter is not replayed, in a sentence that says what to do."""

    why: str


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
    kind = topic.split(".")[1]
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
