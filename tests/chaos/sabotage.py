"""Guards taken out of a service before it starts, and faults put into it: for `Orders(without=...)`.

Each function is named as orders name it. What it leaves is the naive build that the guard is there for; the
checker must notice it (`tests/chaos/test_controls.py`). The last is no guard, but a fault.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any


def dedupe() -> None:
    """Every record of a message is taken for its first."""
    from streams import dedupe as module

    module.judge = lambda *_args, **_kw: module.New()


def claim() -> None:
    """Every claim is won, whatever the ledger says."""
    from ledger import Ledger
    from ledger.claims import Absent, Ask, Looked, Won

    async def look(_: Ledger, ids: Sequence[str]) -> list[Looked]:
        return [Looked(Absent(), until_passed=False) for _ in ids]

    async def win(_: Ledger, asks: Sequence[Ask], _midnights: object) -> list[Won]:
        return [Won(0) for _ in asks]

    _put(Ledger, "look", look)
    _put(Ledger, "claim", win)


def intent() -> None:
    """Intents are written with the outcome, after the call."""
    from dispatchers.journal import Journal

    intents, write = Journal.intents, Journal.write
    late: list[tuple[Any, Any, Any]] = []

    async def later(_: Journal, items: Any, voids: Any, caps: Any) -> None:
        late.append((items, voids, caps))

    async def with_them(self: Journal, records: Any) -> None:
        await write(self, records)
        while late:
            await intents(self, *late.pop())

    _put(Journal, "intents", later)
    _put(Journal, "write", with_them)


def until() -> None:
    """Who holds a claim hands over without a look at the clock."""
    from dispatchers import handover
    from dispatchers.port import Handover

    def whenever(**given: Any) -> Handover:
        return replace(Handover(**given), still_mine=lambda: True)

    _put(handover, "Handover", whenever)


def lowest_commit() -> None:
    """The commit is the highest finished offset, whatever lies unfinished before it."""
    from dispatchers.lines import Line

    finish = Line.finish
    highest: dict[Line, int] = {}

    def finish_and_note(self: Line, offset: int) -> None:
        finish(self, offset)
        highest[self] = max(highest.get(self, 0), offset + 1)

    def due(self: Line) -> int | None:
        found = highest.get(self)
        return None if found == self._committed else found

    _put(Line, "finish", finish_and_note)
    _put(Line, "due", due)


def epoch() -> None:
    """Scripts, and who would rebuild, believe the ledger whichever run of the server answers."""
    from ledger import server

    text = server.script_text
    head = "local function valid_epoch(run)"

    def believing(parts: tuple[str, ...]) -> str:
        return text(parts).replace(head, f"{head}\n  do return 'believed', 1 end", 1)

    _put(server, "script_text", believing)


def repeat() -> None:
    """A fact that the fold has in its row already tells nothing, though nobody may have heard it."""
    from streams import fold as module

    fold = module.fold

    def once(row: Any, fact: Any, offset: int) -> Any:
        return (row, []) if row is not None and offset <= row.offset else fold(row, fact, offset)

    _put(module, "fold", once)


def delivery() -> None:
    """A stream's records are acknowledged once the broker has answered for what they produced, whatever."""
    from tests.broker.engine import guards

    guards.delivery()


def outputs_held() -> None:
    """The fault: what a stream puts out stays in its client. Changelogs leave."""
    from streams.engine.accumulator import Accumulator

    drain = Accumulator.drain_by_nodes

    def held(self: Any, ignore_nodes: Any, muted_partitions: Any) -> Any:
        outputs = {partition for partition in self._batches if partition.topic not in self.slow}
        return drain(self, ignore_nodes, set(muted_partitions) | outputs)

    _put(Accumulator, "drain_by_nodes", held)


def _put(owner: object, name: str, function: object) -> None:
    setattr(owner, name, function)
