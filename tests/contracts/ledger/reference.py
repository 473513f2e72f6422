"""The claim of one message (docs/protocol.md, rules 2 to 5), and opt-outs: what scripts must decide."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.claims import Absent, Claim, Closed, Open, Sending, Via, Why
from ledger.optouts import Noted
from schemas.optouts import Consent, OptOut, is_late
from schemas.tasks import How


@dataclass
class Reference:
    """One message's claim; each method is a script, and answers what it must answer."""

    claim: Claim = Absent()  # noqa: RUF009 - a value, shared by all

    def wins(self, attempt: int, how: How) -> bool:
        match self.claim:
            case Absent():
                return attempt == 1
            case Open(attempt=open_to):
                return attempt == open_to
            case Closed(why="unknown", attempt=unknown):
                return how is How.RESEND and attempt > 1 and attempt == unknown + 1
        return False

    def asked(
        self, attempt: int, how: How, nonce: str, record: str, until: int, *, via: Via | None = None
    ) -> bool:
        """Whether it is (or was) won by `nonce`."""
        if isinstance(self.claim, Sending) and self.claim.nonce == nonce:
            return True
        if not self.wins(attempt, how):
            return False
        self.claim = Sending(attempt, record, nonce, until, self._maybe_sent(how), via)
        return True

    def too_late(self, attempt: int, how: How) -> None:
        """What it could have won is over; what may have been sent before is never called expired."""
        self.ended(attempt, how, "expired")

    def ended(self, attempt: int, how: How, why: Why) -> None:
        """It may not go any more, and ends as `why`; what may have been sent before is unknown."""
        if self.wins(attempt, how):
            self.claim = Closed("unknown" if self._maybe_sent(how) else why, attempt)

    def closed(self, attempt: int, nonce: str) -> None:
        if self._sending(nonce) or self._unknown(nonce):
            self.claim = Closed("sent", attempt)

    def lost(self, nonce: str) -> bool:
        if sending := self._sending(nonce):
            self.claim = Closed("unknown", sending.attempt, nonce, sending.via)
        return self._unknown(nonce)

    def taken_over(self, now: int) -> None:
        if isinstance(self.claim, Sending) and self.claim.until < now:
            self.claim = Closed("unknown", self.claim.attempt, self.claim.nonce, self.claim.via)

    def reopened(self, attempt: int, nonce: str, record: str) -> bool:
        if sending := self._sending(nonce):
            self.claim = Open(attempt + 1, record, sending.maybe_sent)
        claim = self.claim
        return isinstance(claim, Open) and (claim.attempt, claim.record) == (attempt + 1, record)

    def cancelled(self, attempt: int) -> Claim:
        match self.claim:
            case Absent() if attempt == 1:
                self.claim = Closed("cancelled", 0)
            case Open(attempt=open_to, maybe_sent=False) if attempt == open_to:
                self.claim = Closed("cancelled", 0)
        return self.claim

    def may_send_again(
        self, attempt: int, nonce: str, *, noted: int | None, now: int, within: int | None
    ) -> bool:
        """Whether the same request may be made again; `noted`: when it was over, None: nobody knows."""
        match self.claim:
            case Closed(why="unknown", attempt=unknown, nonce=its) if noted is not None:
                in_time = within is None or now <= noted + within
                return (unknown, its) == (attempt, nonce) and in_time
        return False

    def _maybe_sent(self, how: How) -> bool:
        return how is not How.PLAIN or (isinstance(self.claim, Open) and self.claim.maybe_sent)

    def _sending(self, nonce: str) -> Sending | None:
        return self.claim if isinstance(self.claim, Sending) and self.claim.nonce == nonce else None

    def _unknown(self, nonce: str) -> bool:
        claim = self.claim
        return isinstance(claim, Closed) and (claim.why, claim.nonce) == ("unknown", nonce)


def standing(noted: Iterable[Noted], scope: str, number: str) -> OptOut | None:
    """What holds of one scope and handset: an opt-in that is later by its record, our clock and theirs."""
    told = [one for one in noted if (one.record.scope, one.record.number) == (scope, number)]
    outs = [one for one in told if one.record.consent is Consent.OUT]
    backs = [one for one in told if one.record.consent is Consent.IN]
    back = max(backs, key=lambda one: (one.record.said, one.offset), default=None)
    if not outs:
        return None if back is None else back.record
    last = max(outs, key=lambda one: one.offset)
    times = {
        "at": max(one.record.at for one in outs),
        "said_at": max(one.record.said for one in outs),
    }
    out = last.record.model_copy(update=times)
    if back is not None and back.offset > last.offset and back.record.at >= out.at:
        return out if is_late(back.record, out) else back.record
    return out


def unwanted(noted: Iterable[Noted], scopes: Sequence[str], number: str) -> bool:
    """Whether a message of these scopes, the organization's first, is unwanted (docs/optouts.md)."""
    known = list(noted)
    found = {scope: standing(known, scope, number) for scope in scopes}
    use_cases = [found[scope] for scope in scopes[1:] if "/+" not in scope]
    if any(one is not None and one.consent is Consent.OUT for one in use_cases):
        return True
    wide = [found[scope] for scope in scopes if scope == scopes[0] or "/+" in scope]
    outs = [one for one in wide if one is not None and one.consent is Consent.OUT]
    backs = use_cases or [found[scopes[0]]]
    return any(not _came_back(back, out) for out in outs for back in backs)


def _came_back(back: OptOut | None, out: OptOut) -> bool:
    return back is not None and back.consent is Consent.IN and back.at > out.at and not is_late(back, out)
