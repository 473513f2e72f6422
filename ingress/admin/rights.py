"""Who may see and write what of the directory: pure decisions.

The organization that runs Heliograph sees and writes everything. Others see their own, and write what is
theirs to say. What carriers have said of them, and what is an account's to give, is the operator's to write:
accounts, numbers on the operator's accounts, registrations and the limits that come with them.
"""

from typing import Final

from directory.snapshot import Directory
from ingress.admin.flawed import FieldError
from schemas.directory import (
    OPERATOR,
    Account,
    Active,
    AnyEntity,
    ApiKey,
    Brand,
    Campaign,
    Number,
    Organization,
    Registration,
)

_NOT_YOURS: Final = "only the operator may set it"
_REGISTERED: Final = "only the operator may change what is registered with carriers"
#: What carriers say of a registration; the rest of it is the owner's until they have said something.
_CARRIERS: Final = {
    "brand": ("registration", "day_cap"),
    "campaign": ("registration", "rate", "day_cap"),
}


def is_operator(key: ApiKey) -> bool:
    """Whether it is a key of the organization that runs Heliograph."""
    return key.organization == OPERATOR


def may_see(key: ApiKey, entity: AnyEntity) -> bool:
    """Whether the owner of `key` may know of `entity`. Of accounts that is not all that there is to them."""
    if isinstance(entity, Account):
        return is_operator(key) or entity.serves(key.organization)
    return is_operator(key) or entity.organization == key.organization


def beyond(key: ApiKey, directory: Directory, before: AnyEntity | None, after: AnyEntity) -> list[FieldError]:
    """What in the change of `before` (None: it is new) to `after` is not for `key` to write."""
    if is_operator(key):
        return []
    match after:
        case Account():
            return [FieldError("", "accounts are the operator's to write")]
        case Number():
            return _of_number(directory, before, after)
        case Brand() | Campaign():
            return _of_registration(before, after)
        case Organization():
            # A topic is the cluster's to give, and its right to be written to.
            had = isinstance(before, Organization) and before.own_topic
            return [] if after.own_topic == had else [FieldError("own_topic", _NOT_YOURS)]
        case _:
            return []


def may_delete(key: ApiKey, entity: AnyEntity) -> bool:
    """Whether an entity that `key` may see is also its to delete."""
    return is_operator(key) or not isinstance(entity, Account)


def _of_number(directory: Directory, before: AnyEntity | None, after: Number) -> list[FieldError]:
    """A number is given out by whoever has the account that it is on.

    Else anybody could write a number that another organization has there, or will have, and send from it;
    and could send from its own faster than its carrier allows, at the cost of all who share the account.
    """
    account = directory.account(after.account)
    # One that does not exist, or that is another's, is told as a flaw, to everybody alike.
    if (account is None or account.organization != OPERATOR) and (
        before is None or _is_on_own(directory, before)
    ):
        return []
    if not isinstance(before, Number):
        return [FieldError("account", "only the operator gives out numbers on accounts of its own")]
    changed = _changed(before, after)
    if after.status is Active.SUSPENDED:
        changed.discard("status")
    return [FieldError(field, _NOT_YOURS) for field in sorted(changed)]


def _is_on_own(directory: Directory, number: AnyEntity) -> bool:
    account = directory.account(number.account) if isinstance(number, Number) else None
    return account is not None and account.organization == number.organization


def _of_registration(before: AnyEntity | None, after: Brand | Campaign) -> list[FieldError]:
    if isinstance(before, Brand | Campaign) and before.registration is not Registration.PENDING:
        return [FieldError(field, _REGISTERED) for field in sorted(_changed(before, after))]
    fields = type(after).model_fields
    return [
        FieldError(field, _NOT_YOURS)
        for field in _CARRIERS[after.kind]
        if getattr(after, field) != (fields[field].default if before is None else getattr(before, field))
    ]


def _changed(before: AnyEntity, after: AnyEntity) -> set[str]:
    return {name for name in type(after).model_fields if getattr(before, name) != getattr(after, name)}
