"""Breakers and slow-downs as docs/ledger.md has them: what the scripts' arithmetic must come to."""

from collections import deque
from dataclasses import dataclass, field

PERIOD, MOST, LEAST = 15_000, 20, 10
FIRST, LONGEST, SETTLED, ASK_AGAIN = 2_000, 30_000, 60_000, 500
MOMENT, RECOVERY = 1_000_000, 20_000_000


@dataclass
class BreakerReference:
    """One account's breaker; milliseconds. Each method is what befalls it."""

    state: str = "closed"
    pause: int = 0
    since: int = 0
    till: int = 0
    probe: str = ""
    #: When the periods that count began, with the outcomes in them (bad?), the current one last.
    periods: deque[tuple[int, list[bool]]] = field(default_factory=lambda: deque(maxlen=2))

    def wait(self, now: int) -> int:
        if self.state == "closed" or now >= self.till:
            return 0
        return self.till - now if self.state == "open" else min(self.till - now, ASK_AGAIN)

    def began(self, nonce: str, till: int) -> bool:
        """A hand-over that need not wait begins: is it a probe?"""
        if self.state == "closed":
            return False
        self.state, self.till, self.probe = "probing", till, nonce
        return True

    def came_to(self, nonce: str, *, bad: bool, now: int) -> None:
        if self.state == "closed":
            self._count(bad=bad, now=now)
        elif self.state == "probing" and nonce == self.probe:
            if bad:
                self._open(now)
            else:
                self.state, self.since = "closed", now
                self.periods.clear()
                self.periods.append((now, []))

    def _count(self, *, bad: bool, now: int) -> None:
        if not self.periods:
            self.periods.append((now, []))
        age = now - self.periods[-1][0]
        if age >= 2 * PERIOD:
            self.periods.clear()
        if age >= PERIOD or len(self.periods[-1][1] if self.periods else []) >= MOST:
            self.periods.append((now, []))
        self.periods[-1][1].append(bad)
        counted = [one for _, period in self.periods for one in period]
        if len(counted) >= LEAST and sum(counted) * 2 >= len(counted):
            self._open(now)

    def _open(self, now: int) -> None:
        if self.state == "closed":
            if now - self.since >= SETTLED:
                self.pause = 0
            self.since = now
        self.pause = min(max(FIRST, self.pause * 2), LONGEST)
        self.state, self.till = "open", now + self.pause


@dataclass
class SlowedReference:
    """One pace that a provider may throttle; microseconds. `share` 1: it is at its cap."""

    share: float = 1.0
    changed: int = 0
    next: float = 0

    def throttled(self, pause: int | None, now: int) -> None:
        if self.share < 1 and now < self.changed:
            return
        if self.share == 1:
            self.next = 0
        self.share = max(self.share / 2, 1 / 64)
        step = 500_000 / self.share
        held = 0 if pause is None else min(max(pause, step), 2 * step)
        self.next = max(self.next, now + held)
        self.changed = round(now + max(held, MOMENT))

    def succeeded(self, now: int) -> None:
        if self.share < 1 and now > self.changed:
            self.share = min(1.0, self.share + min((now - self.changed) / RECOVERY, 0.1))
            self.changed = now

    def took(self, rate: float, segments: int, now: int) -> None:
        if self.share < 1:
            self.next = max(self.next, now) + segments * 1_000_000 / (rate * self.share)
