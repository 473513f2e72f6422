"""Settings: `HELIO_<GROUP>__<FIELD>` environment variables; durations end in `_seconds`.

Only `__main__` and `app` modules build `Settings`; everything else is handed the group that it needs.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
_DAY = 24 * 3600


class Group(BaseModel):
    """One concern's settings, handed over whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(Group):
    """The cluster and how members of consumer groups prove that they live."""

    bootstrap_servers: str = "127.0.0.1:9092"
    session_timeout_seconds: Seconds = 10.0
    heartbeat_seconds: Seconds = 1.0
    commit_interval_seconds: Seconds = 1.0

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.heartbeat_seconds * 3 > self.session_timeout_seconds:
            raise ValueError(
                "heartbeat_seconds must be at most a third of session_timeout_seconds: "
                "a single late heartbeat would throw a member out"
            )
        return self


class RedisSettings(Group):
    """The ledger's server: one Redis or Valkey (primary with replicas; no cluster)."""

    url: str = "redis://127.0.0.1:6379/0"
    timeout_seconds: Seconds = 5.0


class TopicSettings(Group):
    """How topics are made. Outside development: replication 3, min_insync_replicas 2."""

    partitions: Annotated[int, Field(ge=1)] = 4
    replication_factor: Annotated[int, Field(ge=1)] = 1
    min_insync_replicas: Annotated[int, Field(ge=1)] = 1
    #: Organizations with a request topic of their own, `sms.requests.<org>.v1`.
    organizations: tuple[str, ...] = ()


class MessageSettings(Group):
    """How long messages wait and are remembered."""

    #: Not handed over later than this after acceptance.
    validity_seconds: Annotated[int, Field(ge=60, le=2 * _DAY)] = _DAY
    #: Every store forgets a message at this age.
    lifetime_seconds: Annotated[int, Field(ge=_DAY)] = 3 * _DAY

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.validity_seconds + 3600 > self.lifetime_seconds:
            raise ValueError("lifetime_seconds must exceed validity_seconds by an hour at least")
        return self


class IngressSettings(Group):
    """The REST door."""

    host: str = "127.0.0.1"
    port: Port = 8080
    body_limit_bytes: Annotated[int, Field(ge=1024)] = 65_536
    #: Without the broker's acknowledgement within this, the answer is 503.
    produce_timeout_seconds: Seconds = 10.0


class IntakeSettings(Group):
    """The Kafka door: on whose behalf records of `sms.requests.v1` are sent."""

    #: The organization that owns the topic.
    owner: str | None = None
    #: Its producers are trusted to name the organization in each record; `owner` is then the default.
    trusted: bool = False
    #: How many accepted requests may lie before `route` until intake waits.
    max_ahead: Annotated[int, Field(ge=100)] = 5_000
    port: Port = 0


class CallbackSettings(Group):
    """Where providers reach our webhooks, and the secrets of our own MAC (the first one signs)."""

    public_url: str = "http://127.0.0.1:8081"
    secrets: Annotated[tuple[str, ...], Field(min_length=1)] = ("development-only",)


class WebhookSettings(Group):
    """The webhooks service."""

    host: str = "127.0.0.1"
    port: Port = 8081
    body_limit_bytes: Annotated[int, Field(ge=1024)] = 262_144
    produce_timeout_seconds: Seconds = 8.0


class DispatchSettings(Group):
    """The dispatchers."""

    #: A provider's whole answer, and its connection.
    http_timeout_seconds: Seconds = 10.0
    connect_timeout_seconds: Seconds = 3.0
    #: A claim holds for the HTTP timeout and this; then another dispatcher may take over.
    claim_margin_seconds: Seconds = 5.0
    #: Hand-overs under way at once in one process.
    max_in_flight: Annotated[int, Field(ge=1)] = 200
    #: Tasks at hand for each partition; beyond it the backlog stays in Kafka.
    window: Annotated[int, Field(ge=1)] = 2_000
    #: A retry's first pause, which doubles, and its longest.
    retry_first_seconds: Seconds = 1.0
    retry_longest_seconds: Seconds = 600.0
    #: How long SIGTERM lets what is in flight finish.
    drain_seconds: Seconds = 20.0


class Settings(BaseSettings):
    """All groups, from the environment."""

    model_config = SettingsConfigDict(
        env_prefix="HELIO_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    log_level: str = "INFO"
    #: Made when a service is ready, removed when it starts: for supervisors and health checks.
    ready_file: Path | None = None
    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    topics: TopicSettings = TopicSettings()
    messages: MessageSettings = MessageSettings()
    ingress: IngressSettings = IngressSettings()
    intake: IntakeSettings = IntakeSettings()
    callbacks: CallbackSettings = CallbackSettings()
    webhooks: WebhookSettings = WebhookSettings()
    dispatch: DispatchSettings = DispatchSettings()
