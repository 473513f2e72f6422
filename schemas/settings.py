"""Settings: `HELIO_<GROUP>__<FIELD>` environment variables; durations end in `_seconds`.

Each may be a file instead, named like its variable, in the folder that `HELIO_SECRETS` names: so passwords
stay out of the environment. Where there are both, the environment wins.

Only `__main__` and `app` modules build `Settings`; everything else is handed the group that it needs.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from schemas.requests import MAX_AHEAD


def _known(zone: str) -> str:
    if zone not in available_timezones():
        raise ValueError(f"{zone} is no time zone (such as America/Los_Angeles)")
    return zone


Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
Zone = Annotated[str, AfterValidator(_known)]
_DAY = 24 * 3600
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
#: The folder that holds settings as files; relative `file:` references of the directory start there, too.
SECRETS_VARIABLE: Final = "HELIO_SECRETS"
#: The retention of the topics that a lost ledger or table is rebuilt from (`schemas.topics`). What must be
#: remembered for longer would be forgotten by a rebuild, and could be sent twice.
_KEPT = 7 * _DAY
#: A lifetime begins only where `send_at` is, and the quiet hours that this is in end: less than a day later.
_LONGEST_LIFETIME = _KEPT - MAX_AHEAD - _DAY


class Group(BaseModel):
    """One concern's settings, handed over whole."""

    # Pydantic's complaints show what was given: it may be a password.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class KafkaSettings(Group):
    """The cluster and how members of consumer groups prove that they live."""

    #: Brokers to ask for the others, `host:port,host:port`.
    bootstrap_servers: str = "127.0.0.1:9092"
    #: A member that is not heard for this long loses its partitions to the others.
    session_timeout_seconds: Seconds = 10.0
    #: How often members say that they live.
    heartbeat_seconds: Seconds = 1.0
    #: How often offsets are committed: what a member does again after it was killed.
    commit_interval_seconds: Seconds = 1.0
    #: A loop that stands still for this long while the broker answers ends its process.
    stall_seconds: Seconds = 60.0
    #: `PLAINTEXT`, `SSL` (that is TLS), `SASL_PLAINTEXT` or `SASL_SSL`.
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    #: The authorities (PEM) that brokers' certificates are checked by, their names included; none: this
    #: machine's own.
    ssl_ca_file: Path | None = None
    #: Our certificate with its chain (PEM), where brokers ask for one.
    ssl_certificate_file: Path | None = None
    #: Its private key (PEM).
    ssl_key_file: Path | None = None
    #: What the private key is encrypted with.
    ssl_key_password: SecretStr | None = None
    #: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` or `OAUTHBEARER`.
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = None
    #: Of PLAIN and SCRAM.
    sasl_username: str | None = None
    #: Of PLAIN and SCRAM.
    sasl_password: SecretStr | None = None
    #: Of OAUTHBEARER: where a token is had for client credentials (RFC 6749, 4.4).
    oauth_token_url: str | None = None
    #: Of OAUTHBEARER.
    oauth_client_id: str | None = None
    #: Of OAUTHBEARER.
    oauth_client_secret: SecretStr | None = None
    #: Of OAUTHBEARER, where the token endpoint wants one.
    oauth_scope: str | None = None
    #: Of OAUTHBEARER: the authorities (PEM) of the token endpoint; none: this machine's own.
    oauth_ca_file: Path | None = None

    @property
    def tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.security_protocol.endswith("SSL")

    @property
    def sasl(self) -> bool:
        """Whether clients log in."""
        return self.security_protocol.startswith("SASL_")

    @model_validator(mode="after")
    def _secured(self) -> Self:
        oauth = self.sasl_mechanism == "OAUTHBEARER"
        tls = ("ssl_ca_file", "ssl_certificate_file", "ssl_key_file", "ssl_key_password")
        login = ("sasl_username", "sasl_password")
        token = ("oauth_token_url", "oauth_client_id", "oauth_client_secret")
        self._unused(self.tls, tls, "security_protocol SSL or SASL_SSL")
        self._unused(self.sasl, ("sasl_mechanism",), "security_protocol SASL_SSL or SASL_PLAINTEXT")
        self._unused(self.sasl and not oauth, login, "sasl_mechanism PLAIN or SCRAM-SHA-512")
        self._unused(oauth, (*token, "oauth_scope", "oauth_ca_file"), "sasl_mechanism OAUTHBEARER")
        self._needed(self.sasl, ("sasl_mechanism",), f"security_protocol {self.security_protocol}")
        self._needed(self.sasl and not oauth, login, f"sasl_mechanism {self.sasl_mechanism}")
        self._needed(oauth, token, "sasl_mechanism OAUTHBEARER")
        self._needed(self.ssl_certificate_file is not None, ("ssl_key_file",), "ssl_certificate_file")
        self._needed(self.ssl_key_file is not None, ("ssl_certificate_file",), "ssl_key_file")
        self._needed(self.ssl_key_password is not None, ("ssl_key_file",), "ssl_key_password")
        if self.oauth_token_url is not None:
            url = urlsplit(self.oauth_token_url)
            if url.scheme != "https" and (url.scheme != "http" or url.hostname not in _LOOPBACK):
                raise ValueError("oauth_token_url must be https://: the client's secret goes there")
        return self

    def _unused(self, used: bool, names: tuple[str, ...], where: str) -> None:
        for name in names:
            if not used and getattr(self, name) is not None:
                raise ValueError(f"{name} is used with {where} only: set that as well, or unset {name}")

    def _needed(self, needed: bool, names: tuple[str, ...], by: str) -> None:
        for name in names:
            if needed and getattr(self, name) is None:
                raise ValueError(f"{by} needs {name}: set HELIO_KAFKA__{name.upper()}")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.heartbeat_seconds * 3 > self.session_timeout_seconds:
            raise ValueError(
                "heartbeat_seconds must be at most a third of session_timeout_seconds: "
                "a single late heartbeat would throw a member out"
            )
        if self.stall_seconds < self.session_timeout_seconds * 2:
            raise ValueError(
                "stall_seconds must be at least twice session_timeout_seconds: "
                "who joins a group may have to wait until a dead member is missed"
            )
        return self


class RedisSettings(Group):
    """The ledger's server: one Redis or Valkey (primary with replicas; no cluster)."""

    #: `redis://` or (TLS) `rediss://`, with user, password and database.
    url: Annotated[str, Field(repr=False)] = "redis://127.0.0.1:6379/0"
    #: An answer that takes longer is none: the ledger is then unavailable.
    timeout_seconds: Seconds = 5.0
    #: The authorities (PEM) that the server's certificate is checked by, its name included; none: this
    #: machine's own.
    ssl_ca_file: Path | None = None
    #: Our certificate with its chain (PEM), where the server asks for one.
    ssl_certificate_file: Path | None = None
    #: Its private key (PEM).
    ssl_key_file: Path | None = None

    @model_validator(mode="after")
    def _secured(self) -> Self:
        for name in ("ssl_ca_file", "ssl_certificate_file", "ssl_key_file"):
            if getattr(self, name) is not None and not self.url.startswith("rediss://"):
                raise ValueError(f"{name} is used with TLS only: let HELIO_REDIS__URL begin with rediss://")
        if (self.ssl_certificate_file is None) != (self.ssl_key_file is None):
            missing = "ssl_key_file" if self.ssl_key_file is None else "ssl_certificate_file"
            raise ValueError(f"a certificate and its key come together: set HELIO_REDIS__{missing.upper()}")
        return self


class TopicSettings(Group):
    """How topics are made. Outside development: replication 3, min_insync_replicas 2."""

    #: Of each topic but the directory's, which has one. It limits how many of a process share the work.
    partitions: Annotated[int, Field(ge=1)] = 4
    #: How many brokers hold each partition.
    replication_factor: Annotated[int, Field(ge=1)] = 1
    #: How many of them must have a record before it counts as written.
    min_insync_replicas: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.min_insync_replicas > self.replication_factor:
            raise ValueError(
                "min_insync_replicas must be at most replication_factor: "
                "otherwise the broker acknowledges nothing"
            )
        return self


class MessageSettings(Group):
    """How long messages wait and are remembered."""

    #: Not handed over later than this after acceptance.
    validity_seconds: Annotated[int, Field(ge=60, le=2 * _DAY)] = _DAY
    #: Every store forgets a message at this age, from `send_at` and the end of quiet hours where these are
    #: later: at most 4 days, so that Kafka keeps for long enough what they are rebuilt from.
    lifetime_seconds: Annotated[int, Field(ge=_DAY, le=_LONGEST_LIFETIME)] = 3 * _DAY
    #: What stands on `sms.status.v1` for the fingerprint of a redacted message is made with the first of
    #: them; the doors know it by each. Newest first; the same for all of them.
    fingerprint_secrets: Annotated[tuple[str, ...], Field(min_length=1, repr=False)] = ("development-only",)
    #: A provider is asked about a sent message without a receipt after this, where it can be; 0: never.
    receipt_seconds: Annotated[float, Field(ge=0)] = 600.0

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.validity_seconds + 3600 > self.lifetime_seconds:
            raise ValueError("lifetime_seconds must exceed validity_seconds by an hour at least")
        return self


class IngressSettings(Group):
    """The REST door."""

    #: The address to listen on; in a container `0.0.0.0`.
    host: str = "127.0.0.1"
    #: For requests, `/livez`, `/readyz`, `/metrics`.
    port: Port = 8080
    #: A larger request is answered 413.
    body_limit_bytes: Annotated[int, Field(ge=1024)] = 65_536
    #: Without the broker's acknowledgement within this, the answer is 503.
    produce_timeout_seconds: Seconds = 10.0
    #: A `queue: false` request without the provider's outcome within this is answered `queued`.
    immediate_seconds: Seconds = 10.0


class IntakeSettings(Group):
    """The Kafka door: on whose behalf records of `sms.requests.v1` are sent."""

    #: The organization that owns the topic.
    owner: str | None = None
    #: Its producers are trusted to name the organization in each record; `owner` is then the default.
    trusted: bool = False
    #: How many accepted requests may lie before `route` until intake waits: REST callers stand behind them.
    max_ahead: Annotated[int, Field(ge=100)] = 2_500
    #: For `/livez`, `/readyz`, `/metrics`; 0: none.
    port: Port = 0


class CallbackSettings(Group):
    """Where providers reach our webhooks, and the secrets of our own MAC (the first one signs)."""

    #: Where providers reach `webhooks` from outside: part of what they sign.
    public_url: str = "http://127.0.0.1:8081"
    #: Newest first: the first signs callback addresses, all verify them.
    secrets: Annotated[tuple[str, ...], Field(min_length=1, repr=False)] = ("development-only",)


class StreamSettings(Group):
    """The four stream services: `route`, `fold`, `views`, `waiting`."""

    #: The address to listen on; in a container `0.0.0.0`.
    host: str = "127.0.0.1"
    #: For `/livez`, `/readyz`, `/metrics`; 0: none.
    port: Port = 0


class RouteSettings(Group):
    """`route`, which chooses senders."""

    #: Messages of use cases wait so long for the memory of which recipient knows which number, once for each
    #: loss of the ledger (docs/routing.md).
    memory_seconds: Annotated[float, Field(ge=0)] = 30.0


class WebhookSettings(Group):
    """The webhooks service."""

    #: The address to listen on; in a container `0.0.0.0`.
    host: str = "127.0.0.1"
    #: For callbacks, `/livez`, `/readyz`, `/metrics`.
    port: Port = 8081
    #: A larger callback is answered 413.
    body_limit_bytes: Annotated[int, Field(ge=1024)] = 65_536
    #: Without the broker's acknowledgement within this, the answer is 503, and the provider calls again.
    produce_timeout_seconds: Seconds = 8.0


class DispatchSettings(Group):
    """The dispatchers."""

    #: The address to listen on; in a container `0.0.0.0`.
    host: str = "127.0.0.1"
    #: For `/livez`, `/readyz`, `/metrics`; 0: none.
    port: Port = 0
    #: A provider's whole answer, connection included.
    http_timeout_seconds: Seconds = 10.0
    #: The connection alone.
    connect_timeout_seconds: Seconds = 3.0
    #: A claim holds for the HTTP timeout and this; then another dispatcher may take over.
    claim_margin_seconds: Seconds = 5.0
    #: Hand-overs under way at once in one process.
    max_in_flight: Annotated[int, Field(ge=1)] = 200
    #: Questions about earlier hand-overs under way at once in one process.
    max_questions: Annotated[int, Field(ge=1)] = 8
    #: Tasks at hand for each partition; beyond it the backlog waits in Kafka. A number is used to its full
    #: pace if 20 s of it find room.
    window: Annotated[int, Field(ge=1)] = 10_000
    #: A retry's first pause; each next one is twice as long.
    retry_first_seconds: Seconds = 1.0
    #: A retry's longest pause.
    retry_longest_seconds: Seconds = 600.0
    #: How long an unknown send is waited for and asked about; then its owner's policy acts.
    settle_seconds: Seconds = 300.0
    #: By which clock the days of day caps go: an IANA name. Where carriers set the caps, take theirs.
    day_zone: Zone = "UTC"
    #: How long SIGTERM lets what is in flight finish: at least one hand-over's time. Supervisors must wait
    #: ten seconds longer before they kill.
    drain_seconds: Seconds = 20.0

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.connect_timeout_seconds > self.http_timeout_seconds:
            raise ValueError(
                "connect_timeout_seconds must be at most http_timeout_seconds, which includes it"
            )
        if self.settle_seconds * 1000 < 2 * self.hold_ms:
            raise ValueError(
                "settle_seconds must be at least twice http_timeout_seconds and claim_margin_seconds "
                "together: a policy may not act while the hand-over may still be under way"
            )
        if self.drain_seconds < self.http_timeout_seconds + self.claim_margin_seconds:
            raise ValueError(
                "drain_seconds must be at least http_timeout_seconds and claim_margin_seconds together: "
                "of a call that a stop cuts off nobody knows what came. Raise it, and have the supervisor "
                "wait ten seconds longer than that before it kills"
            )
        return self

    @property
    def hold_ms(self) -> int:
        """How long a claim holds, in milliseconds: no hand-over lasts longer."""
        return round((self.http_timeout_seconds + self.claim_margin_seconds) * 1000)


class _Files(EnvSettingsSource):
    """Files that are named like the variables, in the folder of secrets: `HELIO_KAFKA__SASL_PASSWORD`.

    Nothing else is read there: what belongs to another service may be closed to this one.
    """

    def _load_env_vars(self) -> Mapping[str, str | None]:
        folder = os.environ.get(SECRETS_VARIABLE)
        files = sorted(Path(folder).glob("HELIO_*__*")) if folder else []
        return {path.name.lower(): path.read_text(encoding="utf-8").rstrip("\r\n") for path in files}


#: Who says what the settings are, besides arguments: the first that has one.
SOURCES: Final = (EnvSettingsSource, _Files)


class SubscriptionSettings(Group):
    """What the secrets of subscriptions are derived from (docs/notifiers.md)."""

    #: Newest first: what is told is signed by the secrets of all of them, the first one's are shown.
    secrets: Annotated[tuple[str, ...], Field(min_length=1, repr=False)] = ("development-only",)


class NotifierSettings(Group):
    """The notifiers, which tell subscriptions."""

    #: For `/livez`, `/readyz`, `/metrics`; 0: none.
    port: Port = 0
    #: The address to listen on; in a container `0.0.0.0`.
    host: str = "127.0.0.1"
    #: An endpoint's whole answer, connection included.
    timeout_seconds: Seconds = 10.0
    #: Tries under way at once in one process: its connections.
    max_in_flight: Annotated[int, Field(ge=4)] = 200
    #: Tries under way at once to one subscription, of one process.
    max_per_endpoint: Annotated[int, Field(ge=1)] = 8
    #: What waits for its try in one process; beyond it, it waits in Kafka.
    max_queued: Annotated[int, Field(ge=16)] = 4_000
    #: The first pause; the next ones are those of the waiting topics: 10 s, 1 min, 10 min, 1 h.
    retry_first_seconds: Seconds = 5.0
    #: No pause is longer, but for some seconds.
    retry_longest_seconds: Annotated[float, Field(ge=10, le=3600)] = 3600.0
    #: An event is tried again for so long, then dropped.
    give_up_seconds: Annotated[float, Field(gt=0, le=2 * _DAY)] = _DAY
    #: A subscription is switched off after so long of nothing but failures.
    switch_off_seconds: Seconds = 5 * _DAY
    #: Endpoints may have private addresses and plain http: for development and closed networks only.
    allow_private: bool = False
    #: How long SIGTERM lets tries under way finish; supervisors must wait ten seconds longer than that.
    drain_seconds: Seconds = 12.0

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.retry_first_seconds > self.retry_longest_seconds:
            raise ValueError("retry_first_seconds must be at most retry_longest_seconds")
        if self.max_per_endpoint > self.max_in_flight:
            raise ValueError("max_per_endpoint must be at most max_in_flight")
        return self


class Settings(BaseSettings):
    """All groups, from the environment, then from files."""

    model_config = SettingsConfigDict(
        env_prefix="HELIO_",
        env_nested_delimiter="__",
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    #: What is logged: `DEBUG`, `INFO`, `WARNING` or `ERROR`.
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    #: How: `text` for people, `json` for machines; `auto` is text on a terminal, and JSON elsewhere.
    log_format: Literal["auto", "text", "json"] = "auto"
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
    streams: StreamSettings = StreamSettings()
    route: RouteSettings = RouteSettings()
    dispatch: DispatchSettings = DispatchSettings()
    subscriptions: SubscriptionSettings = SubscriptionSettings()
    notifiers: NotifierSettings = NotifierSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, the environment, files: the first that has it."""
        del env_settings, dotenv_settings, file_secret_settings
        return init_settings, *(source(settings_cls) for source in SOURCES)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        # Handed over at the last moment, then sent again twice by its owner's policy.
        ended = self.messages.validity_seconds + 3 * self.dispatch.settle_seconds
        if ended >= self.messages.lifetime_seconds:
            raise ValueError(
                "messages.lifetime_seconds must exceed messages.validity_seconds by more than three times "
                "dispatch.settle_seconds: an unknown send that is forgotten before its owner's policy acts "
                "never ends. Lower settle_seconds or validity_seconds, or raise lifetime_seconds"
            )
        return self
