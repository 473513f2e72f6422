"""What a run hands in: who sends what to whom, through which door, and what is handed in twice."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Door = Literal["rest", "kafka"]


@dataclass(frozen=True)
class Planned:
    """One message of a run. Its text is its own, so that a handset's log can be compared with the plan."""

    number: int
    sender: str
    to: str
    text: str
    door: Door
    #: None: handed in without an idempotency key.
    key: str | None


@dataclass(frozen=True)
class Plan:
    """A run's messages, and every hand-in in the order in which they are to be made."""

    messages: tuple[Planned, ...]
    #: Indexes into `messages` with the door to take; a message that is handed in twice stands here twice.
    order: tuple[tuple[int, Door], ...]


def plan(many: int, senders: Sequence[str], seed: int) -> Plan:
    """`many` messages, half through each door, over all `senders` in turn; every tenth handed in twice.

    Of those, every third takes the other door the second time. Odd ones without a key are the rule for
    producers who know nothing of idempotency.
    """
    dice = random.Random(seed)
    messages: list[Planned] = []
    first: list[tuple[int, Door]] = []
    second: list[tuple[int, Door]] = []
    for number in range(many):
        door: Door = "rest" if number % 2 == 0 else "kafka"
        twice = number % 20 in {0, 15}
        keyed = twice or number % 4 < 2
        messages.append(
            Planned(
                number=number,
                sender=senders[number % len(senders)],
                to=f"+1415{number % 10_000_000:07d}",
                text=f"spine {seed} message {number} ✓"
                if number % 7 == 0
                else f"spine {seed} message {number}",
                door=door,
                key=f"spine:{seed}:{number}" if keyed else None,
            )
        )
        first.append((number, door))
        if twice:
            other: Door = "kafka" if door == "rest" else "rest"
            second.append((number, other if len(second) % 3 == 0 else door))
    order = first[:]
    for again in second:
        # Some time after the first: the next moment, or much later.
        place = dice.randint(again[0] + 1, min(again[0] + 400, len(order)))
        order.insert(place, again)
    return Plan(tuple(messages), tuple(order))
