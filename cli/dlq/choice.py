"""Which dead letters are meant: by their place, by what fits, and by what was done about them."""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from broker.letters import Letter, Place
from cli.commands.trouble import Exit, TroubleError
from cli.dlq.states import State, Which
from schemas import topics

#: Every dead-letter topic, by its kind: `requests`, `messages`, ...
TOPICS: Final = {kind: topics.dead_letters_of(kind) for kind in topics.DEAD_LETTER_KINDS}
_AGO: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(s|m|h|d)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which letters are meant: those that fit all that is set."""

    #: Dead-letter topics; none: all of them, or those of `places`.
    topics: tuple[str, ...] = ()
    #: None: what is pending, and each of `places` whatever was done about it.
    which: Which | None = None
    reason: str | None = None
    #: Topic, partition and offset of the origin; only as many as are set count.
    origin: tuple[str, ...] = ()
    #: When they were put there, in milliseconds since the epoch; `until` is not among them.
    since: int | None = None
    until: int | None = None
    key: str | None = None
    message_id: str | None = None
    organization: str | None = None
    places: frozenset[Place] = field(default_factory=frozenset)

    @property
    def everything(self) -> bool:
        """Whether nothing is set that leaves some out."""
        wide = self.which in {None, Which.PENDING, Which.ANY}
        return wide and replace(self, which=None) == Choice()

    @property
    def names(self) -> tuple[str, ...]:
        """The dead-letter topics to look through."""
        of_places = tuple(sorted({place.topic for place in self.places}))
        return self.topics or of_places or tuple(TOPICS.values())

    def means(self, state: State) -> bool:
        """Whether letters in `state` are meant."""
        if self.which is None:
            return bool(self.places) or state.pending
        return self.which.means(state)

    def fits(self, letter: Letter) -> bool:
        """Whether `letter` is meant, as far as it does not matter what was done about it."""
        return (
            (not self.places or letter.place in self.places)
            and (self.reason is None or self.reason.lower() in letter.reason.lower())
            and self.origin == _origin(letter)[: len(self.origin)]
            and (self.since is None or letter.at >= self.since)
            and (self.until is None or letter.at < self.until)
            and (self.key is None or letter.key == self.key.encode())
            and (self.message_id is None or self.message_id == letter.message_id)
            and (self.organization is None or self.organization == letter.organization)
        )


def _origin(letter: Letter) -> tuple[str, ...]:
    at = letter.origin
    return () if at is None else (at.topic, str(at.partition), str(at.offset))


def topic(name: str) -> str:
    """The dead-letter topic that `name` means: `requests`, or `sms.requests.dlq.v1`.

    Raises:
        TroubleError: there is no such topic.
    """
    found = TOPICS.get(name, name)
    if found not in TOPICS.values():
        raise TroubleError(f"{name} is no dead-letter topic: there are {', '.join(TOPICS)}", Exit.NO)
    return found


def place(text: str) -> Place:
    """The letter that `text` names: `requests/0/17`, or with the topic's whole name.

    Raises:
        TroubleError: it names none.
    """
    named, *numbers = text.split("/")
    if len(numbers) != 2 or not all(number.isascii() and number.isdecimal() for number in numbers):
        raise TroubleError(f"{text} names no letter: it is like requests/0/17", Exit.NO)
    return Place(topic(named), int(numbers[0]), int(numbers[1]))


def moment(text: str | None, now: int) -> int | None:
    """The moment that `text` means, in epoch milliseconds: `2h` ago, or a date of ISO 8601, UTC by default.

    Raises:
        TroubleError: it means none.
    """
    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return now - round(float(ago[1]) * _SECONDS[ago[2]] * 1000)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise TroubleError(f"{text} is no moment: 2h, 30m, 3d, or 2026-11-23T03:00", Exit.NO) from None
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
