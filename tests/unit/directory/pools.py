"""Directories with a use case and its pool, for tests of the choice."""

from collections.abc import Sequence

from directory.pool import Parcel
from directory.snapshot import Directory
from schemas.directory import (
    Account,
    AnyEntity,
    Brand,
    Campaign,
    Entry,
    Number,
    Registration,
    TelnyxCredentials,
    TwilioCredentials,
    UseCase,
    VonageCredentials,
    identity,
)

USE_CASE = "5f0a5c4e-6d6f-4d52-8f3f-0d4f5a1c2b3d"
TWILIO = Account(
    organization="operator",
    id="tw",
    credentials=TwilioCredentials(
        account_sid="AC", api_key_sid="SK", api_key_secret="env:SECRET", auth_tokens=("env:TOKEN",)
    ),
)
TELNYX = Account(
    organization="operator",
    id="tx",
    credentials=TelnyxCredentials(api_key="env:KEY", public_keys=("env:PUBLIC",)),
)
VONAGE = Account(
    organization="operator",
    id="vg",
    credentials=VonageCredentials(
        application_id="app", private_key="env:PRIVATE", signature_secrets=("env:SIGNATURE",)
    ),
)
BRAND = Brand(organization="acme", id="acme", name="Acme", registration=Registration.VERIFIED)
CAMPAIGN = Campaign(
    organization="acme", id="orders", brand="acme", use="Orders", registration=Registration.VERIFIED
)
#: Everything that a pool needs, but its numbers and its use case.
REGISTERED: tuple[AnyEntity, ...] = (TWILIO, TELNYX, VONAGE, BRAND, CAMPAIGN)


def directory(*entities: AnyEntity) -> Directory:
    """A directory of these; of two of the same id the later one holds."""
    found: dict[tuple[str, str], AnyEntity] = {identity(entity): entity for entity in entities}
    entries = [
        Entry(kind=kind, id=id_, organization=entity.organization, version=1, at=1, entity=entity)
        for (kind, id_), entity in found.items()
    ]
    return Directory().after(entries)[0]


def number(e164: str, account: str = "tx", **fields: object) -> Number:
    """A number of acme's in the verified campaign."""
    known = {"organization": "acme", "id": e164, "account": account, "campaign": "orders"}
    return Number.model_validate(known | fields)


def use_case(numbers: Sequence[str], **fields: object) -> UseCase:
    """The use case of acme's with these numbers."""
    known = {"organization": "acme", "id": USE_CASE, "name": "Orders", "numbers": tuple(numbers)}
    return UseCase.model_validate(known | fields)


def pool(*numbers: Number, others: Sequence[AnyEntity] = (), **fields: object) -> Directory:
    """A directory with the use case over `numbers`; `others` replace what is there."""
    case = use_case([one.id for one in numbers], **fields)
    return directory(*REGISTERED, *numbers, case, *others)


def parcel(to_number: str = "+14157650001", text: str = "hello", media: Sequence[str] = ()) -> Parcel:
    return Parcel(to_number, text, media, 1)
