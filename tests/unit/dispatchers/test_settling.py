"""What came of a hand-over: what is definite is told, whether the ledger is there or not."""

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

from broker.publish import Outgoing
from directory.snapshot import Directory
from dispatchers.accounts import Accounts
from dispatchers.journal import Journal
from dispatchers.lines import Item, Line
from dispatchers.port import ProviderPort
from dispatchers.settling import Result, Settling
from dispatchers.tools import Tools
from dispatchers.window import Window
from ledger import Ledger
from ledger.claims import Own
from schemas.directory import Account
from schemas.provider import Accepted
from schemas.settings import DispatchSettings
from tests.unit.dispatchers.test_deadlines import TASK

NOW = 1_000_000


class Away:
    """A ledger that answers once it is back."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.back = asyncio.Event()
        self.closed: list[str] = []

    async def close(self, owns: Sequence[Own]) -> None:
        self.asked.set()
        await self.back.wait()
        self.closed += [own.message_id for own in owns]


async def test_a_later_answer_is_told_while_the_ledger_is_away_and_closed_after_it() -> None:
    told: asyncio.Queue[int] = asyncio.Queue()
    away, settled = Away(), asyncio.Event()

    async def publish(records: Sequence[Outgoing]) -> None:
        assert not set(away.closed) & {(record.key or b"").decode() for record in records}
        told.put_nowait(len(records))

    async def ready() -> None:
        pass

    tools = Tools(
        ledger=cast("Ledger", away), journal=Journal("d", publish, lambda: NOW),
        accounts=Accounts(Directory, cast("Callable[[Account], ProviderPort]", None)),
        settings=DispatchSettings(), ledger_ready=ready, callback_url=lambda _: "", now=lambda: NOW,
        new_nonce=lambda: "", chance=lambda: 0.5,
    )  # fmt: skip
    window = Window(lambda _: 1, 10, lambda _: (), lambda _: ())
    settling = Settling(window, tools, settled.set)
    running = asyncio.create_task(settling.run())
    line = Line(("t", 0))
    try:
        async with asyncio.timeout(20):
            for offset, id_ in enumerate(("first", "second")):
                line.open(offset)
                item = Item(line, offset, TASK.model_copy(update={"message_id": id_}))
                settling.add(Result(item, "nonce", Accepted(provider_message_id=id_)))
                assert await told.get() == 1
                await away.asked.wait()
            assert (settling.open, away.closed, line.due()) == (2, [], 0)
            away.back.set()
            while settling.open:
                settled.clear()
                await settled.wait()
        assert (away.closed, line.due()) == (["first", "second"], 2)
    finally:
        running.cancel()
