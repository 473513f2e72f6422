"""Names that others give, time zones, regions, topics: whether one can be had, as this machine knows it.

Asked where people write, never of what is in the log: other machines know others.
"""

from collections.abc import Iterator
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from phonenumbers import SUPPORTED_REGIONS

from schemas.directory import AnyEntity, Organization, UseCase
from schemas.topics import may_have_own, requests_of

#: Files among the zones that are no zones: whatever the machine is set to, and what it is before that.
_NO_ZONES: Final = frozenset({"localtime", "Factory"})
#: Folders with all of them once more, counted otherwise.
_COPIES: Final = ("posix", "right")


def unknown(entity: AnyEntity) -> Iterator[tuple[str, str]]:
    """The fields of `entity` with a name of nothing, and what is wrong with it."""
    if not isinstance(entity, Organization | UseCase):
        return
    if isinstance(entity, Organization) and entity.own_topic and not may_have_own(entity.id):
        yield "own_topic", f"{requests_of(entity.id)} is another topic of Heliograph"
    zone = entity.quiet_hours.zone if entity.quiet_hours is not None else None
    if zone is not None and zone not in zones():
        yield "quiet_hours.zone", f"{zone} is no time zone (such as Europe/Berlin)"
    for region in entity.regions if isinstance(entity, UseCase) else ():
        if region not in SUPPORTED_REGIONS:
            yield "regions", f"{region} is no region that has phone numbers (such as US; Great Britain is GB)"


@cache
def zones() -> frozenset[str]:
    """The IANA names of time zones. To find them takes some milliseconds, the first time."""
    return frozenset(
        name for name in available_timezones() if name not in _NO_ZONES and not name.startswith(_COPIES)
    )
