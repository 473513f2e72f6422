"""The courier ends loudly: one that silently tells fewer receipts would be a false witness."""

import asyncio
import time
from pathlib import Path

import pytest

from simulator.config import CallbackSettings, TelnyxAccount
from simulator.courier import Courier
from simulator.journal import Journal
from simulator.messages import Draft, Message
from simulator.network import Network
from simulator.provider import Attempt, Callback
from simulator.receipts import Status, plan
from simulator.telnyx.api import Telnyx
from tests.unit.simulator.harness import DEADLINE, HANDSET, NUMBER


class Broken(Telnyx):
    """A provider whose callbacks cannot be made."""

    def callback(self, attempt: Attempt) -> Callback | None:
        raise RuntimeError(f"no callback of {attempt.message.id}")


async def test_a_worker_that_breaks_is_noticed(tmp_path: Path) -> None:
    accounts: list[TelnyxAccount] = []
    network = Network(Journal(tmp_path / "state.jsonl"))
    courier = Courier(
        {"telnyx": Broken(accounts, CallbackSettings())}, network, concurrency=2, clock=time.time
    )
    await courier.start()
    draft = Draft(provider="telnyx", account="tx-1", to=HANDSET, sender=NUMBER, text="hello")
    receipts = plan([Status("sent")], None, 0.0)
    message = Message(id="m-1", draft=draft, at=0.0, reaches_handset=True, receipts=receipts)
    network.accept(message)
    courier.schedule([message])
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(RuntimeError, match="no callback of m-1"):
            await courier.broken()
    await courier.stop()
    network.close()
