"""The simulator's configuration file: one JSON object, checked when the program starts."""

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Account(_Strict):
    """What every account has, whatever its provider."""

    id: str = Field(min_length=1)
    """Names the account in faults, statistics and the handset log's state."""
    numbers: tuple[str, ...] = ()
    """Numbers that the account may send from, as the provider writes them; empty: any."""
    answer_latency_ms: int = Field(default=0, ge=0)
    """How long the provider thinks before it answers a send."""
    receipt_delay_ms: int = Field(default=50, ge=0)
    """Time from one status to the next; the first comes this long after acceptance."""
    inbound_url: str | None = Field(default=None, pattern=r"^https?://")
    """Where texts from handsets to `numbers` are told; Twilio's may have connection overrides."""


_A = TypeVar("_A", bound=_Account)


class TwilioAccount(_Account):
    """A Twilio account: an API key or the auth token sends, the auth token signs callbacks."""

    provider: Literal["twilio"]
    account_sid: str = Field(pattern=r"^AC[0-9a-zA-Z]{32}$")
    api_key_sid: str = Field(min_length=1)
    api_key_secret: str = Field(min_length=1)
    auth_token: str = Field(min_length=1)
    callback_statuses: tuple[Literal["queued", "sending"], ...] = ()
    """Statuses before `sent` that are called back as well; Twilio does so for some routes."""


class TelnyxAccount(_Account):
    """A Telnyx account: the API key sends, the Ed25519 key signs webhooks."""

    provider: Literal["telnyx"]
    api_key: str = Field(min_length=1)
    signing_seed: str
    """Base64 of the 32 bytes of the private key that signs webhooks."""

    @field_validator("signing_seed")
    @classmethod
    def _is_32_bytes(cls, value: str) -> str:
        try:
            size = len(base64.b64decode(value, validate=True))
        except binascii.Error as error:
            raise ValueError("signing_seed is not base64") from error
        if size != 32:
            raise ValueError(f"signing_seed holds {size} bytes; an Ed25519 seed has 32")
        return value


class VonageAccount(_Account):
    """A Vonage application: our RS256 key sends, the signature secret signs callbacks."""

    provider: Literal["vonage"]
    api_key: str = Field(min_length=1)
    application_id: str = Field(min_length=1)
    public_key: str
    """PEM of the application's public key; checks the token of each send."""
    signature_secret: str = Field(min_length=1)
    status_url: str | None = None
    """The application's status webhook, for messages that name none of their own."""

    @field_validator("public_key")
    @classmethod
    def _is_rsa(cls, value: str) -> str:
        try:
            key = load_pem_public_key(value.encode())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ValueError("public_key is not a PEM public key") from error
        if not isinstance(key, RSAPublicKey):
            raise ValueError("public_key is not an RSA key; Vonage signs with RS256")  # noqa: TRY004 - pydantic reports ValueError only
        return value


Account = Annotated[TwilioAccount | TelnyxAccount | VonageAccount, Field(discriminator="provider")]


class CallbackSettings(_Strict):
    """How callbacks are sent and sent again."""

    concurrency: int = Field(default=32, ge=1, le=1000)
    """Callbacks under way at once, for each provider."""
    telnyx_pauses_seconds: tuple[float, float] = (2.0, 15.0)
    """Before the second and the third attempt at a URL. Telnyx does not publish its own."""
    vonage_first_pause_seconds: float = Field(default=5.0, gt=0)
    vonage_longest_pause_seconds: float = Field(default=900.0, gt=0)
    vonage_give_up_seconds: float = Field(default=86_400.0, gt=0)


class Config(_Strict):
    """The whole file."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    """0: any free port; the program prints which."""
    state: Path
    """Where accepted messages are kept, as lines of JSON; survives a restart."""
    accounts: tuple[Account, ...] = Field(min_length=1)
    callbacks: CallbackSettings = CallbackSettings()

    @model_validator(mode="after")
    def _accounts_differ(self) -> Self:
        _refuse_repeats("id", [account.id for account in self.accounts])
        _refuse_repeats("account_sid", [a.account_sid for a in self.of(TwilioAccount)])
        _refuse_repeats("api_key", [a.api_key for a in self.of(TelnyxAccount)])
        _refuse_repeats("application_id", [a.application_id for a in self.of(VonageAccount)])
        return self

    def of(self, kind: type[_A]) -> list[_A]:
        """The accounts of one provider."""
        return [account for account in self.accounts if isinstance(account, kind)]


def _refuse_repeats(field: str, values: Sequence[str]) -> None:
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"two accounts have the same {field}: {', '.join(repeated)}")
