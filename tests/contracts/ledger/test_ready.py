"""When the ledger answers, and when it says that it cannot."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from cli.local.ports import choose
from cli.local.valkey import Valkey
from ledger import Ledger, LedgerNotReadyError, LedgerUnavailableError
from ledger.claims import Absent, Again, Ask, Cancel, Closed, Looked, Own, Won
from ledger.errors import FencedError
from ledger.lock import Lock
from schemas.settings import RedisSettings
from schemas.tasks import How
from tests.contracts.ledger.conftest import TRIED, epoch_name, publish_epoch

pytestmark = pytest.mark.broker

FAR = 4_000_000_000_000
OWN = Own("m", 1, "n", FAR)
ASK = Ask(
    message_id="m", attempt=1, how=How.PLAIN, nonce="n", record="t:0:1", segments=1, paces=(),
    valid_until=FAR, forget_at=FAR, hold_ms=60_000,
)  # fmt: skip

EVERYTHING: dict[str, Callable[[Ledger], Awaitable[Any]]] = {
    "look": lambda ledger: ledger.look(["m"]),
    "claim": lambda ledger: ledger.claim([ASK]),
    "close": lambda ledger: ledger.close([OWN]),
    "lose": lambda ledger: ledger.lose([OWN]),
    "take_over": lambda ledger: ledger.take_over(["m"]),
    "cancel": lambda ledger: ledger.cancel([Cancel("m", 1, FAR)]),
    "reopen": lambda ledger: ledger.reopen([Again(OWN, "t:0:1", TRIED)]),
}


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Valkey, Valkey]]:
    pair = Valkey(tmp_path / "a", port=choose()), Valkey(tmp_path / "b", port=choose())
    try:
        for server in pair:
            server.start()
            server.wait_ready()
        yield pair
    finally:
        for server in pair:
            server.stop()


@pytest.mark.parametrize("name", EVERYTHING)
async def test_nothing_is_said_of_claims_without_an_epoch(empty: Ledger, name: str) -> None:
    with pytest.raises(LedgerNotReadyError):
        await EVERYTHING[name](empty)
    await publish_epoch(empty)
    await EVERYTHING[name](empty)


@pytest.mark.parametrize("name", EVERYTHING)
async def test_an_epoch_of_another_run_is_none(ledger: Ledger, redis: Redis, name: str) -> None:
    nobody = "0" * 40
    await redis.set("helio:epoch", f"{await epoch_name(redis)} 1 {nobody}/{nobody}")
    with pytest.raises(LedgerNotReadyError):
        await EVERYTHING[name](ledger)


async def test_scripts_that_the_server_has_forgotten_are_sent_again(ledger: Ledger, redis: Redis) -> None:
    await redis.script_flush()
    assert await ledger.look(["m"]) == [Looked(Absent(), until_passed=False)]


async def test_a_server_that_is_away_is_not_an_answer() -> None:
    async with Ledger(RedisSettings(url=f"redis://127.0.0.1:{choose()}/0", timeout_seconds=1)) as ledger:
        for ask in EVERYTHING.values():
            with pytest.raises(LedgerUnavailableError):
                await ask(ledger)


async def test_a_server_that_may_not_write_is_not_an_answer(servers: tuple[Valkey, Valkey]) -> None:
    primary, other = servers
    async with (
        Ledger(RedisSettings(url=primary.url)) as ledger,
        Redis.from_url(primary.url) as redis,
        asyncio.timeout(30),
    ):
        await publish_epoch(ledger)
        # Too few replicas to write to; then a server that has been made a replica itself.
        await redis.config_set("min-replicas-to-write", 1)
        with pytest.raises(LedgerUnavailableError, match="NOREPLICAS"):
            await ledger.claim([ASK])
        await redis.config_set("min-replicas-to-write", 0)
        await redis.replicaof(*other.url.removeprefix("redis://").removesuffix("/0").split(":"))
        with pytest.raises((LedgerUnavailableError, LedgerNotReadyError)):
            await ledger.claim([ASK])


async def synced(replica: Redis) -> None:
    """Return when the replica has all that its primary had."""
    while True:
        state = await replica.info("replication")
        if state["role"] == "slave" and state["master_link_status"] == "up":
            return
        await asyncio.sleep(0.05)


async def test_a_promoted_replica_has_no_epoch(servers: tuple[Valkey, Valkey]) -> None:
    primary, other = servers
    async with (
        Ledger(RedisSettings(url=primary.url)) as before,
        Ledger(RedisSettings(url=other.url)) as after,
        Redis.from_url(primary.url) as source,
        Redis.from_url(other.url) as replica,
        asyncio.timeout(60),
    ):
        await source.config_set("repl-diskless-sync-delay", 0)
        await publish_epoch(before)
        assert isinstance((await before.claim([ASK]))[0], Won)
        await replica.replicaof(*primary.url.removeprefix("redis://").removesuffix("/0").split(":"))
        await synced(replica)
        await replica.replicaof("NO", "ONE")
        assert await replica.get("helio:epoch") is not None
        with pytest.raises(LedgerNotReadyError):
            await after.claim([ASK])


async def test_a_primary_that_was_demoted_and_promoted_again_has_no_epoch(
    servers: tuple[Valkey, Valkey],
) -> None:
    """Its run id is the same, and the epoch that it gets back from its interim primary names that."""
    first, second = servers
    addresses = [server.url.removeprefix("redis://").removesuffix("/0").split(":") for server in servers]
    async with (
        Ledger(RedisSettings(url=first.url)) as ledger,
        Redis.from_url(first.url) as one,
        Redis.from_url(second.url) as two,
        asyncio.timeout(60),
    ):
        for server in (one, two):
            await server.config_set("repl-diskless-sync-delay", 0)
        await publish_epoch(ledger)
        await two.replicaof(*addresses[0])
        await synced(two)
        await two.replicaof("NO", "ONE")
        # A hand-over that the second server never learns of.
        assert isinstance((await ledger.claim([ASK]))[0], Won)
        await one.replicaof(*addresses[1])
        await synced(one)
        await one.replicaof("NO", "ONE")
        assert await one.get("helio:epoch") is not None
        with pytest.raises(LedgerNotReadyError):
            await ledger.claim([ASK])


async def test_a_server_that_may_evict_claims_is_not_used(servers: tuple[Valkey, Valkey]) -> None:
    async with (
        Ledger(RedisSettings(url=servers[0].url)) as ledger,
        Redis.from_url(servers[0].url) as redis,
    ):
        await redis.config_set("maxmemory", "100mb")
        await redis.config_set("maxmemory-policy", "volatile-lru")
        assert await Lock.acquire(ledger.server, 1000) == "evicts"
        await redis.config_set("maxmemory-policy", "noeviction")
        assert isinstance(await Lock.acquire(ledger.server, 1000), Lock)


async def test_only_the_holder_of_the_lock_writes_and_publishes(empty: Ledger, redis: Redis) -> None:
    first = await Lock.acquire(empty.server, 60_000)
    assert isinstance(first, Lock)
    assert await Lock.acquire(empty.server, 60_000) == "held"
    # Its time runs out, unless it writes.
    await redis.pexpire("helio:rebuild", 30_000)
    await first.write()
    assert 30_000 < await redis.pttl("helio:rebuild") <= 60_000
    await redis.pexpire("helio:rebuild", 0)
    second = await Lock.acquire(empty.server, 60_000)
    assert isinstance(second, Lock)
    for write in (first.write([("m", Closed("sent", 1), FAR)]), first.publish()):
        with pytest.raises(FencedError):
            await write
    await first.release()
    assert await second.write([("m", Closed("sent", 1), FAR)], ["m", "other"]) == {"m"}
    await second.publish()
    assert await empty.look(["m"]) == [Looked(Closed("sent", 1), until_passed=False)]
    with pytest.raises(FencedError):
        await second.publish()


async def keys(redis: Redis) -> set[bytes]:
    """All that the server has."""
    return {key if isinstance(key, bytes) else key.encode() for key in await redis.keys("*")}


async def test_a_sweep_takes_only_what_belongs_to_no_epoch(ledger: Ledger, redis: Redis) -> None:
    await ledger.claim([ASK])
    # Names that look like an epoch's, and are not.
    kept = {b"helio:queue:pending:c:twilio", b"helio:limit:c:m", b"helio:hold:aaaaaaa:c:m"}
    await redis.mset(dict.fromkeys(kept, "1"))
    kept.update(await keys(redis))
    gone = [f"helio:0123456789ab:{key}" for key in ("c:m", "p:number:+1", "sending")]
    await redis.mset(dict.fromkeys(gone, "1"))
    # One who believes that another epoch is valid takes nothing at all.
    await Lock(ledger.server, "0123456789ab", 1000).sweep()
    assert len(await keys(redis)) == len(kept) + len(gone)
    await Lock(ledger.server, await epoch_name(redis), 1000).sweep()
    assert await keys(redis) == kept
