"""The same seed gives the same faults in the same order; each part of a run has its share of each."""

from collections.abc import Sequence
from itertools import islice

from schemas.failpoints import Point
from tests.chaos import orders
from tests.chaos.decks import steps
from tests.chaos.faults import AtPoint, Fault, Kill, Partition, Restart, Weather, Wipe

NAMES = list(orders.names({"dispatchers-twilio": 2}))
#: Nobody comes there in every run: whether a window has too much, or a question is due, is not in our hand.
BY_CHANCE = {Point.DISPATCH_DEFERRED, Point.DISPATCH_ASKED, Point.WAITING_MOVED}
#: Of no service: tests/broker/ingress/test_replays.py kills the command there.
OF_COMMANDS = {Point.DLQ_BEGUN, Point.DLQ_REPLAYED}
#: Nobody subscribes in a run: tests/broker/notifiers kills the process there.
OF_NOTIFIERS = {
    Point.NOTIFIER_ANSWERED,
    Point.NOTIFIER_PUT_OFF,
    Point.NOTIFIER_DONE,
    Point.NOTIFIER_SWITCHED_OFF,
}


def faults(seed: int, many: int) -> Sequence[Fault]:
    return [fault for step in islice(steps(seed, NAMES), many) for fault in step.faults]


def test_the_same_seed_is_the_same_run() -> None:
    assert list(islice(steps(7, NAMES), 300)) == list(islice(steps(7, NAMES), 300))


def test_another_seed_is_another_run() -> None:
    assert faults(7, 20) != faults(8, 20)


def test_every_process_is_killed_and_every_point_is_met() -> None:
    dealt = faults(1, 120)
    killed = {name for fault in dealt if isinstance(fault, Kill) for name in fault.names}
    met = {fault.point for fault in dealt if isinstance(fault, AtPoint)}
    assert killed >= set(NAMES)
    assert met >= set(Point) - BY_CHANCE - OF_COMMANDS - OF_NOTIFIERS


def test_a_third_of_the_kills_is_at_points() -> None:
    dealt = faults(1, 120)
    at_points = sum(isinstance(fault, AtPoint) and fault.do == "kill" for fault in dealt)
    elsewhere = sum(len(fault.names) for fault in dealt if isinstance(fault, Kill))
    assert at_points >= (at_points + elsewhere) / 3


def test_a_short_run_has_some_of_each() -> None:
    kinds = {type(fault) for fault in faults(1, 60)}
    assert kinds >= {Kill, AtPoint, Partition, Restart, Weather, Wipe}
