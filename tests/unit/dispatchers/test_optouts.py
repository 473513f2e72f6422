"""A provider that will not text somebody teaches us an opt-out, and no other answer of it does."""

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

import pytest

from broker.publish import Outgoing
from directory.snapshot import Directory
from dispatchers.accounts import Accounts
from dispatchers.journal import Journal
from dispatchers.lines import Item, Line
from dispatchers.optouts import learned
from dispatchers.port import ProviderPort
from dispatchers.settling import Result, Settling
from dispatchers.tools import Tools
from dispatchers.window import Window
from ledger import Ledger
from ledger.claims import Own
from schemas import topics
from schemas.directory import Account
from schemas.facts import OutcomeFact, ReceiptStatus, Reported, attempted, decode_fact
from schemas.optouts import Consent, OptOut, Source
from schemas.provider import Accepted, Certain, Fault, Rejected, Throttled
from schemas.settings import DispatchSettings
from schemas.tasks import RecordId, Task
from tests.fakes import world
from tests.unit.dispatchers.test_deadlines import TASK

USE = "00000000-0000-0000-0000-000000000001"
NOW = 1_000_000
SENT = TASK.model_copy(update={"sender": world.TWILIO, "to_number": world.HANDSET})


def outcome(result: Certain) -> OutcomeFact:
    record = RecordId(topic="t", partition=0, offset=1)
    return OutcomeFact(**attempted(SENT, NOW), nonce="n", record=record, outcome=result)


def refused(fault: Fault) -> Rejected:
    return Rejected(fault=fault, code="21610", detail="Attempt to send to unsubscribed recipient")


def test_a_refusal_of_the_recipients_own_making_is_an_opt_out() -> None:
    known, of_number = learned(world.directory(), outcome(refused(Fault.OPTED_OUT)), SENT.to_number)
    assert of_number == known.model_copy(update={"sender": world.TWILIO})
    assert known == OptOut(
        organization="acme", number=world.HANDSET, consent=Consent.OUT, source=Source.PROVIDER, at=NOW,
        note="vonage 21610",
    )  # fmt: skip


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.OPTED_OUT])
def test_no_other_refusal_is(fault: Fault) -> None:
    assert learned(world.directory(), outcome(refused(fault)), SENT.to_number) == []


@pytest.mark.parametrize("result", [Accepted(provider_message_id="x"), Throttled(code="20429")])
def test_nor_any_other_answer(result: Certain) -> None:
    assert learned(world.directory(), outcome(result), SENT.to_number) == []


def test_what_the_provider_says_when_it_is_asked_counts_likewise() -> None:
    def reported(fault: Fault | None) -> Reported:
        return Reported(
            **attempted(SENT, NOW), provider_message_id="x", status=ReceiptStatus.UNDELIVERED, code="40300",
            fault=fault,
        )  # fmt: skip

    assert len(learned(world.directory(), reported(Fault.OPTED_OUT), SENT.to_number)) == 2
    assert learned(world.directory(), reported(Fault.RECIPIENT), SENT.to_number) == []


class Closes:
    """The one thing that is asked of the ledger here."""

    async def close(self, owns: Sequence[Own]) -> None:
        pass


async def test_the_opt_out_is_written_with_the_fact_that_teaches_it() -> None:
    """Were it written after, a crash in between would lose it: nobody asks that provider again."""
    written: asyncio.Queue[Sequence[Outgoing]] = asyncio.Queue()
    settled = asyncio.Event()

    async def ready() -> None:
        pass

    tools = Tools(
        ledger=cast("Ledger", Closes()), journal=Journal("d", written.put, lambda: NOW),
        accounts=Accounts(Directory, cast("Callable[[Account], ProviderPort]", None)),
        settings=DispatchSettings(), ledger_ready=ready, callback_url=lambda _: "", now=lambda: NOW,
        new_nonce=lambda: "", chance=lambda: 0.5,
    )  # fmt: skip
    settling = Settling(Window(lambda _: 1, 10, lambda _: (), lambda _: ()), tools, settled.set)
    running = asyncio.create_task(settling.run())
    line = Line(("t", 0))
    line.open(0)
    try:
        settling.add(Result(Item(line, 0, SENT), "nonce", refused(Fault.OPTED_OUT)))
        async with asyncio.timeout(20):
            first, of_number, second = await written.get()
            await settled.wait()
        assert (first.topic, of_number.topic, second.topic) == (topics.OPTOUTS, topics.OPTOUTS, topics.EVENTS)
        assert first.key == f"acme {world.HANDSET}".encode()
        assert OptOut.decode(first.value).consent is Consent.OUT
        assert isinstance(decode_fact(second.value), OutcomeFact)
    finally:
        running.cancel()


def accounts() -> Accounts:
    return Accounts(world.directory, cast("Callable[[Account], ProviderPort]", None))


def scopes(**changes: object) -> tuple[str, ...]:
    task: Task = SENT.model_copy(update=changes)
    return accounts().scopes(task)


def test_a_claim_names_where_its_recipient_must_not_have_opted_out() -> None:
    number = f"acme/{world.TWILIO}"
    assert scopes() == ("acme", number)
    assert scopes(use_case_id=USE) == ("acme", f"acme/{USE}", number)


def test_a_confirmation_goes_to_whoever_has_just_opted_out() -> None:
    assert scopes(confirms=True) == ()
    assert scopes(confirms=True, use_case_id=USE) == ()


def test_the_answer_to_start_does_not_go_to_whoever_has_opted_out_since() -> None:
    assert scopes(confirms=True, heeds_optouts=True, use_case_id=USE) == scopes(use_case_id=USE)
