"""Entities of the directory: who may send what, from where, through whom (docs/directory.md)."""

from enum import StrEnum
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import (
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from schemas.base import Millis, Record
from schemas.provider import Provider
from schemas.tasks import OnUnknown

#: The organization that runs Heliograph. Its accounts may be used by the numbers of every organization.
OPERATOR = "operator"

#: An id that fits in URLs and topic names.
SLUG_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,62}$"
Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
#: A phone number as E.164 has it, with its plus.
E164_PATTERN: Final = r"^\+[1-9][0-9]{6,14}$"
E164 = Annotated[str, StringConstraints(pattern=E164_PATTERN)]
#: Where a secret is to be found, never its value: `env:NAME` or `file:PATH`.
SecretRef = Annotated[str, StringConstraints(pattern=r"^(env|file):.+$")]
#: Secrets of which several are valid at once, newest first, so that they can be rotated.
SecretRefs = Annotated[tuple[SecretRef, ...], Field(min_length=1)]
#: What people call something.
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
#: A region as ISO 3166-1 writes it, such as `US`.
Region = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
#: So many a second. The bounds keep what is computed from it (waits, in milliseconds) a number.
Rate = Annotated[float, Field(ge=0.001, le=100_000, allow_inf_nan=False)]
#: How many may go at once after a pause.
Burst = Annotated[int, Field(ge=1, le=1_000_000)]
#: Segments a day, where carriers set a limit.
DayCap = Annotated[int, Field(ge=1, le=1_000_000_000)]
#: The SHA-256 of an API key, in lower-case hex.
HASH_PATTERN: Final = "[0-9a-f]{64}"
#: Stands where the SHA-256 of a revoked key was: that of nothing that anybody could find.
NO_KEY: Final = "0" * 64


class Active(StrEnum):
    """Whether an entity may be used."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class Entity(Record):
    """What all entities have. Unknown fields are refused in files that people write."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    organization: Slug


class TwilioCredentials(Record):
    """An API key sends; the account's auth token signs callbacks."""

    provider: Literal[Provider.TWILIO] = Provider.TWILIO
    account_sid: str
    api_key_sid: str
    api_key_secret: SecretRef
    auth_tokens: SecretRefs


class TelnyxCredentials(Record):
    """The API key sends; callbacks are signed with Telnyx's Ed25519 key, whose public half is in base64."""

    provider: Literal[Provider.TELNYX] = Provider.TELNYX
    api_key: SecretRef
    public_keys: SecretRefs


class VonageCredentials(Record):
    """The application's private key (PKCS#8 PEM) signs requests; the signature secret signs callbacks."""

    provider: Literal[Provider.VONAGE] = Provider.VONAGE
    application_id: str
    private_key: SecretRef
    signature_secrets: SecretRefs


#: A time of day, on a 24-hour clock.
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


#: The shape of a time zone's name. Which there are differs between machines and over the years, so no record
#: is judged by it: replicas would not take the same ones. Who writes is asked (`directory.known`).
ZoneName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$", max_length=64)
]


class QuietHours(Record):
    """When nothing is handed over, every day: from `start` to `end`, past midnight if that is the earlier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: TimeOfDay
    end: TimeOfDay
    #: An IANA name; None: the recipient's own, by the number (of several, quiet in any is quiet).
    zone: ZoneName | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end are the same: leave quiet hours out where there are none")
        return self


class Organization(Entity):
    """A tenant, and the defaults for what it sends from its numbers. Needed only to set one of them."""

    kind: Literal["organization"] = "organization"
    #: The same as `organization`.
    id: Slug
    #: How long a message may wait, in seconds; None: as `HELIO_MESSAGES__VALIDITY_SECONDS`.
    validity_seconds: Annotated[int, Field(ge=1, le=48 * 3600)] | None = None
    #: What becomes of a send whose outcome stays unknown; None: it stays so (`hold`).
    on_unknown: OnUnknown | None = None
    #: None: a send from a number may go at any time.
    quiet_hours: QuietHours | None = None
    #: It has a request topic of its own, `sms.requests.<organization>.v1`: whatever comes on it is its own.
    own_topic: bool = False
    #: The texts that it sends, and the addresses of their media, are kept off `sms.status.v1`, and so off
    #: whatever is made of that topic.
    redact: bool = False

    @model_validator(mode="after")
    def _is_itself(self) -> Self:
        if self.id != self.organization:
            raise ValueError("an organization's id is its own name")
        return self


class Account(Entity):
    """An account at a provider: the operator's to write."""

    kind: Literal["account"] = "account"
    id: Slug
    credentials: Annotated[
        TwilioCredentials | TelnyxCredentials | VonageCredentials, Field(discriminator="provider")
    ]
    #: Where the provider's API is; None: at the provider's own address. Telnyx: without `/v2`.
    base_url: str | None = None
    #: Segments per second over all its numbers, and how many may go at once after a pause.
    rate: Rate = 50.0
    burst: Burst = 10
    status: Active = Active.ACTIVE

    @property
    def provider(self) -> Provider:
        """Whose account it is."""
        return self.credentials.provider

    def serves(self, organization: str) -> bool:
        """Whether numbers of `organization` may send through it: its own, or anybody's if the operator's."""
        return self.organization in (organization, OPERATOR)


class NumberKind(StrEnum):
    """What sort of sender a number is; carriers pace each differently."""

    LONG_CODE = "long_code"
    TOLL_FREE = "toll_free"


class Capability(StrEnum):
    """What a number can send."""

    SMS = "sms"
    MMS = "mms"


class Number(Entity):
    """A sender number; its id is the number itself, +E.164."""

    kind: Literal["number"] = "number"
    id: E164
    account: Slug
    number_kind: NumberKind = NumberKind.LONG_CODE
    capabilities: frozenset[Capability] = frozenset({Capability.SMS, Capability.MMS})
    #: Segments per second, and how many may go at once after a pause.
    rate: Rate = 1.0
    burst: Burst = 1
    day_cap: DayCap | None = None
    campaign: Slug | None = None
    status: Active = Active.ACTIVE


class Assistant(Entity):
    """Owns numbers; a send from one of them is a send of this assistant."""

    kind: Literal["assistant"] = "assistant"
    id: Slug
    name: Name
    numbers: tuple[E164, ...]
    status: Active = Active.ACTIVE


#: A text that is sent as an answer.
Reply = Annotated[str, StringConstraints(min_length=1, max_length=1600)]


class UseCase(Entity):
    """A purpose with a pool of senders; the platform chooses among them."""

    kind: Literal["use_case"] = "use_case"
    id: UUID
    name: Name
    numbers: tuple[E164, ...] = ()
    sticky: bool = True
    geomatch: bool = True
    #: The regions that may be sent to; none: all.
    regions: tuple[Region, ...] = ()
    #: What becomes of a send whose outcome stays unknown.
    on_unknown: OnUnknown = OnUnknown.HOLD
    #: How long a message may wait, in seconds; None: as `HELIO_MESSAGES__VALIDITY_SECONDS`.
    validity_seconds: Annotated[int, Field(ge=60, le=48 * 3600)] | None = None
    #: None: at any time.
    quiet_hours: QuietHours | None = None
    #: What is answered to STOP, START and HELP where the provider does not answer by itself; None: nothing.
    stop_reply: Reply | None = None
    start_reply: Reply | None = None
    help_reply: Reply | None = None
    status: Active = Active.ACTIVE


class Registration(StrEnum):
    """How far a registration with the carriers has got."""

    PENDING = "pending"
    VERIFIED = "verified"
    SUSPENDED = "suspended"


class Brand(Entity):
    """Who sends, as registered with the carriers."""

    kind: Literal["brand"] = "brand"
    id: Slug
    name: Name
    registration: Registration = Registration.PENDING
    #: Over all its campaigns.
    day_cap: DayCap | None = None


class Campaign(Entity):
    """What is sent, as registered with the carriers; paces all its numbers together."""

    kind: Literal["campaign"] = "campaign"
    id: Slug
    brand: Slug
    use: str
    registration: Registration = Registration.PENDING
    rate: Rate | None = None
    day_cap: DayCap | None = None


class Scope(StrEnum):
    """What an API key may do."""

    SEND = "send"
    READ = "read"
    ADMIN = "admin"


class Former(Record):
    """A key that was replaced by a new one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Annotated[str, StringConstraints(pattern=f"^{HASH_PATTERN}$")]
    #: It opens the door until then.
    until: Millis


class ApiKey(Entity):
    """A key to the REST API; only its SHA-256 is kept."""

    kind: Literal["api_key"] = "api_key"
    id: Slug
    #: Lower-case hex SHA-256 of the key, or a reference to where the key itself is (resolved by `apply`).
    sha256: Annotated[str, StringConstraints(pattern=rf"^({HASH_PATTERN}|(env|file):.+)$")]
    #: Those that it replaced, or that were revoked, newest first; kept beyond their time, so that no old file
    #: brings one back.
    former: tuple[Former, ...] = ()
    scopes: frozenset[Scope] = frozenset({Scope.SEND, Scope.READ})
    #: Requests per second over all ingress processes (None: no limit), and how many may come at once.
    rate: Rate | None = None
    burst: Burst = 10
    status: Active = Active.ACTIVE

    @property
    def revoked(self) -> bool:
        """Whether nothing opens the door by it. It is kept so that no old file brings its secret back."""
        return self.sha256 == NO_KEY

    def opens(self, sha256: str, now: Millis) -> bool:
        """Whether the key of that SHA-256 is this one at `now`, or one that it replaced and is still good."""
        return sha256 == self.sha256 or any(
            sha256 == former.sha256 and now < former.until for former in self.former
        )


class EventType(StrEnum):
    """What a subscription can ask to be told."""

    QUEUED = "message.queued"
    SENT = "message.sent"
    UNKNOWN = "message.unknown"
    DELIVERED = "message.delivered"
    UNDELIVERED = "message.undelivered"
    FAILED = "message.failed"
    CANCELLED = "message.cancelled"
    #: A text that somebody sent to a number of the organization.
    RECEIVED = "text.received"
    #: Another subscription of the organization was switched off, after days without an answer.
    SWITCHED_OFF = "subscription.switched_off"
    #: Somebody tries the subscription out; told whether it asks for it or not.
    TEST = "subscription.test"


_LONGEST_URL: Final = 2048


def _as_a_url(value: object, checked: ValidatorFunctionWrapHandler) -> object:
    """Who writes one is told what it must be, and not what our pattern is."""
    try:
        return checked(value)
    except ValidationError:
        raise PydanticCustomError(
            "endpoint_url",
            "it must be a URL such as https://hooks.example.com/texts, without white space and of at most "
            "{longest} characters",
            {"longest": _LONGEST_URL},
        ) from None


#: Where events are POSTed.
EndpointUrl = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[^\s]+$", max_length=_LONGEST_URL),
    WrapValidator(_as_a_url),
]


class FormerSecret(Record):
    """A signing secret that was replaced by a newer one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[int, Field(ge=1)]
    #: What is told before then is signed with it as well.
    until: Millis


class Subscription(Entity):
    """An endpoint of a team without Kafka, told of each event that it asks for (docs/notifiers.md)."""

    kind: Literal["subscription"] = "subscription"
    id: Slug
    #: http(s); where private addresses are refused, an https URL that resolves to public ones.
    url: EndpointUrl
    #: None: all of them.
    events: Annotated[tuple[EventType, ...], Field(min_length=1)] | None = None
    #: Which secret signs; secrets are derived, and nowhere kept (docs/notifiers.md). Rotation counts it up.
    secret_version: Annotated[int, Field(ge=1)] = 1
    #: The secrets before that one which still sign as well, newest first.
    former_secrets: tuple[FormerSecret, ...] = ()
    status: Active = Active.ACTIVE
    #: Since when it is suspended because it did not answer for days; whoever makes it active takes this out.
    switched_off_at: Millis | None = None


AnyEntity = Organization | Account | Number | Assistant | UseCase | Brand | Campaign | ApiKey | Subscription
Tagged = Annotated[AnyEntity, Field(discriminator="kind")]


class Entry(Record):
    """One write on `sms.directory.v1`, keyed `kind:id`.

    It names the version that it replaces; one that does not, or that changes the owner, is refused by
    every replica alike, in the order of the log. A deletion is an entry without an entity.
    """

    type: Literal["directory.v1"] = "directory.v1"
    kind: str
    id: str
    organization: str
    version: Annotated[int, Field(ge=1)]
    at: Millis
    entity: Tagged | None = None

    @property
    def key(self) -> bytes:
        """The record's key."""
        return f"{self.kind}:{self.id}".encode()


def identity(entity: AnyEntity) -> tuple[str, str]:
    """Kind and id: what names an entity."""
    return entity.kind, str(entity.id)
