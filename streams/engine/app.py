"""The Faust app with every part of the engine in the place that Faust offers for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import faust
import faust.transport.drivers.aiokafka as driver
from faust.auth import Credentials, OAuthCredentials, SASLCredentials, SSLCredentials
from faust.sensors import Monitor
from faust.types import TP
from yarl import URL

from streams.engine.batch import Batch
from streams.engine.consumer import Consumer
from streams.engine.exits import Exit, die
from streams.engine.lease import Lease
from streams.engine.output import Producer
from streams.engine.recovery import TableManager


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What our own parts are told; Faust's are told by its settings."""

    fetch_pace_seconds: float
    table_linger_seconds: float
    topic_wait_seconds: float


class Transport(driver.Transport):  # type: ignore[misc]  # untyped upstream
    """Makes our consumer and producer."""

    Consumer = Consumer
    Producer = Producer


class QuietMonitor(Monitor):  # type: ignore[misc]  # untyped upstream
    """Closes: a send that fails on any way but ours would only be logged."""

    def on_send_error(self, producer: Any, exc: BaseException, state: Any) -> None:
        """End the process."""
        del producer, state
        die(Exit.SEND, "a send failed: %r", exc)


class App(faust.App):  # type: ignore[misc]  # untyped upstream
    """One consumer group with its agents and tables. Single-use: it runs once."""

    tuning: Tuning
    lease: Lease
    processing: Batch | None = None
    """The batch whose records a handler goes through right now."""

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker, self)

    _new_producer_transport = _new_transport

    def _create_directories(self) -> None:
        """None needed: tables live in memory."""

    async def _on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Give partitions up when all that was begun is delivered and committed, also while stopping.

        Closes: Faust gives them up at once while it stops; the next owner would rebuild its table
        without our last rows.
        """
        if self.should_stop:
            await self.consumer.wait_empty()
        else:
            await super()._on_partitions_revoked(revoked)

    def _on_rebalance_when_stopped(self) -> None:
        """Nothing: Faust would close the connections here, from the wrong thread; stopping closes them."""


def make_app(
    name: str,
    bootstrap_servers: str,
    *,
    security: Mapping[str, Any] = MappingProxyType({}),
    session_seconds: float = 10.0,
    heartbeat_seconds: float = 1.0,
    commit_seconds: float = 1.0,
    fetch_pace_seconds: float = 0.02,
    out_linger_seconds: float = 0.002,
    table_linger_seconds: float = 0.02,
    topic_wait_seconds: float = 10.0,
) -> App:
    """An app with every guard in it. Connects nothing.

    Args:
        name: of the app, its consumer group, and the prefix of its changelogs.
        bootstrap_servers: host:port, comma-separated.
        security: TLS and login, as aiokafka's clients are told.
        session_seconds: without a heartbeat for so long, the group gives our partitions away.
        heartbeat_seconds: others that join wait for our next heartbeat.
        commit_seconds: after a kill, so much is handled again.
        fetch_pace_seconds: at most one fetch in that time. 0 where latency counts more than CPU.
        out_linger_seconds: outputs leave at most once in that time.
        table_linger_seconds: likewise changelogs; nobody waits for them but the commit.
        topic_wait_seconds: how long a topic may be missing at the start.
    """
    servers = [URL(f"kafka://{server.strip()}") for server in bootstrap_servers.split(",")]
    app = App(
        name,
        broker=servers,
        broker_credentials=_credentials(security),
        env={},  # settings come from here alone, not from variables that happen to be set
        key_serializer="raw",
        value_serializer="raw",
        TableManager=TableManager,
        Monitor=QuietMonitor,
        agent_supervisor="mode.supervisors:CrashingSupervisor",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        stream_recovery_delay=0,
        broker_session_timeout=session_seconds,
        broker_heartbeat_interval=heartbeat_seconds,
        broker_commit_interval=commit_seconds,
        producer_linger=out_linger_seconds,
        producer_max_batch_size=131_072,
    )
    app.lease = Lease(session_seconds)
    app.tuning = Tuning(
        fetch_pace_seconds=fetch_pace_seconds,
        table_linger_seconds=table_linger_seconds,
        topic_wait_seconds=topic_wait_seconds,
    )
    return app


def _credentials(security: Mapping[str, Any]) -> Credentials | None:
    """The same in Faust's words; None: plain connections."""
    context = security.get("ssl_context")
    if "sasl_oauth_token_provider" in security:
        return OAuthCredentials(oauth_cb=security["sasl_oauth_token_provider"], ssl_context=context)
    if "sasl_mechanism" in security:
        return SASLCredentials(
            username=security["sasl_plain_username"],
            password=security["sasl_plain_password"],
            ssl_context=context,
            mechanism=security["sasl_mechanism"],
        )
    return None if context is None else SSLCredentials(context)
