"""`GET /v1/sms-compliance/can-send/{number}`: what stands in the way of one of the caller's numbers."""

from typing import Any, Final

from directory.eligible import unregistered
from directory.senders import Against, account_of
from directory.snapshot import Directory
from ingress.codes import Code
from ingress.problems import Problem
from schemas import refusals
from schemas.directory import OPERATOR, Campaign, Number, Registration

_CAMPAIGN: Final = "A US long code needs a verified campaign"


def can_send(directory: Directory, organization: str, e164: str) -> dict[str, Any] | Problem:
    """Whether `e164` may send through use cases, as far as it is known by itself, and what speaks of it."""
    number = directory.number(e164)
    if number is None or organization not in (number.organization, OPERATOR):
        return Problem(Code.ENTITY_NOT_FOUND, f"There is no number {e164}")
    campaign = directory.campaign(number.campaign) if number.campaign else None
    brand = directory.brand(campaign.brand) if campaign else None
    account = directory.account(number.account)
    against = _against(directory, number, campaign)
    code, reason = against or (None, None)
    return {
        "phone_number": number.id,
        "can_send": against is None,
        "reason_code": code,
        "reason": reason,
        "status": number.status.value,
        "account": account and {"id": account.id, "status": account.status.value},
        "campaign": campaign and {"id": campaign.id, "registration": campaign.registration.value},
        "brand": brand and {"id": brand.id, "registration": brand.registration.value},
    }


def _against(directory: Directory, number: Number, campaign: Campaign | None) -> tuple[str, str] | None:
    """The first thing that stands in its way: a code of refusals, and a sentence."""
    code = unregistered(number, directory)
    if code is not None:
        return code, _unregistered(code, campaign)
    match account_of(directory, number):
        case Against.SUSPENDED as against:
            return against.value, "The number is suspended"
        case Against.ACCOUNT as against:
            return against.value, f"Account {number.account} is not in use"
    return None


def _unregistered(code: str, campaign: Campaign | None) -> str:
    if campaign is None:
        return f"{_CAMPAIGN}; it has none"
    if code == refusals.BRAND_SUSPENDED:
        return f"The registration of brand {campaign.brand} is suspended"
    if campaign.registration is Registration.SUSPENDED:
        return f"The registration of campaign {campaign.id} is suspended"
    return f"{_CAMPAIGN}; {campaign.id} is {campaign.registration}"
