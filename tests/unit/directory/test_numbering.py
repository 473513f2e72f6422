"""What digits say of a number; the list of states is held to the tables of the numbering library."""

import re
from collections import Counter, defaultdict

import pytest
from phonenumbers.geodata import GEOCODE_DATA

from directory.areas import AREAS
from directory.numbering import numbering


@pytest.mark.parametrize(
    ("e164", "region", "area_code", "area"),
    [
        ("+14157650001", "US", "415", "US-CA"),
        ("+12125550123", "US", "212", "US-NY"),
        ("+14035551234", "CA", "403", "CA-AB"),
        ("+19025551234", "CA", "902", "CA-NS/PE"),
        ("+17875551234", "PR", "787", None),
        ("+18005551234", "US", None, None),
        ("+442079460000", "GB", "20", None),
        ("+447400123456", "GB", None, None),
        ("+493012345678", "DE", "30", None),
        ("+4915112345678", "DE", None, None),
        ("+80012345678", None, None, None),
    ],
)
def test_where_a_number_belongs(
    e164: str, region: str | None, area_code: str | None, area: str | None
) -> None:
    found = numbering(e164)
    assert (found.valid, found.region, found.area_code, found.area) == (True, region, area_code, area)


@pytest.mark.parametrize(
    "e164", ["+15550100001", "+1415", "+999123456789", "14157650001", "", "+1415765000x1"]
)
def test_what_no_numbering_plan_has(e164: str) -> None:
    found = numbering(e164)
    assert (found.valid, found.region, found.area_code, found.landline) == (False, None, None, False)
    assert found.zones == ()


@pytest.mark.parametrize(
    ("e164", "landline"),
    [("+442079460000", True), ("+447400123456", False), ("+493012345678", True), ("+14157650001", False)],
)
def test_only_a_certain_landline_is_one(e164: str, landline: bool) -> None:
    assert numbering(e164).landline is landline


def test_the_zones_that_it_may_be_in() -> None:
    assert numbering("+14157650001").zones == ("America/Los_Angeles",)
    assert numbering("+4915112345678").zones == ("Europe/Berlin",)
    assert "Australia/Perth" in numbering("+61412345678").zones


# ---- the list of states, from the tables that are too large to hold

_SHARED = {
    "Northwest Territories/Nunavut/Yukon": "NT/NU/YT",
    "Nova Scotia/Prince Edward Island": "NS/PE",
    "Washington D.C.": "DC",
    "British Colombia": "BC",
}
_TERRITORIES = {"VI"}
_PROVINCES = {"AB", "BC", "MB", "NB", "NL", "NS/PE", "NT/NU/YT", "ON", "QC", "SK"}


def test_every_area_code_has_the_state_that_the_library_knows() -> None:
    known = {
        prefix[1:]: text["en"] for prefix, text in GEOCODE_DATA.items() if re.fullmatch(r"1\d{3}", prefix)
    }
    cities: dict[str, Counter[str]] = defaultdict(Counter)
    # Some codes stand there only by their cities.
    unnamed: dict[str, Counter[str]] = defaultdict(Counter)
    for prefix, text in GEOCODE_DATA.items():
        if re.fullmatch(r"1\d{4,}", prefix) and (state := _state(text.get("en", ""))):
            cities[known.get(prefix[1:4], "")][state] += 1
            if prefix[1:4] not in known and state not in _TERRITORIES:
                unnamed[prefix[1:4]][state] += 1
    found = {code: states.most_common(1)[0][0] for code, states in unnamed.items()} | {
        code: _SHARED.get(text) or _state(text) or cities[text].most_common(1)[0][0]
        for code, text in known.items()
    }
    assert {
        code: f"{'CA' if state in _PROVINCES else 'US'}-{state}" for code, state in found.items()
    } == AREAS


def _state(text: str) -> str | None:
    """`CA` of `San Francisco, CA`."""
    found = re.search(r", ([A-Z]{2})$", text)
    return found and found[1]
