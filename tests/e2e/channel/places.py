"""What the tests know of numbers: a few area codes and countries, from the numbering plans themselves."""

from dataclasses import dataclass
from typing import Final

#: Area code -> state or province. Those of a country are in one table.
_UNITED_STATES: Final = {
    "202": "DC", "212": "NY", "213": "CA", "310": "CA", "312": "IL", "415": "CA", "512": "TX", "617": "MA",
    "646": "NY", "773": "IL", "917": "NY",
}  # fmt: skip
_CANADA: Final = {"416": "ON", "604": "BC"}
#: Beginnings of numbers that are landlines for certain.
_LANDLINES: Final = {"+4420": "GB", "+612": "AU"}
#: Beginnings of mobile numbers.
_MOBILES: Final = {"+614": "AU", "+49152": "DE"}


@dataclass(frozen=True)
class Place:
    """Where a number belongs."""

    region: str
    area_code: str | None = None
    state: str | None = None
    landline: bool = False


def place(number: str) -> Place | None:
    """Where `number` belongs; None for one that is in no numbering plan. It must be one that tests use.

    Raises:
        KeyError: it is not.
    """
    if number.startswith("+1999"):  # no such area code
        return None
    if number.startswith(("+1888", "+1800")):
        return Place("US")
    if number.startswith("+1"):
        area_code = number[2:5]
        if area_code in _CANADA:
            return Place("CA", area_code, _CANADA[area_code])
        return Place("US", area_code, _UNITED_STATES[area_code])
    for table, landline in ((_LANDLINES, True), (_MOBILES, False)):
        for beginning, region in table.items():
            if number.startswith(beginning):
                return Place(region, landline=landline)
    raise KeyError(number)
