"""What processes know together of the providers: open breakers, slowed paces. Opens nothing.

Two hashes of lines, which `scripts/breakers.lua` and `scripts/slowing.lua` read and write; docs/ledger.md has
what moves them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from schemas.base import Millis

#: Older news is none.
_NEWS_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Breaker:
    """Of an account. Closed: hand-overs go. Open: none goes. Probing: one at a time goes, to try."""

    state: Literal["closed", "open", "probing"]
    #: When it closed, 0 if it was never open; else when it opened.
    since: Millis
    #: Open: nothing goes before this. Probing: the probe counts as lost from then on.
    until: Millis = 0
    #: Closed: how many of the latest hand-overs (`all`) nobody answered.
    bad: int = 0
    all: int = 0


@dataclass(frozen=True, slots=True)
class Slowed:
    """A pace that its provider has throttled."""

    #: It goes at so much of its rate, more than 0 and less than 1.
    share: float
    #: Nothing goes before this.
    until: Millis


@dataclass(frozen=True, slots=True)
class Health:
    """All that is known at one moment of the ledger's clock; of what is not named, nothing is wrong."""

    at: Millis
    #: By account.
    breakers: dict[str, Breaker]
    #: By the key of the pace, such as `number:+15550100` or `account:main`.
    slowed: dict[str, Slowed]

    @property
    def not_closed(self) -> dict[str, Breaker]:
        """The breakers that stop hand-overs: open, or with one probe under way."""
        return {account: breaker for account, breaker in self.breakers.items() if breaker.state != "closed"}

    @property
    def closed_to_all(self) -> frozenset[str]:
        """The accounts that nothing new should be sent through.

        An open breaker whose time is over wants somebody to try: nobody would if all were kept from it.
        """
        return frozenset(account for account, breaker in self.not_closed.items() if breaker.until > self.at)


def health(answer: tuple[int, Sequence[bytes], Sequence[bytes]]) -> Health:
    """What `healthy.lua` answers, without what had no news for an hour: others keep the hash alive."""
    now, breakers, slowed = answer
    found = {name.partition(":")[2]: _breaker(line) for name, line in _pairs(breakers)}
    return Health(
        at=now,
        breakers={
            account: breaker
            for account, breaker in found.items()
            if breaker.state == "closed" or breaker.until > now - _NEWS_MS
        },
        slowed={name: _slowed(line) for name, line in _pairs(slowed) if _latest(line) > now - _NEWS_MS},
    )


def _pairs(flat: Sequence[bytes]) -> Iterator[tuple[str, str]]:
    words = [word.decode() for word in flat]
    return zip(words[::2], words[1::2], strict=True)


def _breaker(line: str) -> Breaker:
    match line.split(" "):
        case ["closed", _, since, _, bad, all_, bad_before, all_before]:
            counted = (int(bad) + int(bad_before), int(all_) + int(all_before))
            return Breaker("closed", int(since), 0, *counted)
        case [("open" | "probing") as state, _, since, till, *_]:
            return Breaker(state, int(since), int(till))
    raise ValueError(f"not a breaker: {line!r}")


def _latest(line: str) -> Millis:
    """When a slowed pace last changed, or let something go."""
    _, *moments = line.split(" ")
    return max(map(int, moments)) // 1000


def _slowed(line: str) -> Slowed:
    share, _, next_ = line.split(" ")
    return Slowed(float(share), int(next_) // 1000)
