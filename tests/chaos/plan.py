"""What a run hands in: who sends what to whom, through which door, what is repeated, what is cancelled.

A plan is made of its seed, its length and its rate alone. It knows nothing of what is done to the system.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Literal

from schemas.tasks import OnUnknown
from tests.chaos.world import SLOW, SLOW_PER_SECOND, TENANTS, Tenant

Door = Literal["rest", "kafka"]
#: The part of all messages that goes through use cases, which choose their senders.
POOLED: Final = 0.3


class Fate(StrEnum):
    """What the handset's network does with a text, once a provider has it."""

    ARRIVES = "arrives"
    #: The provider refuses it for good.
    REFUSED = "refused"
    #: The provider takes it, and its receipt says that it did not arrive.
    UNDELIVERED = "undelivered"


#: The beginnings of the handsets' numbers: `load` has the simulator treat them so.
HANDSETS: Final = {Fate.ARRIVES: "+1415", Fate.REFUSED: "+1416", Fate.UNDELIVERED: "+1418"}


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One message of a run. Its text is its own, so that a handset's log can be compared with the plan."""

    number: int
    organization: str
    on_unknown: OnUnknown
    #: None: its use case chooses one of `pool`.
    sender: str | None
    to: str
    text: str
    #: None: handed in without an idempotency key. Messages of one key are rivals: only one can be.
    key: str | None = None
    #: False: its caller wants the outcome at once.
    queue: bool = True
    fate: Fate = Fate.ARRIVES
    #: The use case that it goes through, and the numbers that it may come from then.
    use_case: str | None = None
    pool: tuple[str, ...] = ()

    @property
    def senders(self) -> tuple[str, ...]:
        """The numbers that it may come from."""
        return self.pool if self.sender is None else (self.sender,)


@dataclass(frozen=True)
class HandIn:
    """A message goes through a door, `at` seconds after the start. One that is repeated has several."""

    at: float
    number: int
    door: Door


@dataclass(frozen=True)
class Cancel:
    """Its owner cancels a message, `at` seconds after the start or as soon as its id is known."""

    at: float
    number: int


Act = HandIn | Cancel


@dataclass(frozen=True)
class Plan:
    """A run's messages by number, and everything that is done about them, in the order of time."""

    seed: int
    messages: tuple[Planned, ...]
    acts: tuple[Act, ...]

    def until(self, begun: int) -> "Plan":
        """The part of it that was done when only so many acts were begun."""
        acts = self.acts[:begun]
        many = max((act.number for act in acts), default=-1) + 1
        return Plan(self.seed, self.messages[:many], acts)


def plan(seed: int, seconds: float, rate: float) -> Plan:
    """About `rate` new messages a second for `seconds`, by all organizations, through both doors."""
    dice = random.Random(seed)
    made = _Making(seed, dice)
    for n in range(max(1, round(seconds * rate))):
        made.one((n + dice.random()) / rate, slow=dice.random() < min(0.05, SLOW_PER_SECOND / 2 / rate))
    return Plan(seed, tuple(made.messages), tuple(sorted(made.acts, key=lambda act: act.at)))


class _Making:
    """A plan while it is made."""

    def __init__(self, seed: int, dice: random.Random) -> None:
        self._seed = seed
        self._dice = dice
        self.messages: list[Planned] = []
        self.acts: list[Act] = []

    def one(self, at: float, *, slow: bool) -> None:
        """One more message, and what goes with it."""
        dice = self._dice
        tenant = TENANTS[self._one_of({"patient": 0.6, "insistent": 0.2, "strict": 0.2})]
        door: Door = "rest" if dice.random() < 0.55 else "kafka"
        pooled = not slow and dice.random() < POOLED
        via = {"sender": SLOW[tenant.name] if slow else dice.choice(tenant.senders)}
        keyed = dice.random() < 0.65
        fate = Fate(self._one_of({Fate.ARRIVES: 0.94, Fate.REFUSED: 0.03, Fate.UNDELIVERED: 0.03}))
        message = self._message(tenant, tenant.through if pooled else via, fate, keyed=keyed)
        if door == "rest" and not slow and not pooled and dice.random() < 0.12:
            message = self._replaced(message, queue=False)
        self.acts.append(HandIn(at, message.number, door))
        if keyed:
            self._again(message, at, door)
        if door == "rest" and message.queue and dice.random() < (0.5 if slow else 0.05):
            self.acts.append(Cancel(at + dice.choice((0.0, 0.02, 0.3, 2.0)), message.number))

    def _again(self, message: Planned, at: float, door: Door) -> None:
        """Of messages with a key some are repeated, and some meet a rival."""
        dice = self._dice
        other: Door = "kafka" if door == "rest" else "rest"
        chance = dice.random()
        if chance < 0.05 and message.queue:  # both doors at once
            self.acts.append(HandIn(at, message.number, other))
        elif chance < 0.15:
            self.acts.append(HandIn(at + dice.uniform(0.1, 15), message.number, door))
        elif chance < 0.18 and message.queue:
            self.acts.append(HandIn(at + dice.uniform(0.1, 15), message.number, other))
        elif chance < 0.20:
            self._rival(message, at + dice.uniform(0.1, 5), dice.choice((door, other)))

    def _rival(self, message: Planned, at: float, door: Door) -> None:
        via = {"sender": message.sender, "use_case": message.use_case, "pool": message.pool}
        rival = self._message(TENANTS[message.organization], via, message.fate, keyed=False)
        rival = self._replaced(rival, key=message.key)
        self.acts.append(HandIn(at, rival.number, door))

    def _message(self, tenant: Tenant, via: Mapping[str, Any], fate: Fate, *, keyed: bool) -> Planned:
        """`via`: what says from which number it comes."""
        number = len(self.messages)
        long = " and some more words of it" * 8 if self._dice.random() < 0.05 else ""
        mark = " ✓" if self._dice.random() < 0.1 else ""
        message = Planned(
            number=number,
            organization=tenant.name,
            on_unknown=tenant.on_unknown,
            to=f"{HANDSETS[fate]}{5_000_000 + number % 5_000_000:07d}",
            text=f"chaos {self._seed} message {number}{long}{mark}",
            key=f"chaos:{self._seed}:{number}" if keyed else None,
            fate=fate,
            **via,
        )
        self.messages.append(message)
        return message

    def _replaced(self, message: Planned, **changes: Any) -> Planned:
        self.messages[message.number] = replace(message, **changes)
        return self.messages[message.number]

    def _one_of(self, weights: dict[str, float]) -> str:
        return self._dice.choices(list(weights), list(weights.values()))[0]


def rivals(messages: Sequence[Planned]) -> dict[tuple[str, str], list[Planned]]:
    """The messages with a key, by organization and key."""
    found: dict[tuple[str, str], list[Planned]] = {}
    for message in messages:
        if message.key is not None:
            found.setdefault((message.organization, message.key), []).append(message)
    return found
