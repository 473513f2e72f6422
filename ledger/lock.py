"""The lock on a rebuild of the ledger, and what only its holder may do. All of it is fenced in scripts."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Literal, Self

from ledger import days
from ledger.claims import Closed, Open, line
from ledger.days import Day
from ledger.optouts import Noted, encode_noted
from ledger.server import Server
from schemas.base import Millis
from schemas.forgetting import CLAIMS_MS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lock:
    """Held by the one process that may publish an epoch, whose name is `token`, under one run of the server.

    `write` and `publish` raise `FencedError` once another lock, run or epoch has come.
    """

    server: Server
    token: str
    life_ms: int

    @classmethod
    async def acquire(cls, server: Server, life_ms: int) -> "Self | Literal['valid', 'held', 'evicts']":
        """The lock, or why not: the epoch is valid, another rebuilds, or the server may drop claims."""
        token = token_hex(6)
        match await server.run("rebuild_lock", token, life_ms):
            case [b"locked"]:
                return cls(server, token, life_ms)
            case [b"evicts", bytes() as policy]:
                log.error("the ledger's server may evict claims (%s): set noeviction", policy.decode())
                return "evicts"
            case [b"held"]:
                return "held"
            case _:
                return "valid"

    async def write(
        self, made: Iterable[tuple[str, Open | Closed, Millis]] = (), asked: Iterable[str] = ()
    ) -> set[str]:
        """Write claims (id, claim, when it is forgotten) of the epoch to come; keeps the lock alive.

        Returns those of the messages `asked` that have one by now.
        """
        asked = list(asked)
        work = {
            "made": [(id_, line(claim), str(forget_at + CLAIMS_MS)) for id_, claim, forget_at in made],
            "asked": asked,
        }
        there = await self.server.run(
            "rebuild_write", self.token, self.life_ms, json.dumps(work, separators=(",", ":"))
        )
        return {id_ for id_, known in zip(asked, there, strict=True) if known}

    async def count(self, segments: Mapping[str, int], today: Day) -> None:
        """Write what each day cap has let go today, of the epoch to come; keeps the lock alive."""
        fields = [word for pair in days.lines(segments, today) for word in pair]
        await self.server.run("rebuild_days", self.token, self.life_ms, *fields)

    async def note(self, noted: Sequence[Noted]) -> None:
        """What recipients want, which is of no epoch; keeps the lock alive."""
        await self.server.run("wish_note", encode_noted(noted))
        await self.write()

    async def publish(self) -> None:
        """What was written is the ledger from now on. The lock is free again."""
        await self.server.run("rebuild_publish", self.token)

    async def release(self) -> None:
        """Give up, if it is still ours."""
        await self.server.run("rebuild_unlock", self.token)

    async def sweep(self) -> None:
        """Drop the keys of all other epochs, as long as ours is valid."""
        cursor = "0"
        while True:
            cursor = (await self.server.run("rebuild_sweep", self.token, cursor)).decode()
            if cursor == "0":
                return
