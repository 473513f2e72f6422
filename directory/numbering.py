"""What the numbering plans say of a number: whether it exists, what kind it is, and where it belongs.

Facts of libphonenumber's metadata; nobody is asked. A number that was ported keeps the place of its digits.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType, timezone

from directory.areas import AREAS

#: Numbers remembered: parsing one costs some hundred microseconds, and most come several times.
_REMEMBERED: Final = 65_536
_UNKNOWN_ZONE: Final = timezone.UNKNOWN_TIMEZONE
_GEOGRAPHIC: Final = {
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE,
}


@dataclass(frozen=True, slots=True)
class Numbering:
    """What is known of one number by its digits."""

    e164: str
    #: ISO 3166 code of its country; None: of none, or not known.
    region: str | None
    #: The digits that stand for a place, without the country code; None where none do, as in most mobiles.
    area_code: str | None
    #: State or province, as ISO 3166-2 has it, where area codes belong to such (North America); else None.
    area: str | None
    #: Whether the numbering plan of its country has such a number.
    valid: bool
    #: Certainly a landline. In North America digits do not tell it from a mobile: false there.
    landline: bool

    @property
    def zones(self) -> tuple[str, ...]:
        """The IANA time zones that it may be in; none where its digits do not tell."""
        return _zones(self.e164)


@lru_cache(_REMEMBERED)
def numbering(e164: str) -> Numbering:
    """The facts of the number `e164`; what is no phone number at all is not `valid`."""
    parsed = _parsed(e164)
    # Knowing its type is what makes a number valid; asking whether it is would find the type once more.
    kind = PhoneNumberType.UNKNOWN if parsed is None else phonenumbers.number_type(parsed)
    if parsed is None or kind == PhoneNumberType.UNKNOWN:
        return Numbering(e164, region=None, area_code=None, area=None, valid=False, landline=False)
    region = phonenumbers.region_code_for_number(parsed)
    area_code = _area_code(parsed) if kind in _GEOGRAPHIC else None
    return Numbering(
        e164,
        region=region if region != phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY else None,
        area_code=area_code,
        area=AREAS.get(area_code or "") if parsed.country_code == 1 else None,
        valid=True,
        landline=kind == PhoneNumberType.FIXED_LINE,
    )


def _parsed(e164: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(e164)
    except NumberParseException:
        return None


def _area_code(parsed: phonenumbers.PhoneNumber) -> str | None:
    length = 3 if parsed.country_code == 1 else phonenumbers.length_of_geographical_area_code(parsed)
    return phonenumbers.national_significant_number(parsed)[:length] or None


@lru_cache(_REMEMBERED)
def _zones(e164: str) -> tuple[str, ...]:
    parsed = _parsed(e164)
    if parsed is None:
        return ()
    return tuple(zone for zone in timezone.time_zones_for_number(parsed) if zone != _UNKNOWN_ZONE)
