"""In which order faults befall a stack: decks of them, shuffled by a seed. Nothing here acts."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from cli.local.stack import KAFKA, REDIS
from schemas.failpoints import Point
from schemas.provider import Provider
from tests.chaos.faults import (
    PEERS,
    AtPoint,
    Fault,
    Freeze,
    Kill,
    Partition,
    Restart,
    Rule,
    Spec,
    Step,
    Weather,
    Wipe,
)
from tests.chaos.orders import Do, Peer
from tests.chaos.proxy import Way

DISPATCHERS: Final = {p: f"dispatchers-{p}" for p in Provider}

#: Where each service can be met while messages flow.
POINTS: Final = {
    "ingress-api": (
        Point.API_HELD, Point.API_PRODUCED,
        Point.API_CANCEL_ASKED, Point.API_CANCEL_DECIDED, Point.API_CANCEL_TOLD,
    ),
    "ingress-intake": (Point.INTAKE_PRODUCED,),
    "streams-route": (Point.STREAM_HANDLED, Point.STREAM_DELIVERED),
    "streams-fold": (Point.STREAM_HANDLED, Point.STREAM_DELIVERED),
    "streams-views": (Point.VIEWS_PUT,),
    "webhooks": (Point.WEBHOOK_VERIFIED, Point.WEBHOOK_PRODUCED),
}  # fmt: skip
STEADY: Final = (
    Point.DISPATCH_LOOKED, Point.DISPATCH_INTENDED, Point.DISPATCH_CLAIMED,
    Point.DISPATCH_ANSWERED, Point.DISPATCH_TOLD, Point.DISPATCH_CLOSED,
)  # fmt: skip
AFTER_AMBIGUOUS: Final = (Point.DISPATCH_LOST, Point.DISPATCH_AMBIGUOUS_TOLD)
#: The last of them after three tries through one account, of a message that another may take.
AFTER_THROTTLED: Final = (Point.DISPATCH_REOPENED, Point.DISPATCH_RETRY_TOLD, Point.DISPATCH_FAILED_OVER)
IN_REBUILD: Final = (Point.REBUILD_LOCKED, Point.REBUILD_WRITTEN, Point.REBUILD_PUBLISHED)
#: Where a stop past the claim's time does the most: between what is written and what is done.
FROZEN_AT: Final = (
    Point.DISPATCH_LOOKED, Point.DISPATCH_INTENDED, Point.DISPATCH_CLAIMED, Point.DISPATCH_ANSWERED,
    Point.DISPATCH_TOLD,
)  # fmt: skip

GARBLED: Final = (("kind", "garbled"), ("body", "html"))
THROTTLED: Final = (("kind", "throttle"), ("retry_after_seconds", 1))
FAULTS: Final[tuple[Spec, ...]] = (
    (("kind", "slow"), ("ms", 1500), ("accepted", "before")),
    (("kind", "slow"), ("ms", 1500), ("accepted", "after")),
    (("kind", "slow"), ("ms", 6000), ("accepted", "before")),
    (("kind", "refuse"),),
    (("kind", "hang"), ("accepted", True), ("max_seconds", 8)),
    (("kind", "hang"), ("accepted", False), ("max_seconds", 8)),
    (("kind", "drop"), ("accepted", True)),
    (("kind", "drop"), ("accepted", False)),
    (("kind", "server_error"), ("accepted", True)),
    (("kind", "server_error"), ("accepted", False), ("body", "html")),
    THROTTLED,
    GARBLED,
    (("kind", "receipts"), ("when", "early")),
    (("kind", "receipts"), ("when", "normal"), ("delay_ms", 4000)),
    (("kind", "receipts"), ("when", "never")),
    (("kind", "receipts"), ("copies", 3)),
    (("kind", "receipts"), ("order", "reversed"), ("copies", 2)),
)
"""What providers do: late, no answer, no connection, an answer that says nothing, receipts in disorder."""

Deck = Callable[[random.Random, Sequence[str]], list[Fault]]


def steps(seed: int, names: Sequence[str]) -> Iterator[Step]:
    """The steps of a run, for ever; the same for the same seed and names of processes.

    Decks are dealt in turn, so that every part of a run has some of each, and all that is in a deck comes
    before anything of it comes again. Faults that are dealt together overlap.
    """
    dice = random.Random(seed)
    at, kill, other = (_dealt(dice, names, deck) for deck in (_at_points, _kills, _others))
    while True:
        for together in ((at, kill), (at, other), (kill,), (at, kill), (other, other)):
            yield Step(tuple(next(deck) for deck in together), breathe=round(dice.uniform(0.3, 1.5), 2))


def _dealt(dice: random.Random, names: Sequence[str], deck: Deck) -> Iterator[Fault]:
    while True:
        cards = deck(dice, names)
        dice.shuffle(cards)
        yield from cards


def _at_points(dice: random.Random, _names: Sequence[str]) -> list[Fault]:
    """Every point once, for dispatchers with a provider by chance."""

    def any_dispatcher(
        point: Point,
        do: Do = "kill",
        *,
        under: Spec | None = None,
        wiped: bool = False,
        widowed: bool = False,
    ) -> AtPoint:
        provider = dice.choice(list(Provider))
        rules = () if under is None else (Rule(provider, 1, under),)
        return AtPoint(
            DISPATCHERS[provider],
            point,
            do,
            dice.randint(1, 5 if point in STEADY else 1),
            rules,
            wiped,
            widowed,
        )

    return [
        *(
            AtPoint(name, point, "kill", dice.randint(1, 5))
            for name, all_ in POINTS.items()
            for point in all_
        ),
        *(any_dispatcher(point) for point in STEADY),
        *(any_dispatcher(point, under=GARBLED) for point in AFTER_AMBIGUOUS),
        *(any_dispatcher(point, under=THROTTLED) for point in AFTER_THROTTLED),
        *(any_dispatcher(point, wiped=True) for point in IN_REBUILD),
        any_dispatcher(Point.DISPATCH_TAKEN_OVER, widowed=True),
        *(any_dispatcher(point, "stop") for point in FROZEN_AT),
        AtPoint("streams-fold", Point.STREAM_HANDLED, "stop", 1),
        AtPoint("streams-views", Point.VIEWS_PUT, "stop", 1),
    ]


def _kills(dice: random.Random, names: Sequence[str]) -> list[Fault]:
    """Every process once, all dispatchers together, broker, ledger."""
    dispatchers = tuple(name for name in names if name.startswith("dispatchers-"))
    together: list[Fault] = [Kill(dispatchers, wiped=dice.random() < 0.5)]
    return [*(Kill((name,)) for name in (*names, KAFKA, REDIS)), *together]


def _others(dice: random.Random, names: Sequence[str]) -> list[Fault]:
    providers, ways = list(Provider), [way for way in Way if way is not Way.PASS]

    def seconds(least: float, most: float) -> float:
        return round(dice.uniform(least, most), 1)

    def partition(name: str, peer: Peer) -> Partition:
        return Partition(name, peer, dice.choice(ways), seconds(2, 10))

    dispatchers = [DISPATCHERS[provider] for provider in providers]
    return [
        *(Freeze(name) for name in dice.sample(names, 2)),
        *(Restart(name) for name in (*dice.sample(names, 3), KAFKA, REDIS)),
        Wipe(),
        *(partition(dice.choice(dispatchers), peer) for peer in PEERS),
        *(partition(dice.choice(names), peer) for peer in PEERS if peer != "provider"),
        *(Weather(Rule(dice.choice(providers), dice.randint(1, 4), spec), seconds(3, 8)) for spec in FAULTS),
    ]
