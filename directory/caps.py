"""The day caps that are set, and whose they are; their names are those by which the ledger counts.

What a number sends counts against its own, its campaign's and that one's brand's.
"""

from collections.abc import Iterator

from directory.once import once
from directory.snapshot import Directory
from schemas.caps import Cap
from schemas.directory import AnyEntity, Brand, Campaign, Number


@once
def of_number(directory: Directory, number: str) -> tuple[Cap, ...]:
    """The caps that what `number` (E.164) sends counts against: the number's, its campaign's, its brand's."""
    return tuple(cap for owner in _owners(directory, number) if (cap := _of(owner)) is not None)


def most(directory: Directory, number: str) -> int | None:
    """Most segments that they let `number` send on one day: a message of more never goes. None: no cap."""
    return min((cap.most for cap in of_number(directory, number)), default=None)


@once
def all_of(directory: Directory) -> tuple[Cap, ...]:
    """All that are set."""
    return tuple(cap for entity in directory.entities() if (cap := _of(entity)) is not None)


def _owners(directory: Directory, number: str) -> Iterator[AnyEntity]:
    sender = directory.number(number)
    if sender is None:
        return
    yield sender
    campaign = directory.campaign(sender.campaign) if sender.campaign else None
    if campaign is None:
        return
    yield campaign
    brand = directory.brand(campaign.brand)
    if brand is not None:
        yield brand


def _of(entity: AnyEntity) -> Cap | None:
    match entity:
        case Number() | Campaign() | Brand() if entity.day_cap is not None:
            return Cap(f"{entity.kind}:{entity.id}", entity.day_cap)
    return None
