"""Whose day caps count for what a number sends."""

from directory import caps
from directory.once import once
from directory.snapshot import Directory
from schemas.caps import Cap
from tests.unit.directory.pools import BRAND, CAMPAIGN, directory, number

SF, SF2, NY = "+14155550101", "+14155550102", "+12125550101"
CAPPED_BRAND = BRAND.model_copy(update={"day_cap": 2000})
CAPPED_CAMPAIGN = CAMPAIGN.model_copy(update={"day_cap": 500})
OF_SF, OF_CAMPAIGN, OF_BRAND = Cap(f"number:{SF}", 9), Cap("campaign:orders", 500), Cap("brand:acme", 2000)


def test_a_number_counts_against_its_own_its_campaigns_and_that_ones_brands() -> None:
    known = directory(CAPPED_BRAND, CAPPED_CAMPAIGN, number(SF, day_cap=9), number(SF2))
    assert caps.of_number(known, SF) == (OF_SF, OF_CAMPAIGN, OF_BRAND)
    assert caps.of_number(known, SF2) == (OF_CAMPAIGN, OF_BRAND)


def test_what_has_none_counts_against_none() -> None:
    assert caps.of_number(directory(BRAND, CAMPAIGN, number(SF)), SF) == ()
    assert caps.of_number(directory(CAPPED_BRAND, CAMPAIGN, number(SF)), SF) == (OF_BRAND,)
    assert caps.of_number(directory(CAPPED_BRAND, number(SF)), SF) == ()  # who has no campaign has no brand
    assert caps.of_number(directory(number(SF, day_cap=9)), NY) == ()
    assert caps.of_number(directory(number(SF, day_cap=9, campaign=None), CAPPED_BRAND), SF) == (OF_SF,)


def test_a_change_of_the_directory_counts_at_once() -> None:
    assert caps.of_number(directory(number(SF, day_cap=9)), SF) == (OF_SF,)
    assert caps.of_number(directory(number(SF, day_cap=10)), SF) == (Cap(f"number:{SF}", 10),)


def test_all_that_are_set() -> None:
    known = directory(CAPPED_BRAND, CAPPED_CAMPAIGN, number(SF, day_cap=9), number(SF2))
    assert set(caps.all_of(known)) == {OF_SF, OF_CAMPAIGN, OF_BRAND}
    assert len(caps.all_of(known)) == 3


def test_each_question_is_answered_once_for_each_directory() -> None:
    asked = []

    @once
    def owner(known: Directory, e164: str) -> str | None:
        asked.append(e164)
        found = known.number(e164)
        return None if found is None else found.organization

    first, second = directory(number(SF)), directory()
    assert [owner(first, SF), owner(first, SF)] == ["acme", "acme"]
    assert [owner(first, NY), owner(first, NY)] == [None, None]
    assert asked == [SF, NY]
    assert owner(second, SF) is None
