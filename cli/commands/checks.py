"""The doctor's questions to the running parts: each answers in findings and raises nothing expected."""

import asyncio
import time
from collections.abc import Iterator
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import urlopen
from uuid import UUID

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from broker import clients, topics
from broker.refusal import RefusedError, denied
from cli.commands import findings
from cli.commands.findings import Finding, Reading
from directory.secrets import SecretMissingError, resolve
from directory.snapshot import Directory
from ledger import Ledger, LedgerNotReadyError, LedgerUnavailableError
from ledger.server import encryption
from schemas.directory import (
    Account,
    Active,
    TelnyxCredentials,
    TwilioCredentials,
    VonageCredentials,
)
from schemas.provider import Provider
from schemas.settings import KafkaSettings, RedisSettings, TopicSettings
from schemas.topics import (
    FOLD_APP,
    INTAKE_GROUP,
    NOTIFIERS_GROUP,
    OPTOUTS_GROUP,
    REQUESTS,
    ROUTE_APP,
    VIEWS_GROUP,
    WAITING_GROUP,
    catalogue,
    dispatch_group,
)

#: Who must be a member of which consumer group.
GROUPS: Final = {
    INTAKE_GROUP: "python -m ingress intake",
    ROUTE_APP: "python -m streams route",
    FOLD_APP: "python -m streams fold",
    VIEWS_GROUP: "python -m streams views",
    OPTOUTS_GROUP: "python -m streams views",
    WAITING_GROUP: "python -m streams waiting",
    NOTIFIERS_GROUP: "python -m notifiers",
    **{dispatch_group(p): f"python -m dispatchers --provider {p}" for p in Provider},
}
ANSWER_SECONDS: Final = 5.0
_REACH_IT: Final = (
    "start it, or set HELIO_KAFKA__BOOTSTRAP_SERVERS; where it has access control, let the transaction "
    "`helio-doctor` write to sms.requests.v1"
)
_REDIS: Final = "start it, or set HELIO_REDIS__URL"
_START_IT: Final = "start it and see its log (`helio up` keeps logs in .helio/logs)"


async def of_kafka(
    kafka: KafkaSettings, settings: TopicSettings, readings: dict[str, Reading]
) -> list[Finding]:
    """Broker and topics: whether they are as they must be, and whether a write is acknowledged.

    The broker's clock goes to `readings`.
    """
    names = [topic.name for topic in catalogue()]
    try:
        async with asyncio.timeout(6 * ANSWER_SECONDS):
            await topics.verify(kafka, settings, names)
            taken_ms = await _append(kafka, readings)
    except topics.TopicsDifferError as differ:
        todo = "make missing ones with `helio topics`; change the others with your cluster's tools"
        return [Finding(check="topics", said=problem, todo=todo) for problem in str(differ).split("; ")]
    except RefusedError as refused:
        return [Finding(check="broker", said="Kafka does not let us in", todo=str(refused))]
    except (KafkaError, TimeoutError) as error:
        if (lacking := of_denial(error)) is not None:
            return [lacking]
        said = f"Kafka at {kafka.bootstrap_servers} does not acknowledge a record ({type(error).__name__})"
        return [Finding(check="broker", said=said, todo=_REACH_IT)]
    said = f"Kafka at {kafka.bootstrap_servers} acknowledged a record in {taken_ms:.0f} ms"
    return [
        Finding(check="broker", said=said),
        Finding(check="topics", said=f"all {len(names)} topics are as they must be"),
    ]


def of_denial(error: BaseException) -> Finding | None:
    """What `error` says of rights that we lack; None: it is about something else."""
    why = denied(error)
    return Finding(check="rights", said="Kafka does not let us do what we must", todo=why) if why else None


async def _append(kafka: KafkaSettings, readings: dict[str, Reading]) -> float:
    """How long the acknowledgement of a record by all in-sync replicas took, in milliseconds.

    Kafka tells its time only as the append time of a record. So one is appended, within a transaction
    that is then aborted: readers of committed records never see it.
    """
    async with clients.producer(kafka, transactional_id="helio-doctor") as producer:
        await producer.begin_transaction()
        # The first record waits for metadata and the transaction's coordinator; the second one does not.
        await producer.send_and_wait(REQUESTS, b"helio doctor: aborted", partition=0)
        before = time.time() * 1000
        appended = await producer.send_and_wait(REQUESTS, b"helio doctor: aborted", partition=0)
        after = time.time() * 1000
        readings["Kafka"] = Reading(before, appended.timestamp, after)
        await producer.abort_transaction()
    return after - before


def of_directory(directory: Directory) -> Iterator[Finding]:
    """What the directory holds, and whether the secrets that it names are found on this machine."""
    numbers = sum(1 for entity in directory.entities() if entity.kind == "number")
    accounts = [account for provider in Provider for account in directory.accounts(provider)]
    if not accounts:
        todo = "apply one: `helio apply -f directory.yaml`"
        yield Finding(check="directory", said="the directory names no provider account", todo=todo)
        return
    yield Finding(check="directory", said=f"{len(accounts)} accounts, {numbers} numbers")
    for account in accounts:
        if account.status is Active.ACTIVE:
            yield from _of_credentials(account)


def _of_credentials(account: Account) -> Iterator[Finding]:
    problems = []
    for reference in _references(account):
        try:
            resolve(reference)
        except SecretMissingError as missing:
            problems.append(str(missing))
    for problem in problems:
        todo = "put it there, on each machine that runs dispatchers, webhooks or this doctor"
        yield Finding(check="credentials", said=f"account {account.id}: {problem}", todo=todo)
    if not problems:
        yield Finding(check="credentials", said=f"account {account.id} ({account.provider}): all found here")


def _references(account: Account) -> tuple[str, ...]:
    match account.credentials:
        case TwilioCredentials() as twilio:
            return (twilio.api_key_secret, *twilio.auth_tokens)
        case TelnyxCredentials() as telnyx:
            return (telnyx.api_key, *telnyx.public_keys)
        case VonageCredentials() as vonage:
            return (vonage.private_key, *vonage.signature_secrets)


async def of_groups(kafka: KafkaSettings) -> list[Finding]:
    """Whether each worker is there: a member of its consumer group."""
    async with clients.admin(kafka) as admin:
        return [_of_group(group, *await _members(admin, group)) for group in GROUPS]


async def _members(admin: AIOKafkaAdminClient, group: str, tries: int = 3) -> tuple[str, int]:
    """A group's state and how many members it has."""
    try:
        (response,) = await admin.describe_consumer_groups([group])
        (found,) = response.groups  # error, name, state, kind, protocol, members, ...
        return found[2], len(found[5])
    except KafkaError as error:
        if tries == 1 or not error.retriable:
            return type(error).__name__, 0
    # A cluster makes its group coordinator when the first one asks for it.
    await asyncio.sleep(1)
    return await _members(admin, group, tries - 1)


def _of_group(group: str, state: str, members: int) -> Finding:
    command = GROUPS[group]
    if members == 0:
        return Finding(
            check="services", said=f"`{command}` does not run (group {group}: {state})", todo=_START_IT
        )
    todo = "" if state == "Stable" else "look again in some seconds: its members are sharing partitions out"
    return Finding(check="services", said=f"`{command}`: {members} running, {state}", todo=todo)


async def of_doors(doors: dict[str, str]) -> list[Finding]:
    """Whether what speaks HTTP is ready: name -> base URL, "" where that is not known."""
    return [await asyncio.to_thread(_of_door, name, url) for name, url in doors.items()]


def _of_door(name: str, url: str) -> Finding:
    if not url:
        todo = "start a stack here with `helio up`, or say where: --url, --webhooks-url"
        return Finding(check="services", said=f"nothing is known of {name} here", todo=todo)
    try:
        # S310: the operator's own address, http or https.
        with urlopen(f"{url}/readyz", timeout=ANSWER_SECONDS):  # noqa: S310 - as above
            return Finding(check="services", said=f"{name} at {url} is ready")
    except HTTPError as error:
        said = f"{name} at {url} is not ready (HTTP {error.code})"
    except (URLError, OSError, ValueError) as error:
        said = f"{name} at {url} does not answer ({getattr(error, 'reason', error)})"
    return Finding(check="services", said=said, todo=_START_IT)


async def of_ledger(redis: RedisSettings) -> list[Finding]:
    """Whether the ledger has a valid epoch: without one every hand-over holds."""
    try:
        async with Ledger(redis) as ledger:
            await ledger.look([str(UUID(int=0))])
            found = await ledger.health()
    except LedgerNotReadyError as error:
        todo = "a running dispatcher rebuilds it from Kafka by itself; hand-overs hold until then"
        return [Finding(check="ledger", said=f"the ledger has no valid epoch ({error})", todo=todo)]
    except LedgerUnavailableError as error:
        return [Finding(check="ledger", said=f"the ledger does not answer ({error})", todo=_REDIS)]
    return [Finding(check="ledger", said="the ledger has a valid epoch"), *findings.of_health(found)]


async def of_store(redis: RedisSettings, readings: dict[str, Reading]) -> list[Finding]:
    """Whether the ledger's server keeps what it is told; its clock goes to `readings`."""
    client = Redis.from_url(
        redis.url, **encryption(redis), socket_timeout=ANSWER_SECONDS, decode_responses=True
    )
    try:
        before = time.time() * 1000
        seconds, micros = await client.time()
        readings["Redis"] = Reading(before, seconds * 1000 + micros / 1000, time.time() * 1000)
        memory = await client.info("memory")
        persistence = await client.info("persistence")
    except RedisError as error:
        said = f"Redis does not answer ({error})"
        return [Finding(check="ledger", said=said, todo=_REDIS)]
    finally:
        await client.aclose()
    return list(_of_store(str(memory.get("maxmemory_policy")), appends=bool(persistence.get("aof_enabled"))))


def _of_store(policy: str, *, appends: bool) -> Iterator[Finding]:
    yield Finding(
        check="ledger",
        said=f"Redis answers; its maxmemory-policy is {policy}",
        todo="" if policy == "noeviction" else "set maxmemory-policy noeviction: claims must not be evicted",
    )
    if not appends:
        yield Finding(
            check="ledger",
            said="Redis keeps no append-only file, so that each of its restarts costs a rebuild from Kafka",
            todo="set appendonly yes",
        )
