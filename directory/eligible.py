"""Which numbers of a use case's pool may send a message, as the directory stands: a pure decision."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from directory import caps
from directory.numbering import Numbering, numbering
from directory.once import once
from directory.senders import Against, account_of
from directory.snapshot import Directory
from schemas.directory import Account, Active, Campaign, Capability, Number, NumberKind, Registration, UseCase
from schemas.limits import LIMITS, text_too_long
from schemas.provider import Provider
from schemas.refusals import (
    BRAND_SUSPENDED,
    CAMPAIGN_NOT_VERIFIED,
    LANDLINE,
    NO_SENDER,
    NO_USABLE_SENDER,
    NOT_A_NUMBER,
    REGION_NOT_PERMITTED,
    USE_CASE_NOT_FOUND,
    USE_CASE_SUSPENDED,
    Refused,
)

#: The United States, and those of its territories that share its numbering plan: their carriers ask for an
#: A2P registration alike.
_OF_US_CARRIERS: Final = frozenset({"US", "PR", "VI", "GU", "MP", "AS"})
#: The other countries of the numbering plan +1.
_NOT_OF_US_CARRIERS: Final = frozenset(COUNTRY_CODE_TO_REGION_CODE[1]) - _OF_US_CARRIERS
#: Numbers that a sentence names; of more it says how many.
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to be sent, and to whom (+E.164)."""

    to_number: str
    text: str
    media: Sequence[str]
    segments: int


class _Bar(IntEnum):
    """Why a number may not be used; of several the first is told."""

    BRAND = 0
    CAMPAIGN = 1
    OTHER = 2


@dataclass(frozen=True, slots=True)
class _Barred:
    bar: _Bar
    #: As part of a sentence.
    why: str


@dataclass(frozen=True, slots=True)
class Eligible:
    """A number that may send, with all that is asked of it for each message."""

    number: Number
    account: Account
    #: Where it belongs.
    place: Numbering
    #: The names of the day caps that it counts against (`directory.caps`).
    caps: tuple[str, ...]
    #: Most segments that they let go on one day; None: there is none.
    most: int | None


@dataclass(frozen=True, slots=True)
class _Pool:
    """A use case's numbers, as far as they can be judged without a message."""

    able: Sequence[Eligible]
    barred: Sequence[_Barred]


_REFUSALS: Final = {
    _Bar.BRAND: (BRAND_SUSPENDED, "The brand registration behind the use case is suspended"),
    _Bar.CAMPAIGN: (
        CAMPAIGN_NOT_VERIFIED,
        "The use case has no verified A2P campaign for its US long-code numbers",
    ),
    _Bar.OTHER: (NO_USABLE_SENDER, "No number of the use case can send this message"),
}


def eligible(
    directory: Directory, organization: str, use_case_id: str, parcel: Parcel
) -> tuple[UseCase, Sequence[Eligible]] | Refused:
    """The use case and those of its numbers that may send `parcel`, at least one; or why none may."""
    use_case = directory.use_case(use_case_id)
    if use_case is None or use_case.organization != organization:
        return Refused(USE_CASE_NOT_FOUND, f"There is no SMS use case {use_case_id}; it may be deleted.")
    if use_case.status is not Active.ACTIVE:
        return Refused(USE_CASE_SUSPENDED, f"The SMS use case {use_case.name} is suspended.")
    pool = _pool(directory, organization, use_case.numbers)
    if not pool.able and not pool.barred:
        return Refused(NO_SENDER, "No phone number is assigned to the use case.")
    return _unreachable(use_case, parcel.to_number) or _of(use_case, pool, parcel)


@once
def _pool(directory: Directory, organization: str, numbers: tuple[str, ...]) -> _Pool:
    judged = [
        _judged(number, directory)
        for e164 in dict.fromkeys(numbers)
        if (number := directory.number(e164)) is not None and number.organization == organization
    ]
    return _Pool(
        [one for one in judged if isinstance(one, Eligible)],
        [one for one in judged if isinstance(one, _Barred)],
    )


def _unreachable(use_case: UseCase, to_number: str) -> Refused | None:
    """What is wrong with the destination, by its digits and the use case's regions."""
    destination = numbering(to_number)
    if not destination.valid:
        return Refused(NOT_A_NUMBER, f"Invalid destination phone number: {to_number} is not a real number.")
    if destination.landline:
        return Refused(LANDLINE, f"Invalid destination phone number: {to_number} is a landline.")
    if use_case.regions and destination.region not in use_case.regions:
        where = destination.region or "its region"
        return Refused(REGION_NOT_PERMITTED, f"The use case is not permitted to send to {where}.")
    return None


def _of(use_case: UseCase, pool: _Pool, parcel: Parcel) -> tuple[UseCase, Sequence[Eligible]] | Refused:
    flaw = _flaws(parcel)
    usable = [one for one in pool.able if flaw(one) is None]
    if usable:
        return use_case, usable
    barred = [*pool.barred, *(_Barred(_Bar.OTHER, why) for one in pool.able if (why := flaw(one)))]
    first = min(one.bar for one in barred)
    code, what = _REFUSALS[first]
    return Refused(code, f"{what}: {listed([one.why for one in barred if one.bar is first])}.")


def _judged(number: Number, directory: Directory) -> Eligible | _Barred:
    """Whether `number` may send anything, as far as the directory says."""
    campaign = directory.campaign(number.campaign) if number.campaign else None
    code = unregistered(number, directory)
    if code is not None:
        return _barred(number, campaign, code)
    account = account_of(directory, number)
    if account is Against.SUSPENDED:
        return _Barred(_Bar.OTHER, f"{number.id} is suspended")
    if account is Against.ACCOUNT:
        return _Barred(_Bar.OTHER, f"account {number.account} of {number.id} is not in use")
    counts = tuple(cap.name for cap in caps.of_number(directory, number.id))
    return Eligible(number, account, numbering(number.id), counts, caps.most(directory, number.id))


def unregistered(number: Number, directory: Directory) -> str | None:
    """The code of the refusal where carriers do not let `number` send, as it is registered; else None."""
    campaign = directory.campaign(number.campaign) if number.campaign else None
    brand = directory.brand(campaign.brand) if campaign else None
    if brand is not None and brand.registration is Registration.SUSPENDED:
        return BRAND_SUSPENDED
    if campaign is None or campaign.registration is Registration.PENDING:
        return CAMPAIGN_NOT_VERIFIED if _is_us_long_code(number) else None
    # Who is suspended may not send, from whatever number.
    return None if campaign.registration is Registration.VERIFIED else CAMPAIGN_NOT_VERIFIED


def _barred(number: Number, campaign: Campaign | None, code: str) -> _Barred:
    if campaign is not None and code == BRAND_SUSPENDED:
        return _Barred(_Bar.BRAND, f"brand {campaign.brand} of {number.id}")
    why = f"campaign {number.campaign} of {number.id}" if number.campaign else f"{number.id} has none"
    return _Barred(_Bar.CAMPAIGN, why)


def _is_us_long_code(number: Number) -> bool:
    """Whether it is of a carrier of the United States, or may be: there are newer area codes than we know."""
    return (
        number.number_kind is NumberKind.LONG_CODE
        and number.id.startswith("+1")
        and numbering(number.id).region not in _NOT_OF_US_CARRIERS
    )


def _flaws(parcel: Parcel) -> Callable[[Eligible], str | None]:
    """Tells why a number cannot send `parcel`, None where it can; what a provider takes is asked once."""
    needed = Capability.MMS if parcel.media else Capability.SMS
    beyond: dict[Provider, str | None] = {}

    def flaw(one: Eligible) -> str | None:
        if needed not in one.number.capabilities:
            return f"{one.number.id} cannot send {needed.upper()}"
        if one.most is not None and parcel.segments > one.most:
            return f"{one.number.id} may send {one.most} segments a day, not {parcel.segments}"
        provider = one.account.provider
        if provider not in beyond:
            beyond[provider] = _beyond(provider, parcel)
        what = beyond[provider]
        return None if what is None else f"{provider} of {one.number.id} takes {what}"

    return flaw


def _beyond(provider: Provider, parcel: Parcel) -> str | None:
    """What the provider takes, where `parcel` has more of it."""
    limits = LIMITS[provider]
    too_long = text_too_long(provider, parcel.text, with_media=bool(parcel.media))
    if too_long is not None:
        return f"{too_long.most} {too_long.unit}, not {too_long.has}"
    if limits.media is not None and len(parcel.media) > limits.media:
        return f"{limits.media} media, not {len(parcel.media)}"
    if limits.url is not None and any(len(url) > limits.url for url in parcel.media):
        return f"media URLs of {limits.url} characters"
    return None


def listed(words: Sequence[str]) -> str:
    """`words` in a row; of many the first few."""
    more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return ", ".join(words[:_NAMED]) + more
