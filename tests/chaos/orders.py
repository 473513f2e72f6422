"""What the processes of a chaos stack are told to do: guards to leave out, points to die at, ways to take.

One JSON file for all of them, named by `HELIO_CHAOS_FILE`, read by `tests.chaos.launch`:

    {"dispatchers-twilio": {"without": ["claim"],
                            "at": [{"id": "7", "point": "dispatch.claimed", "pass": 3, "do": "kill"}],
                            "via": {"kafka": 41001, "redis": 41002, "provider": 41003},
                            "env": {"HELIO_DISPATCH__HTTP_TIMEOUT_SECONDS": "3"}}}

`without`, `via` and `env` hold from a process' next start. `at` is read again when the file changes, so that
it also reaches a process that runs. `pass` counts from there on: 1 is the next time. An order with an `id` is
done once, by the first process that comes to it, also after restarts, and noted in a file; one without an
`id` is done once in each life of a process.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from cli.local.table import SERVICES
from schemas.failpoints import Point

FILE: Final = "HELIO_CHAOS_FILE"
NO_COPIES: Final[Mapping[str, int]] = MappingProxyType({})
Do = Literal["kill", "stop"]
Peer = Literal["kafka", "redis", "provider"]


@dataclass(frozen=True)
class At:
    """Kill or stop the process when it comes to `point` for the `nth` time."""

    point: Point
    do: Do = "kill"
    nth: int = 1
    id: str | None = None

    def written(self) -> dict[str, Any]:
        named = {} if self.id is None else {"id": self.id}
        return {**named, "point": self.point.value, "pass": self.nth, "do": self.do}


@dataclass(frozen=True)
class Orders:
    """One process' orders."""

    without: tuple[str, ...] = ()
    at: tuple[At, ...] = ()
    #: Peer -> port on loopback of the proxy to go through.
    via: Mapping[Peer, int] = field(default_factory=dict)
    #: In place of what the stack gives it.
    env: Mapping[str, str] = field(default_factory=dict)

    def written(self) -> dict[str, Any]:
        return {
            "without": self.without,
            "at": [one.written() for one in self.at],
            "via": dict(self.via),
            "env": dict(self.env),
        }


@dataclass(frozen=True)
class Done:
    """An order with an id that was done."""

    id: str
    name: str
    pid: int
    point: str
    #: Epoch seconds.
    at: float


def write(file: Path, orders: Mapping[str, Orders]) -> None:
    """Replace all orders at once: a reader sees the old ones or the new ones."""
    half = file.with_suffix(".new")
    half.write_text(json.dumps({name: one.written() for name, one in orders.items()}, indent=1) + "\n")
    half.replace(file)


def read(file: Path, name: str) -> Orders:
    """The orders of one process; none where the file or its name is missing."""
    try:
        found = json.loads(file.read_text()).get(name, {})
    except FileNotFoundError:
        return Orders()
    at = tuple(
        At(Point(one["point"]), one.get("do", "kill"), one.get("pass", 1), one.get("id"))
        for one in found.get("at", ())
    )
    return Orders(tuple(found.get("without", ())), at, found.get("via", {}), found.get("env", {}))


def take(file: Path, name: str, order: At) -> bool:
    """Note that `order` is being done, by this process; False if another was first."""
    if order.id is None:
        return True
    path = _done(file, order.id)
    path.parent.mkdir(exist_ok=True)
    try:
        with path.open("x") as done:
            json.dump({"name": name, "pid": os.getpid(), "point": order.point.value, "at": time.time()}, done)
    except FileExistsError:
        return False
    return True


def done(file: Path, order_id: str) -> Done | None:
    """Who did the order of this id, or None: nobody yet."""
    try:
        return Done(order_id, **json.loads(_done(file, order_id).read_text()))
    except (FileNotFoundError, json.JSONDecodeError):  # not done, or being written at this moment
        return None


def _done(file: Path, order_id: str) -> Path:
    return file.with_suffix(".done") / order_id


def names(copies: Mapping[str, int]) -> dict[str, str]:
    """All processes of a `Stack(copies=...)`: name -> service."""
    return {
        service if number == 1 else f"{service}-{number}": service
        for service in SERVICES
        for number in range(1, copies.get(service, 1) + 1)
    }


def argv(copies: Mapping[str, int] = NO_COPIES) -> dict[str, tuple[str, ...]]:
    """For `Stack(argv=...)`: every service started through `tests.chaos.launch`."""
    python = (sys.executable, "-m", "tests.chaos.launch")
    return {name: (*python, name, *SERVICES[service]) for name, service in names(copies).items()}


def env(file: Path, copies: Mapping[str, int] = NO_COPIES) -> dict[str, dict[str, str]]:
    """For `Stack(env=...)`: where every service finds its orders."""
    return {name: {FILE: str(file)} for name in names(copies)}
