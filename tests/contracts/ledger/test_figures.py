"""How many messages are where: what scripts keep, against a plain count over all rows."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from ledger import Ledger
from ledger.claims import Ask, Own, Won
from ledger.queues import Queue, Queues
from ledger.view import First
from schemas.provider import Provider
from schemas.public import StatusRecord
from schemas.settings import RedisSettings
from schemas.status import State
from schemas.tasks import How
from tests.contracts.ledger.conftest import break_script, epoch_name, publish_epoch
from tests.contracts.ledger.test_view import read_again

pytestmark = pytest.mark.broker

HOUR = 3_600_000
DAY = 24 * HOUR
NONE = Queue(0, 0, 0, None)
ORGANIZATIONS = ("acme", "c")


def now() -> int:
    return time.time_ns() // 1_000_000


def row(id_: str = "m", sequence: int = 0, status: State = State.QUEUED, **more: Any) -> StatusRecord:
    at = now()
    fields = {
        "id": f"{id_}{sequence}", "message_id": id_, "organization": "acme", "sequence": sequence,
        "status": status, "at": at, "accepted_at": at, "forget_at": at + 72 * HOUR, "provider": "twilio",
        "from_number": "+15550100", "to_number": "+15550199", "text": "{ä 5 pending:acme:twilio {",
        "segments": 1, "fingerprint": "1:abc",
    }  # fmt: skip
    return StatusRecord.model_validate(fields | more)


def ask(id_: str, nonce: str = "n", hold_ms: int = 60_000) -> Ask:
    forget_at = now() + 72 * HOUR
    return Ask(
        message_id=id_, attempt=1, how=How.PLAIN, nonce=nonce, record="t:0:1", segments=1, paces=(),
        valid_until=forget_at, forget_at=forget_at, hold_ms=hold_ms,
    )  # fmt: skip


def own(id_: str) -> Own:
    return Own(id_, 1, "n", now() + 72 * HOUR)


async def twilio(ledger: Ledger, organization: str = "acme") -> Queue:
    return (await ledger.queues(organization, now())).queues[Provider.TWILIO]


@dataclass
class Plain:
    """What must be counted: every row at its highest sequence, and whose claims are held."""

    rows: dict[str, StatusRecord] = field(default_factory=dict)
    sending: set[str] = field(default_factory=set)

    def put(self, row: StatusRecord) -> None:
        known = self.rows.get(row.message_id)
        if known is None or known.sequence < row.sequence:
            self.rows[row.message_id] = row

    def queue(self, organization: str, provider: Provider, at: int) -> Queue:
        its = [r for r in self.rows.values() if (r.organization, r.provider) == (organization, provider)]
        queued = [r for r in its if r.status is State.QUEUED]
        pending = [r.accepted_at for r in queued if r.message_id not in self.sending]
        unknown = [r for r in its if r.status is State.UNKNOWN]
        failed = [r for r in its if r.status in {State.FAILED, State.UNDELIVERED} and r.at > at - DAY]
        return Queue(
            pending=len(pending),
            active=len(queued) - len(pending) + len(unknown),
            failed=len(failed),
            oldest_pending_at=min(pending, default=None),
        )


IDS = st.sampled_from(["a", "b", "c"])
AGES = st.sampled_from([0, 1 * HOUR, 23 * HOUR, 25 * HOUR, 30 * HOUR])
ROWS = st.builds(
    lambda *parts: parts,
    IDS,
    st.integers(1, 6),
    st.sampled_from(State),
    AGES,
    st.fixed_dictionaries(
        {
            "organization": st.sampled_from(ORGANIZATIONS),
            "provider": st.sampled_from([None, Provider.TWILIO, Provider.VONAGE]),
        }
    ),
)


@dataclass
class History:
    """Steps that are done to the ledger and to the plain count; each leaves both the same."""

    ledger: Ledger
    redis: Redis
    plain: Plain = field(default_factory=Plain)
    #: What the status topic holds.
    topic: list[StatusRecord] = field(default_factory=list)
    began: int = field(default_factory=now)

    def row(self, parts: tuple[Any, ...]) -> StatusRecord:
        id_, sequence, status, since, more = parts
        # A message's transitions agree on when it was accepted.
        return row(
            id_, sequence, status, at=self.began - since, accepted_at=self.began - HOUR * (1 + ord(id_) % 3),
            forget_at=self.began + 42 * HOUR, **more,
        )  # fmt: skip

    async def put(self, rows: list[tuple[Any, ...]]) -> None:
        self.topic += map(self.row, rows)
        await self._put(self.topic[-len(rows) :])

    async def read_again(self, _: None) -> None:
        """As the views worker does into an old file: everything, oldest first."""
        await self._put(self.topic)

    async def first(self, parts: tuple[Any, ...]) -> None:
        one = self.row(parts).model_copy(update={"sequence": 0})
        await self.ledger.first([First(one), First(one)])
        self.plain.rows.setdefault(one.message_id, one)

    async def claim(self, id_: str) -> None:
        [verdict] = await self.ledger.claim([ask(id_)])
        self.plain.sending |= {id_} if isinstance(verdict, Won) else set()

    async def stall(self, id_: str) -> None:
        """A hand-over whose time is over at once is taken over; one that is under way goes on."""
        await self.ledger.claim([ask(id_, hold_ms=-1)])
        await self.ledger.take_over([id_])

    async def close(self, id_: str) -> None:
        await self.ledger.close([own(id_)])
        self.plain.sending.discard(id_)

    async def lose(self, id_: str) -> None:
        await self.ledger.lose([own(id_)])
        self.plain.sending.discard(id_)

    async def wipe(self, _: None) -> None:
        await self.redis.flushdb()
        await publish_epoch(self.ledger)
        self.plain = Plain()

    async def another_epoch(self, _: None) -> None:
        """The claims of the one before are no longer believed."""
        await self.redis.delete("helio:epoch")
        await publish_epoch(self.ledger)
        self.plain.sending = set()

    async def compare(self) -> None:
        for organization in ORGANIZATIONS:
            expected = {
                provider: self.plain.queue(organization, provider, self.began) for provider in Provider
            }
            assert (await self.ledger.queues(organization, self.began)).queues == expected

    async def _put(self, rows: Sequence[StatusRecord]) -> None:
        await self.ledger.put(rows)
        for one in rows:
            self.plain.put(one)


STEPS = st.one_of(
    st.tuples(st.just(History.put), st.lists(ROWS, min_size=1, max_size=4)),
    st.tuples(st.just(History.first), ROWS),
    st.tuples(st.sampled_from([History.claim, History.close, History.lose, History.stall]), IDS),
    st.tuples(st.sampled_from([History.read_again, History.wipe, History.another_epoch]), st.none()),
)


@given(st.lists(STEPS, min_size=10, max_size=24))
@settings(
    max_examples=70,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_they_are_what_a_plain_count_finds(settings_: RedisSettings, steps: list[tuple[Any, Any]]) -> None:
    async def run() -> None:
        async with Redis.from_url(settings_.url) as redis, Ledger(settings_) as ledger:
            history = History(ledger, redis)
            await history.wipe(None)
            for step, how in steps:
                await step(history, how)
                await history.compare()

    asyncio.run(run())


async def test_every_provider_is_told_also_of_nothing(empty: Ledger) -> None:
    assert await empty.queues("acme", now()) == Queues(whole=False, queues=dict.fromkeys(Provider, NONE))
    await read_again(empty, 0, 1)
    assert (await empty.queues("acme", now())).whole is True


async def test_a_message_on_its_way(ledger: Ledger) -> None:
    first = row()
    await ledger.first([First(first)])
    assert await twilio(ledger) == Queue(1, 0, 0, first.accepted_at)
    assert await twilio(ledger, "globex") == NONE
    await ledger.claim([ask("m")])
    assert await twilio(ledger) == Queue(0, 1, 0, None)
    await ledger.lose([own("m")])
    await ledger.put([row(sequence=2, status=State.UNKNOWN)])
    assert await twilio(ledger) == Queue(0, 1, 0, None)
    await ledger.put([row(sequence=3, status=State.FAILED), row(sequence=1)])
    assert await twilio(ledger) == Queue(0, 0, 1, None)
    # The provider's word outweighs our own ending.
    await ledger.put([row(sequence=4, status=State.SENT)])
    assert await twilio(ledger) == NONE


async def test_a_message_goes_with_its_provider(ledger: Ledger) -> None:
    await ledger.put([row(sequence=1)])
    await ledger.put([row(sequence=2, provider=Provider.TELNYX)])
    found = (await ledger.queues("acme", now())).queues
    assert [found[provider].pending for provider in Provider] == [0, 1, 0]


async def test_the_oldest_is_one_that_waits(ledger: Ledger) -> None:
    began = now()
    rows = [row(f"m{n}", accepted_at=began - HOUR + n) for n in range(250)]
    await ledger.put(rows)
    await ledger.claim([ask(f"m{n}") for n in range(240)])
    assert await twilio(ledger) == Queue(10, 240, 0, began - HOUR + 240)


async def test_failures_count_for_a_day_and_are_let_go(ledger: Ledger, redis: Redis) -> None:
    began = now()
    old = row("old", 1, State.FAILED, at=began - DAY - 2 * HOUR)
    await ledger.put([row("m", 1, State.UNDELIVERED, at=began - DAY + HOUR), old])
    assert (await twilio(ledger)).failed == 1
    later = await ledger.queues("acme", began + 2 * HOUR)
    assert later.queues[Provider.TWILIO].failed == 0
    key = "helio:queue:failed:acme:twilio"
    assert await redis.zrange(key, 0, -1) == [b"m"]
    assert 0 < await redis.pexpiretime(key) - began <= 3 * HOUR


async def test_a_mass_failure_is_let_go_in_pieces(ledger: Ledger, redis: Redis) -> None:
    key, began = "helio:queue:failed:acme:twilio", now()
    await redis.zadd(key, {f"old{n}": began - 2 * HOUR for n in range(2500)})
    left = []
    for n in range(4):
        await ledger.put([row(f"m{n}", 1, State.FAILED)])
        # Right at once, whatever is there still.
        assert (await twilio(ledger)).failed == n + 1
        left.append(await redis.zcard(key))
    assert left == [1501, 502, 3, 4]


async def test_one_call_moves_a_message_more_than_once(ledger: Ledger, redis: Redis) -> None:
    there, back = row("m", 1), row("m", 3)
    await ledger.put([there, row("m", 2, State.UNKNOWN), back])
    assert await twilio(ledger) == Queue(1, 0, 0, back.accepted_at)
    await ledger.put([row("m", 4, State.UNKNOWN), row("m", 5, State.FAILED), row("m", 6, State.SENT)])
    assert await twilio(ledger) == NONE
    assert await redis.keys("helio:queue:*") == []


async def test_more_than_a_command_takes(ledger: Ledger) -> None:
    rows = [row(f"m{n}") for n in range(2001)]
    await ledger.first([First(one) for one in rows])
    assert (await twilio(ledger)).pending == 2001
    await ledger.put([one.model_copy(update={"sequence": 1, "status": State.SENT}) for one in rows])
    assert (await twilio(ledger)).pending == 0


async def test_what_is_forgotten_counts_nowhere(ledger: Ledger, redis: Redis) -> None:
    began = now()
    kept = row("kept", 1, accepted_at=began)
    await ledger.put(
        [row("a", 1, accepted_at=5), row("b", 1, State.UNKNOWN), row("c", 1, accepted_at=6), kept]
    )
    await ledger.claim([ask("c")])
    # As their expiry does; of b also the moment at which it counts no longer.
    await redis.delete("helio:view:a", "helio:view:b", "helio:view:c")
    later = began + 76 * HOUR
    assert (await ledger.queues("acme", later)).queues[Provider.TWILIO] == Queue(1, 0, 0, began)
    assert await redis.zrange("helio:queue:pending:acme:twilio", 0, -1) == [b"kept"]
    # A claim may be there before its row is: it is let go only when it is gone itself.
    sending = f"helio:{await epoch_name(redis)}:sending"
    assert await redis.zcard(sending) == 1
    await redis.delete(f"helio:{await epoch_name(redis)}:c:c")
    await twilio(ledger)
    assert await redis.zcard(sending) == 0
    # What has expired already is not entered at all.
    await ledger.put([row("late", 1, forget_at=began - 4 * HOUR)])
    assert (await twilio(ledger)).pending == 1


async def test_figures_expire_with_what_they_count(ledger: Ledger, redis: Redis) -> None:
    key, began = "helio:queue:pending:acme:twilio", now()
    await ledger.put([row("long", 1, forget_at=began + 10 * HOUR)])
    await ledger.put([row("short", 1, forget_at=began + 5 * HOUR)])
    assert await redis.pexpiretime(key) == began + 14 * HOUR


@pytest.mark.parametrize("organization", ["a b", "a:b", "{}", "ä", "x" * 300])
async def test_any_organization_can_be_shown(ledger: Ledger, organization: str) -> None:
    """The directory has none of these names; a producer that is trusted may say what it likes."""
    mine = row(organization=organization)
    await ledger.first([First(mine)])
    assert (await ledger.get("m")).row == mine
    assert (await twilio(ledger, organization)).pending == (0 if len(organization) > 200 else 1)
    await ledger.put([row(organization=organization, sequence=1, status=State.SENT)])
    assert (await twilio(ledger, organization)).pending == 0


async def test_rows_of_an_earlier_version_are_read_and_replaced(ledger: Ledger, redis: Redis) -> None:
    before, after = row(sequence=3), row(sequence=4)
    await redis.set("helio:view:m", b"3 " + before.encode())
    assert (await ledger.get("m")).row == before
    await ledger.put([row(sequence=2, status=State.SENT)])
    await ledger.first([First(row())])
    assert (await ledger.get("m")).row == before
    assert await twilio(ledger) == NONE
    await ledger.put([after])
    assert (await ledger.get("m")).row == after
    assert (await twilio(ledger)).pending == 1


async def test_without_an_epoch_nothing_is_sending(ledger: Ledger, redis: Redis) -> None:
    await ledger.first([First(row())])
    await ledger.claim([ask("m")])
    await redis.delete("helio:epoch")
    assert (await twilio(ledger)).pending == 1


async def test_a_settled_hand_over_is_not_active(ledger: Ledger) -> None:
    first = row()
    await ledger.first([First(first)])
    await ledger.claim([ask("m")])
    await ledger.close([own("m")])
    assert await twilio(ledger) == Queue(1, 0, 0, first.accepted_at)


BROKEN = {
    "never leaves": (
        "view_put", "change(old, id, false, 0)", "local _", test_a_message_on_its_way,
    ),
    "goes backwards": (
        "view_put", "tonumber(known) < tonumber(sequence)", "true", test_a_message_on_its_way,
    ),
    "is sending for ever": (
        "close", "redis.call('ZREM', SENDING, id)", "",
        test_a_settled_hand_over_is_not_active,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_script_is_noticed(ledger: Ledger, name: str) -> None:
    script, right, wrong, check = BROKEN[name]
    break_script(ledger, script, right, wrong)
    with pytest.raises(AssertionError):
        await check(ledger)
