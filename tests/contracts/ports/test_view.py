"""The status view as the doors need it: the one in memory and the ledger keep one contract."""

import os
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

import pytest

from ledger import Ledger
from ledger.view import First, Seen
from schemas.public import StatusRecord
from schemas.settings import RedisSettings
from schemas.status import State
from tests.conftest import Store
from tests.fakes.doors import MemoryView


class Written(Protocol):
    """A view, and the side of it that the status topic writes."""

    async def first(self, rows: Sequence[First]) -> None: ...
    async def put(self, rows: Sequence[StatusRecord]) -> None: ...
    async def get(self, message_id: str) -> Seen: ...


@pytest.fixture(params=["memory", pytest.param("ledger", marks=pytest.mark.broker)])
async def view(request: pytest.FixtureRequest) -> AsyncIterator[Written]:
    if request.param == "memory":
        yield MemoryView()
        return
    store: Store = request.getfixturevalue("valkey")
    async with Ledger(RedisSettings(url=store.url)) as ledger:
        yield ledger


@pytest.fixture
def message_id() -> str:
    return f"m-{os.urandom(8).hex()}"


def row(message_id: str, sequence: int = 0, **fields: Any) -> StatusRecord:
    return StatusRecord(
        id=f"{message_id}-{sequence}", message_id=message_id, organization="acme", sequence=sequence,
        status=State.QUEUED, at=1, accepted_at=1, forget_at=4_000_000_000_000, from_number="+1",
        to_number="+2", text="Grüße 🙂", segments=1, fingerprint="1:x", **fields,
    )  # fmt: skip


async def test_nothing_is_known_of_what_was_never_written(view: Written, message_id: str) -> None:
    seen = await view.get(message_id)
    assert seen.row is None
    assert not seen.sending


async def test_the_first_row_is_found_at_once(view: Written, message_id: str) -> None:
    await view.first([First(row(message_id)), First(row(message_id + "b"))])
    assert (await view.get(message_id)).row == row(message_id)
    assert (await view.get(message_id + "b")).row == row(message_id + "b")


async def test_the_first_row_never_goes_over_another(view: Written, message_id: str) -> None:
    await view.put([row(message_id, 1)])
    await view.first([First(row(message_id))])
    assert (await view.get(message_id)).row == row(message_id, 1)


async def test_of_two_first_rows_the_first_stays(view: Written, message_id: str) -> None:
    await view.first([First(row(message_id, reference="a"))])
    await view.first([First(row(message_id, reference="b"))])
    assert (await view.get(message_id)).row == row(message_id, reference="a")


async def test_the_fold_goes_over_the_first_row_and_never_backwards(view: Written, message_id: str) -> None:
    await view.first([First(row(message_id))])
    await view.put([row(message_id, 2)])
    await view.put([row(message_id, 1)])
    assert (await view.get(message_id)).row == row(message_id, 2)
