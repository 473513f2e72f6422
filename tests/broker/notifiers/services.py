"""`python -m notifiers` and the mover as processes, and the records that they read."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from broker.publish import Outgoing
from cli.local.child import Child
from cli.local.process import Process
from schemas import ids, topics
from schemas.directory import Entry, Subscription
from schemas.public import StatusRecord, Step
from schemas.status import State

PARTITIONS = 2
ORGANIZATION = "acme"


def now() -> int:
    return time.time_ns() // 1_000_000


def service(module: Sequence[str], folder: Path, number: int, env: Mapping[str, str]) -> Child:
    """One of our services, quick to notice the deaths of others, not started."""
    name = module[0] if module[0] != "tests.broker.notifiers.dying" else "notifiers"
    ready = folder / f"{name}-{number}.ready"
    process = Process(
        name,
        (sys.executable, "-m", *module),
        env={
            "HELIO_KAFKA__SESSION_TIMEOUT_SECONDS": "6",
            "HELIO_KAFKA__COMMIT_INTERVAL_SECONDS": "0.2",
            "HELIO_TOPICS__PARTITIONS": str(PARTITIONS),
            "HELIO_NOTIFIERS__ALLOW_PRIVATE": "true",
            "HELIO_READY_FILE": str(ready),
            **env,
        },
        ready=ready.exists,
    )
    return Child(process, folder / f"{name}-{number}.log")


def subscription(name: str, url: str, version: int = 1, **more: object) -> Outgoing:
    """The directory's record of a subscription."""
    entity = Subscription.model_validate({"organization": ORGANIZATION, "id": name, "url": url, **more})
    entry = Entry(
        kind="subscription", id=name, organization=ORGANIZATION, version=version, at=now(), entity=entity
    )
    return Outgoing(topics.DIRECTORY, entry.key, entry.encode())


def transitions(message_id: str, *states: State) -> list[Outgoing]:
    """The records of a message's way through `states`."""
    return [
        Outgoing(topics.STATUS, message_id.encode(), transition(message_id, states[: n + 1]).encode())
        for n in range(len(states))
    ]


def transition(message_id: str, states: Sequence[State]) -> StatusRecord:
    """The last of `states`."""
    at = now()
    return StatusRecord(
        id=ids.of_transition(message_id, len(states)),
        message_id=message_id,
        organization=ORGANIZATION,
        sequence=len(states),
        status=states[-1],
        previous=states[-2] if len(states) > 1 else None,
        at=at,
        accepted_at=at,
        forget_at=at + 1_000_000,
        to_number="+15557654321",
        text="hello",
        segments=1,
        fingerprint="1:x",
        history=tuple(Step(status=state, at=at) for state in states),
    )
