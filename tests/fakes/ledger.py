"""The ledger in memory, as the doors use it; tests/contracts/ports holds it to the real one's contract."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ledger import LedgerNotReadyError, LedgerUnavailableError
from ledger.claims import Absent, Cancel, Claim, Closed, Open, Sending
from ledger.health import Breaker, Health
from ledger.holds import Answer, Found, Hold, Word
from ledger.limits import Limit
from ledger.optouts import Noted, Reach, cursor
from ledger.queues import Queue, Queues
from ledger.sticky import Pair, Remembered
from ledger.view import First, Seen
from schemas.caps import Cap
from schemas.optouts import OptOut
from schemas.provider import Provider
from schemas.public import Attempt, StatusRecord
from schemas.status import State
from tests.contracts.ledger.reference import unwanted

_DAY = 24 * 3_600_000


@dataclass(frozen=True)
class _Kept:
    until: int
    token: str
    fingerprint: str


def _waits_for(attempt: int, claim: Claim) -> bool:
    match claim:
        case Absent():
            return attempt == 1
        case Open(attempt=next_, maybe_sent=False):
            return attempt == next_
    return False


@dataclass
class MemoryLedger:
    """All of it is for tests to set: `now` (ms) is its clock, `claims` what dispatchers do."""

    now: int = 0
    whole: bool = True
    down: LedgerNotReadyError | LedgerUnavailableError | None = None
    rows: dict[str, StatusRecord] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    tries: dict[str, tuple[Attempt, ...]] = field(default_factory=dict)
    holds: dict[str, _Kept] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    #: What `allow` answers of a limit's key; else 0.
    waits: dict[str, int] = field(default_factory=dict)
    #: Scope and number of who does not want to hear.
    opted: set[tuple[str, str]] = field(default_factory=set)
    #: Records of opt-outs and opt-ins.
    noted: list[Noted] = field(default_factory=list)
    #: Numbers that are landlines.
    fixed: set[str] = field(default_factory=set)
    #: Use case and recipient: the number that the recipient knows.
    known: dict[tuple[str, str], str] = field(default_factory=dict)
    #: Accounts.
    open_breakers: set[str] = field(default_factory=set)
    #: Names of day caps.
    used: set[str] = field(default_factory=set)

    async def first(self, rows: Sequence[First]) -> None:
        """Rows of sequence 0, never over another; the hold of that token ends."""
        self._up()
        for first in rows:
            self.rows.setdefault(first.row.message_id, first.row)
            self._end(first.row.message_id, first.token)

    async def put(self, rows: Sequence[StatusRecord]) -> None:
        """Rows of the status topic."""
        self._up()
        for row in rows:
            known = self.rows.get(row.message_id)
            if known is None or known.sequence < row.sequence:
                self.rows[row.message_id] = row

    async def get(self, message_id: str) -> Seen:
        """What is known of a message."""
        self._up()
        return self._seen(message_id)

    async def get_many(self, ids: Sequence[str]) -> list[Seen]:
        """What is known of messages."""
        self._up()
        return [self._seen(id_) for id_ in ids]

    async def hold(self, asks: Sequence[Hold]) -> list[Found]:
        """Take each key that is free."""
        self._up()
        return [
            Found(self._seen(ask.message_id), self.answers.get(ask.message_id), self._hold(ask))
            for ask in asks
        ]

    async def release(self, message_id: str, token: str) -> None:
        """The hold is over."""
        self._up()
        kept = self.holds.get(message_id)
        if kept is not None and kept.token == token:
            self.holds[message_id] = replace(kept, until=0)

    async def answered(self, message_id: str, token: str, answer: Answer, forget_at: int) -> Answer:
        """The first answer stays."""
        del forget_at  # nothing is forgotten here
        self._up()
        self._end(message_id, token)
        return self.answers.setdefault(message_id, answer)

    async def cancel(self, asks: Sequence[Cancel]) -> list[Claim]:
        """Close what was never handed over."""
        self._up()
        for ask in asks:
            claim = self.claims.get(ask.message_id, Absent())
            if _waits_for(ask.attempt, claim):
                self.claims[ask.message_id] = Closed("cancelled", 0)
        return [self.claims.get(ask.message_id, Absent()) for ask in asks]

    async def allow(self, asks: Sequence[Limit]) -> list[int]:
        """As `waits` says."""
        self._up()
        return [self.waits.get(ask.key, 0) for ask in asks]

    async def opted_out(self, reaches: Sequence[Reach]) -> list[bool]:
        """As `opted` says."""
        self._up()
        return [
            any((scope, number) in self.opted for scope in scopes) or unwanted(self.noted, scopes, number)
            for scopes, number in reaches
        ]

    async def note_optouts(self, noted: Sequence[Noted]) -> None:
        """Kept in `noted`."""
        self._up()
        self.noted += noted

    async def wishes_of(self, organization: str, number: str) -> list[OptOut]:
        """The latest of each scope."""
        self._up()
        return [one for one in self._latest(organization) if one.number == number]

    async def wishes(self, organization: str, after: str, most: int) -> list[OptOut]:
        """A page."""
        self._up()
        return [one for one in self._latest(organization) if cursor(one) > after][:most]

    def _latest(self, organization: str) -> list[OptOut]:
        noted = sorted(self.noted, key=lambda one: one.offset)
        latest = {cursor(one.record): one.record for one in noted if one.record.organization == organization}
        return [latest[place] for place in sorted(latest)]

    async def landlines(self, numbers: Sequence[str]) -> set[str]:
        """Those in `fixed`."""
        self._up()
        return self.fixed.intersection(numbers)

    async def sticky(self, pairs: Sequence[Pair]) -> Remembered:
        """As `known` says."""
        self._up()
        return Remembered(self.whole, tuple(self.known.get(pair) for pair in pairs))

    async def health(self) -> Health:
        """Of the open breakers."""
        self._up()
        breaker = Breaker("open", since=self.now, until=self.now + 1000)
        return Health(self.now, dict.fromkeys(self.open_breakers, breaker), {})

    async def used_up(self, caps: Sequence[Cap]) -> frozenset[str]:
        """Those of `caps` that are in `used`."""
        self._up()
        return frozenset(cap.name for cap in caps if cap.name in self.used)

    async def queues(self, organization: str, now: int) -> Queues:
        """Counted from the rows."""
        self._up()
        mine = [row for row in self.rows.values() if row.organization == organization]
        return Queues(self.whole, {provider: self._queue(mine, provider, now) for provider in Provider})

    def _queue(self, rows: Sequence[StatusRecord], provider: Provider, now: int) -> Queue:
        its = [row for row in rows if row.provider is provider]
        queued = [row for row in its if row.status is State.QUEUED]
        held = [row for row in queued if isinstance(self.claims.get(row.message_id), Sending)]
        pending = [row.accepted_at for row in queued if row not in held]
        unknown = sum(row.status is State.UNKNOWN for row in its)
        failed = sum(row.status in {State.FAILED, State.UNDELIVERED} and row.at + _DAY > now for row in its)
        return Queue(len(pending), len(held) + unknown, failed, min(pending, default=None))

    def _seen(self, message_id: str) -> Seen:
        return Seen(
            self.rows.get(message_id),
            self.claims.get(message_id, Absent()),
            self.whole,
            self.tries.get(message_id, ()),
        )

    def _hold(self, ask: Hold) -> Word:
        kept = self.holds.get(ask.message_id)
        if kept is not None and kept.until > self.now:
            return "own" if kept.token == ask.token else "live"
        row, answer = self.rows.get(ask.message_id), self.answers.get(ask.message_id)
        if row is not None or answer is not None:
            same = row is not None and row.fingerprint in (ask.told or {ask.fingerprint})
            return self._take(ask) if ask.retake and same and answer is None else "none"
        if kept is not None and kept.fingerprint != ask.fingerprint:
            return "bound"
        return self._take(ask) if self.whole else "none"

    def _take(self, ask: Hold) -> Word:
        self.holds[ask.message_id] = _Kept(self.now + ask.hold_ms, ask.token, ask.fingerprint)
        return "own"

    def _end(self, message_id: str, token: str | None) -> None:
        kept = self.holds.get(message_id)
        if kept is not None and kept.token == token:
            del self.holds[message_id]

    def _up(self) -> None:
        if self.down is not None:
            raise self.down
