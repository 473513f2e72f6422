"""Which number of a use case's pool a message goes out from, and what stands in the way: pure decisions.

Doors refuse by `able_to_send`, `route` chooses by `choose`; docs/routing.md tells the rules to owners.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from directory.eligible import Eligible, Parcel, eligible, listed
from directory.numbering import Numbering, numbering
from directory.snapshot import Directory
from schemas.directory import Account, Number, UseCase
from schemas.refusals import NO_USABLE_SENDER, Refused

__all__ = ["Choice", "Parcel", "Standing", "able_to_send", "choose"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands against senders at this moment, and will pass."""

    #: Accounts that no hand-over goes through: their breaker is open.
    open_breakers: frozenset[str] = frozenset()
    #: Day caps that are used up: `number:<E.164>`, `campaign:<id>`, `brand:<id>`.
    used_up: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Choice:
    """The number, its account, and which rule chose it over which others, in words for operators."""

    number: Number
    account: Account
    reason: str
    #: Something stands against it now, and against all others.
    waits: bool


def able_to_send(
    directory: Directory, organization: str, use_case_id: str, parcel: Parcel
) -> list[Number] | Refused:
    """The numbers of the pool that may send `parcel`, or why none may.

    Refused in this order: for the use case, an empty pool, the destination, then the numbers. What is not in
    the directory (opt-outs, landlines that receipts have told of) is asked elsewhere.
    """
    found = eligible(directory, organization, use_case_id, parcel)
    return found if isinstance(found, Refused) else [one.number for one in found[1]]


def choose(
    directory: Directory,
    organization: str,
    use_case_id: str,
    parcel: Parcel,
    *,
    sticky: str | None,
    standing: Standing,
    tried_accounts: Collection[str] = (),
    tried_senders: Collection[str] = (),
) -> Choice | Refused:
    """The number that `parcel` goes out from, or why none can.

    The one that its recipient knows (`sticky`), else those nearest to the recipient (geomatch); among equals
    rendezvous hashing, so that the same number is found again without any memory, and a change of the pool
    moves only those recipients whose number left, or who come to a new one.

    Args:
        directory: who may send what, as it is now.
        organization: whose message it is.
        use_case_id: whose pool it goes out from.
        parcel: what is to be sent.
        sticky: the number that the recipient last saw from this use case, if any is known.
        standing: what is passed over while there are others; where there are none it is chosen all the
            same, and waits.
        tried_accounts: not chosen again.
        tried_senders: likewise.
    """
    found = eligible(directory, organization, use_case_id, parcel)
    if isinstance(found, Refused):
        return found
    use_case, usable = found
    left = usable
    if tried_senders or tried_accounts:
        left = [
            one
            for one in usable
            if one.number.id not in tried_senders and one.account.id not in tried_accounts
        ]
    if not left:
        return Refused(
            NO_USABLE_SENDER, "Every number of the use case that could send this message has been tried."
        )
    passed_over = _passed_over(left, standing)
    free = [one for one in left if one.number.id not in passed_over] if passed_over else left
    chosen, rule = _best(free or left, use_case, parcel.to_number, sticky)
    return Choice(
        chosen.number, chosen.account, rule + _told(passed_over, all_of_them=not free), waits=not free
    )


def _passed_over(among: Sequence[Eligible], standing: Standing) -> dict[str, str]:
    """The numbers that something stands against, and what."""
    if not standing.open_breakers and not standing.used_up:
        return {}
    return {one.number.id: why for one in among if (why := _against(one, standing)) is not None}


def _against(one: Eligible, standing: Standing) -> str | None:
    """What stands against it now, and will pass."""
    if one.account.id in standing.open_breakers:
        return f"the breaker of account {one.account.id} is open"
    used_up = next((cap for cap in one.caps if cap in standing.used_up), None)
    return None if used_up is None else f"the day cap of {used_up.replace(':', ' ')} is used up"


def _best(
    among: Sequence[Eligible], use_case: UseCase, to_number: str, sticky: str | None
) -> tuple[Eligible, str]:
    """One of `among`, at least one, and the rule that found it."""
    if use_case.sticky and sticky is not None:
        for one in among:
            if one.number.id == sticky:
                return one, "sticky: the recipient knows this number of the use case"
    near, rule = _nearest(among, numbering(to_number)) if use_case.geomatch else (among, "")
    chosen = _heaviest(near, to_number)
    return chosen, f"{rule}hash: one of {len(near)}" if len(near) > 1 else f"{rule}the only one"


def _nearest(among: Sequence[Eligible], destination: Numbering) -> tuple[Sequence[Eligible], str]:
    """Those of the recipient's area code, else of its area, else of its region, else all."""
    region, area_code, area = destination.region, destination.area_code, destination.area
    at_home = [one for one in among if one.place.region == region] if region else []
    near = [one for one in at_home if one.place.area_code == area_code] if area_code else []
    if near:
        return near, f"geomatch: area code {area_code}; "
    near = [one for one in at_home if one.place.area == area] if area else []
    if near:
        return near, f"geomatch: area {area}; "
    return (at_home, f"geomatch: region {region}; ") if at_home else (among, "geomatch: none is near; ")


def _heaviest(among: Sequence[Eligible], recipient: str) -> Eligible:
    """The recipient's own: a pair of recipient and number weighs as good as random, and always the same."""
    salt = recipient.encode() + b" "
    return max(among, key=lambda one: blake2b(salt + one.number.id.encode(), digest_size=8).digest())


def _told(passed_over: dict[str, str], *, all_of_them: bool) -> str:
    if not passed_over:
        return ""
    said = listed([f"{number} ({why})" for number, why in passed_over.items()])
    return f"; all must wait: {said}" if all_of_them else f"; skipped {said}"
