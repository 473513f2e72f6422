"""Questions about a directory, answered once for each of its states: these are few, and messages are many."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary

from directory.snapshot import Directory

_Asked = TypeVarTuple("_Asked")
_Answer = TypeVar("_Answer")


def once(find: Callable[[Directory, *_Asked], _Answer]) -> Callable[[Directory, *_Asked], _Answer]:
    """`find`, called once for each directory and each other arguments, which must be hashable.

    Only for what is told by the directory and these alone: the answers are forgotten with the directory.
    """
    states: WeakKeyDictionary[Directory, dict[tuple[*_Asked], _Answer]] = WeakKeyDictionary()

    @wraps(find)
    def found(directory: Directory, *asked: *_Asked) -> _Answer:
        known = states.setdefault(directory, {})
        if asked not in known:
            known[asked] = find(directory, *asked)
        return known[asked]

    return found
