"""Texts are taken once where that is cheap and certain, and never lost for it."""

import asyncio

import pytest

from ledger.errors import LedgerUnavailableError
from ledger.inbound import Mark
from schemas.provider import Provider
from schemas.public import InboundRecord
from tests.fakes.webhooks import Broker, Marks
from webhooks.inbox import Inbox, Taking

DEADLINE = 20
LONG = 1000.0


def record(name: str = "1") -> InboundRecord:
    return InboundRecord(
        id=f"text-{name}",
        organization="acme",
        provider=Provider.TELNYX,
        account="main",
        provider_message_id=name,
        from_number="+15005550006",
        to_number="+14155552346",
        text="hello",
        segments=1,
        at=1,
        received_at=2,
    )


def inbox(broker: Broker, marks: Marks, timeout: float = LONG, patience: float = LONG) -> Inbox:
    return Inbox(broker.produce, marks, timeout_seconds=timeout, patience_seconds=patience)


async def test_repeats_are_told_by_any_process() -> None:
    broker, marks = Broker(), Marks()
    assert await inbox(broker, marks).take(record()) is Taking.TAKEN
    for other in (inbox(broker, marks), inbox(broker, marks)):
        assert await other.take(record()) is Taking.REPEATED
    assert await inbox(broker, marks).take(record("2")) is Taking.TAKEN
    assert [one.provider_message_id for one in broker.texts] == ["1", "2"]


async def test_of_repeats_at_once_one_is_produced() -> None:
    broker, marks = Broker(), Marks()
    broker.answers.clear()
    one, other = inbox(broker, marks), inbox(broker, marks)
    taking = [asyncio.create_task(inb.take(record())) for inb in (one, one, one, other, other)]
    await asyncio.wait_for(marks.asked.wait(), DEADLINE)
    broker.answers.set()
    found = await asyncio.wait_for(asyncio.gather(*taking), DEADLINE)
    assert sorted(found, key=lambda taking: taking.value) == [Taking.TAKEN, *[Taking.REPEATED] * 4]
    assert len(broker.texts) == 1


async def test_what_is_not_acknowledged_is_not_taken() -> None:
    broker, marks = Broker(acknowledges=False), Marks()
    mine = inbox(broker, marks, patience=0)
    assert await mine.take(record()) is Taking.AWAY
    assert marks.known == {"text-1": Mark.TAKING}
    broker.acknowledges = True
    assert await mine.take(record()) is Taking.TAKEN


async def test_a_process_that_died_at_it_does_not_keep_the_text_from_us() -> None:
    """Its mark stays for a while, and Twilio may not come again."""
    broker, marks = Broker(), Marks(known={"text-1": Mark.TAKING})
    taking = inbox(broker, marks, patience=0.01).take(record())
    assert await asyncio.wait_for(taking, DEADLINE) is Taking.TAKEN
    assert len(broker.texts) == 1
    assert marks.known == {"text-1": Mark.TAKEN}


@pytest.mark.parametrize("trouble", [LedgerUnavailableError("no answer"), RuntimeError("no permission")])
async def test_without_the_ledger_it_is_taken_all_the_same(trouble: Exception) -> None:
    broker = Broker()
    mine = inbox(broker, Marks(trouble=trouble))
    assert [await mine.take(record()) for _ in range(2)] == [Taking.TAKEN] * 2
    first, second = broker.texts
    assert first.id == second.id


async def test_what_is_acknowledged_late_is_found_by_the_next_call() -> None:
    broker, marks = Broker(), Marks()
    broker.answers.clear()
    mine = inbox(broker, marks, timeout=0.05)
    assert await mine.take(record()) is Taking.AWAY
    # It comes again while the producer still tries: no second record.
    assert await mine.take(record()) is Taking.AWAY
    broker.answers.set()
    async with asyncio.timeout(DEADLINE):
        while await mine.take(record()) is Taking.AWAY:
            pass
    assert (broker.asked, len(broker.texts)) == (1, 1)
    assert marks.known == {"text-1": Mark.TAKEN}


async def test_what_fails_in_an_unknown_way_is_told_and_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: object) -> int | None:
        raise RuntimeError("no idea")

    mine = Inbox(broken, Marks(), timeout_seconds=LONG, patience_seconds=0)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no idea"):
            await mine.take(record())
    assert caplog.text.count("inbound.failed id=text-1") == 2
