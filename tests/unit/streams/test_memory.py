"""Who waits for the memory of recipients, for how long, and what is asked of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from ledger import LedgerUnavailableError
from ledger.sticky import Pair, Remembered
from schemas.base import Record as Model
from schemas.messages import Refusal
from streams.memory import Recipients, wanted
from streams.metrics import UNREMEMBERED
from tests.fakes.streams import Read
from tests.unit.directory.pools import USE_CASE
from tests.unit.streams.test_handlers import refusal
from tests.unit.streams.test_pool_routing import HANDSET, LA, SF, failover, message
from tests.unit.streams.test_routing import MESSAGE

PAIR = (USE_CASE, HANDSET)
PATIENT = 60.0
Answer = Callable[[int], Awaitable[Remembered]]


class Memory:
    """A ledger that answers by how often it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.asked: list[Sequence[Pair]] = []
        self._answer = answer

    async def __call__(self, pairs: Sequence[Pair]) -> Remembered:
        self.asked.append(list(pairs))
        return await self._answer(len(self.asked))


def knows(number: str | None, *, whole: bool = True) -> Answer:
    async def answer(_: int) -> Remembered:
        return Remembered(whole, (number,))

    return answer


def records(*values: Model | bytes | None) -> list[Read]:
    return [Read(value.encode() if isinstance(value, Model) else value) for value in values]


def unremembered() -> float:
    value: float = UNREMEMBERED._value.get()
    return value


def test_only_what_wants_a_number_of_a_pool_is_asked_for_and_once() -> None:
    other = message(to_number="+14157650002")
    named = message(from_number=SF)
    refused: Refusal = refusal().model_copy(update={"content": other.content})
    unreadable = b'{"use_case_id":"'
    found = wanted(records(MESSAGE, other, message(), unreadable, None, named, refused, failover()))
    assert list(found) == [(USE_CASE, "+14157650002"), PAIR]


async def test_a_batch_without_use_cases_asks_nothing() -> None:
    memory = Memory(knows(SF))
    recipients = Recipients(memory, PATIENT)
    await recipients.prepare(records(message()))
    await recipients.prepare(records(MESSAGE, b"{"))
    assert len(memory.asked) == 1
    # What an earlier batch knew is not told of this one.
    assert recipients.number(*PAIR) is None


async def test_what_is_known_is_told_of_that_recipient_and_use_case_alone() -> None:
    recipients = Recipients(Memory(knows(SF)), PATIENT)
    await recipients.prepare(records(message()))
    assert recipients.number(*PAIR) == SF
    assert recipients.number(USE_CASE, "+14157650002") is None
    assert recipients.number(None, HANDSET) is None


async def test_a_batch_waits_until_the_memory_is_whole() -> None:
    async def answer(times: int) -> Remembered:
        if times == 1:
            raise LedgerUnavailableError("gone")
        return Remembered(times == 4, (LA if times == 4 else None,))

    memory, before = Memory(answer), unremembered()
    recipients = Recipients(memory, PATIENT)
    await recipients.prepare(records(message()))
    assert (recipients.number(*PAIR), len(memory.asked)) == (LA, 4)
    assert unremembered() == before


async def test_nobody_waits_for_ever_and_what_is_known_counts() -> None:
    recipients = Recipients(Memory(knows(SF, whole=False)), 0.0)
    before = unremembered()
    await recipients.prepare(records(message()))
    await recipients.prepare(records(message()))
    assert recipients.number(*PAIR) == SF
    assert unremembered() == before + 2


async def test_a_memory_that_does_not_answer_holds_up_few_batches() -> None:
    """After the patience is over it is asked about once a second, not for every batch."""

    async def away(_: int) -> Remembered:
        raise LedgerUnavailableError("gone")

    memory = Memory(away)
    recipients = Recipients(memory, 0.0)
    for _ in range(50):
        await recipients.prepare(records(message()))
        assert recipients.number(*PAIR) is None
    assert len(memory.asked) < 25


async def test_nor_one_that_hangs() -> None:
    never = asyncio.Event()

    async def hang(_: int) -> Remembered:
        await never.wait()
        return Remembered(whole=True, numbers=(SF,))

    recipients = Recipients(Memory(hang), 0.0)
    async with asyncio.timeout(30):
        await recipients.prepare(records(message()))
    assert recipients.number(*PAIR) is None


async def test_patience_is_whole_again_once_the_memory_was() -> None:
    found = [Remembered(whole=False, numbers=(None,))] * 2
    found += [Remembered(whole=True, numbers=(SF,)), *found, Remembered(whole=True, numbers=(LA,))]

    async def answer(times: int) -> Remembered:
        return found[times - 1]

    memory, before = Memory(answer), unremembered()
    recipients = Recipients(memory, PATIENT)
    for known in (SF, LA):
        await recipients.prepare(records(message()))
        assert recipients.number(*PAIR) == known
    assert (len(memory.asked), unremembered()) == (6, before)


async def test_a_fault_of_ours_is_not_taken_for_an_absence() -> None:
    async def broken(_: int) -> Remembered:
        raise ValueError("not a line")

    with pytest.raises(ValueError, match="not a line"):
        await Recipients(Memory(broken), PATIENT).prepare(records(message()))
