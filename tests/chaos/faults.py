"""What may befall a stack, as data. Nothing here acts."""

from dataclasses import dataclass
from typing import Any, Final, get_args

from schemas.failpoints import Point
from schemas.provider import Provider
from tests.chaos.orders import Do, Peer
from tests.chaos.proxy import Way

#: A fault of the simulator's: `("kind", ...)` and its fields.
Spec = tuple[tuple[str, Any], ...]
PEERS: Final[tuple[Peer, ...]] = get_args(Peer)


@dataclass(frozen=True)
class Kill:
    """SIGKILL processes at once, wherever they are."""

    names: tuple[str, ...]
    #: While they are dead, the ledger is wiped.
    wiped: bool = False

    @property
    def kind(self) -> str:
        what = self.names[0] if len(self.names) == 1 else "all dispatchers"
        return f"SIGKILL {what}" + (", Redis wiped" if self.wiped else "")


@dataclass(frozen=True)
class AtPoint:
    """SIGKILL, or SIGSTOP for a while, the first process of a service that comes to a point."""

    service: str
    point: Point
    do: Do
    nth: int
    #: Faults of the provider without which nobody comes there.
    provoked_by: tuple["Rule", ...] = ()
    #: The ledger is wiped first: nobody rebuilds one that is whole.
    wiped: bool = False
    #: First another dies with claims in hand, so that somebody takes over from it.
    widowed: bool = False

    @property
    def kind(self) -> str:
        return f"{'SIGKILL' if self.do == 'kill' else 'SIGSTOP'} at {self.point}"


@dataclass(frozen=True)
class Freeze:
    """SIGSTOP past the session timeout, then SIGCONT: a zombie."""

    name: str

    @property
    def kind(self) -> str:
        return "SIGSTOP past the session"


@dataclass(frozen=True)
class Restart:
    """SIGTERM, and start it again."""

    name: str

    @property
    def kind(self) -> str:
        return f"SIGTERM {self.name}"


@dataclass(frozen=True)
class Wipe:
    """Redis forgets everything."""

    @property
    def kind(self) -> str:
        return "Redis wiped"


@dataclass(frozen=True)
class Partition:
    """The way from a process to a peer is disturbed for a while."""

    name: str
    peer: Peer
    way: Way
    seconds: float

    @property
    def kind(self) -> str:
        return f"way to {self.peer}: {self.way}"


@dataclass(frozen=True)
class Rule:
    """Every so-many-th request of a provider meets a fault of the simulator."""

    provider: Provider
    every: int
    #: As the simulator reads it.
    fault: Spec

    def written(self) -> dict[str, Any]:
        """What its `POST /faults` takes."""
        return {"match": {"provider": self.provider}, "every": self.every, "fault": dict(self.fault)}


@dataclass(frozen=True)
class Weather:
    """A provider is unwell for a while."""

    rule: Rule
    seconds: float

    @property
    def kind(self) -> str:
        return "provider: " + " ".join(v if k == "kind" else f"{k}={v}" for k, v in self.rule.fault)


Fault = Kill | AtPoint | Freeze | Restart | Wipe | Partition | Weather


@dataclass(frozen=True)
class Step:
    """Faults that overlap, and how long the system may breathe after the last of them is over."""

    faults: tuple[Fault, ...]
    breathe: float
