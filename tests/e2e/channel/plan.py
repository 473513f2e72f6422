"""What a run of the channel hands in and what handsets write meanwhile, by a seed alone."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tests.e2e.channel import pools
from tests.e2e.channel.oracle import Order
from tests.e2e.channel.wishes import UNDER_WAY_SECONDS

Door = Literal["rest", "kafka"]
#: Handsets of this area code: carriers cannot deliver to them.
DEAD: Final = "512"
_AREA_CODES: Final = ("415", "310", "213", "917", "773", "617", "604", DEAD)
_USE_CASES: Final = (pools.UPDATES, pools.OFFERS, pools.ANYWHERE)
#: Nobody can be reached there, or not by all use cases.
_ODD: Final = ("+19995550123", "+442079460123", "+61491570006")
#: To whom a STOP is written so that it is about a use case.
_OF: Final = {
    pools.UPDATES: pools.CHICAGO, pools.OFFERS: pools.OFFERING, pools.ANYWHERE: pools.ASKING["telnyx"],
}  # fmt: skip
#: So many are handed in each second, for some seconds at least.
_RATE: Final = 100
_SHORTEST_SECONDS: Final = 6.0


@dataclass(frozen=True)
class HandIn:
    """An order goes through a door, `at` seconds after the start; it may wait for its moment."""

    at: float
    order: Order
    door: Door
    waits: bool


@dataclass(frozen=True)
class Word:
    """A handset writes to one of our numbers, `at` seconds after the start."""

    at: float
    handset: str
    to: str
    text: str


@dataclass(frozen=True)
class Plan:
    """Everything that is done, in the order of time."""

    hand_ins: Sequence[HandIn]
    words: Sequence[Word]
    #: Seconds after the start: when those are due that wait for their moment. All words have then been there
    #: for longer than any hand-over may be under way.
    due: float


def plan(seed: int, many: int) -> Plan:
    """`many` messages to about a fifth as many people, of whom a fifth write a word."""
    dice, seconds = random.Random(seed), max(_SHORTEST_SECONDS, many / _RATE)
    people = [
        f"+1{dice.choice(_AREA_CODES)}{3_000_000 + seed % 1_000 * 6_000 + number:07d}"
        for number in range(max(20, many // 5))
    ]
    writers = set(dice.sample(people, len(people) // 5))
    words = [word for person in sorted(writers) for word in _words(dice, person, seconds)]
    hand_ins = []
    for number in range(many):
        to = dice.choice(_ODD) if dice.random() < 0.05 else dice.choice(people)
        order = Order(number, dice.choice(_USE_CASES), to, f"channel {seed} message {number}")
        waits = dice.random() < (0.7 if to in writers else 0.1)
        door: Door = "rest" if dice.random() < 0.6 else "kafka"
        hand_ins.append(HandIn(dice.uniform(0, seconds), order, door, waits))
    acts = sorted(hand_ins, key=lambda one: one.at), sorted(words, key=lambda one: one.at)
    return Plan(*acts, due=seconds + UNDER_WAY_SECONDS + 1)


def _words(dice: random.Random, person: str, seconds: float) -> list[Word]:
    """STOP; some take it back, some ask for help only. In the first two thirds of `seconds`."""
    use_case = dice.choice(_USE_CASES)
    at, to, chance = dice.uniform(0.5, seconds / 3), _OF[use_case], dice.random()
    if chance < 0.15:
        return [Word(at, person, to, "HELP")]
    stop = Word(at, person, to, dice.choice(("STOP", "unsubscribe")))
    return [stop] if chance < 0.75 else [stop, Word(at + seconds / 3, person, to, "START")]
