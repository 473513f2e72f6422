"""Breadth first through every state that a case can reach, until a promise is broken or nothing is left."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import process_time

from tests.model import asking, deadlines, dispatcher, faults, others, rebuilds
from tests.model.case import Case, Fault
from tests.model.changes import status
from tests.model.promises import BrokenError, check, check_end
from tests.model.world import Move, World


@dataclass(frozen=True)
class Broken:
    """A promise, and the shortest way to its break."""

    promise: str
    steps: list[str]


@dataclass(frozen=True)
class Result:
    """What a search came to."""

    states: int
    #: Steps of the longest of the shortest ways.
    depth: int
    #: Of CPU.
    seconds: float
    broken: Broken | None
    #: Nothing was left out.
    whole: bool


Ways = dict[World, tuple[World, str] | None]


def search(case: Case, most: int = 100_000_000, tell: Callable[[int, int], None] = lambda *_: None) -> Result:
    """Every state of the case, but none after `most` states; `tell` hears of each depth and its states."""
    began = process_time()
    start = case.start()
    ways: Ways = {start: None}
    layer, depth, broken = [start], 0, None
    while layer and len(ways) <= most and broken is None:
        tell(depth, len(ways))
        following: list[World] = []
        for world in layer:
            try:
                _visit(case, world, ways, following)
            except BrokenError as error:
                broken = Broken(str(error), _way(ways, world))
                break
        layer, depth = following, depth + 1
    return Result(len(ways), depth, process_time() - began, broken, whole=broken is None and not layer)


def moves(case: Case, world: World) -> Iterator[Move]:
    """All that may happen next."""
    deaf = Fault.DEAF in case.faults and world.faults_left
    for move in _free(case, world):
        yield move
        if deaf and move.unanswered is not None:
            lost = move.unanswered._replace(faults_left=world.faults_left - 1)
            yield Move(f"{move.words}; THE ANSWER IS LOST", lost, optional=True)
    yield from faults.moves(case, world)


def _free(case: Case, world: World) -> Iterator[Move]:
    yield from others.moves(case, world)
    yield from deadlines.moves(case, world)
    yield from asking.moves(case, world)
    yield from rebuilds.moves(case, world)
    for index in (0, 1):
        yield from dispatcher.moves(case, world, index)


def _visit(case: Case, world: World, ways: Ways, following: list[World]) -> None:
    told = status(case, world)
    check(world, told)
    quiet = True
    for move in moves(case, world):
        quiet = quiet and move.optional
        if move.world not in ways:
            ways[move.world] = (world, move.words)
            following.append(move.world)
    if quiet:
        check_end(world, told, case.policy)


def _way(ways: Ways, world: World) -> list[str]:
    steps = []
    while (before := ways[world]) is not None:
        world, words = before
        steps.append(words)
    return steps[::-1]
