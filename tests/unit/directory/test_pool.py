"""The choice of a sender: who may send, who is chosen, who moves when the pool changes."""

from collections import Counter
from collections.abc import Sequence

import pytest

from directory.pool import Choice, Parcel, Standing, able_to_send, choose
from directory.snapshot import Directory
from schemas.directory import Active, AnyEntity, NumberKind, Registration
from schemas.refusals import Refused
from tests.unit.directory.pools import (
    BRAND,
    CAMPAIGN,
    REGISTERED,
    TELNYX,
    USE_CASE,
    directory,
    number,
    parcel,
    pool,
    use_case,
)

#: Two of San Francisco, one of Los Angeles, one of New York, one of London.
SF, SF2, LA, NY, LONDON = "+14155550101", "+14155550102", "+12135550101", "+12125550101", "+447400123456"
AMERICAN = (number(SF), number(SF2), number(LA), number(NY))
SUSPENDED = {"status": Active.SUSPENDED}


def chosen(
    senders: Directory,
    to_number: str = "+14157650001",
    *,
    sticky: str | None = None,
    standing: Standing | None = None,
    tried_accounts: Sequence[str] = (),
    tried_senders: Sequence[str] = (),
) -> Choice:
    found = choose(
        senders,
        "acme",
        USE_CASE,
        parcel(to_number),
        sticky=sticky,
        standing=standing or Standing(),
        tried_accounts=tried_accounts,
        tried_senders=tried_senders,
    )
    assert isinstance(found, Choice), found
    return found


def refused(senders: Directory, what: Parcel | None = None, organization: str = "acme") -> Refused:
    """What both the door and `route` say of it."""
    what = what or parcel()
    found = able_to_send(senders, organization, USE_CASE, what)
    assert isinstance(found, Refused), found
    again = choose(senders, organization, USE_CASE, what, sticky=None, standing=Standing())
    assert again == found
    return found


# ---- geomatch


@pytest.mark.parametrize(
    ("recipient", "rule", "among"),
    [
        ("+14157650001", "geomatch: area code 415; hash: one of 2", {SF, SF2}),
        ("+12137650001", "geomatch: area code 213; the only one", {LA}),
        ("+16197650001", "geomatch: area US-CA; hash: one of 3", {SF, SF2, LA}),  # San Diego
        ("+13057650001", "geomatch: region US; hash: one of 4", {SF, SF2, LA, NY}),  # Miami
        ("+447400654321", "geomatch: region GB; the only one", {LONDON}),
        ("+4915112345678", "geomatch: none is near; hash: one of 5", {SF, SF2, LA, NY, LONDON}),
    ],
)
def test_the_nearest_numbers_come_first(recipient: str, rule: str, among: set[str]) -> None:
    found = chosen(pool(*AMERICAN, number(LONDON)), recipient)
    assert found.reason == rule
    assert found.number.id in among


def test_without_geomatch_all_are_alike() -> None:
    recipients = [f"+1415765{n:04d}" for n in range(60)]
    senders = pool(*AMERICAN, geomatch=False)
    found = [chosen(senders, recipient) for recipient in recipients]
    assert {one.number.id for one in found} == {SF, SF2, LA, NY}
    assert {one.reason for one in found} == {"hash: one of 4"}


def test_the_same_digits_in_another_country_are_no_match() -> None:
    """11 is Buenos Aires, and also the recipient's São Paulo."""
    buenos_aires, campinas = number("+541112345678", campaign=None), number("+5519987654321", campaign=None)
    found = chosen(pool(buenos_aires, campinas), "+5511987654321")
    assert (found.number.id, found.reason) == (campinas.id, "geomatch: region BR; the only one")


# ---- sticky


def test_the_number_that_the_recipient_knows_goes_before_all() -> None:
    senders = pool(*AMERICAN)
    for known in (SF, SF2, LA, NY):
        found = chosen(senders, sticky=known)
        assert (found.number.id, found.reason) == (
            known,
            "sticky: the recipient knows this number of the use case",
        )


@pytest.mark.parametrize(
    "gone",
    [
        pool(*AMERICAN[:3]),
        pool(*AMERICAN[:3], number(NY, **SUSPENDED)),
        pool(*AMERICAN[:3], number(NY, "vg"), others=[TELNYX.model_copy(update={"id": "vg"} | SUSPENDED)]),
        pool(*AMERICAN[:3], number(NY, campaign=None)),
        pool(*AMERICAN, sticky=False),
    ],
)
def test_a_number_that_may_not_send_any_more_is_known_in_vain(gone: Directory) -> None:
    assert chosen(gone, sticky=NY).number.id in {SF, SF2}


def test_a_number_that_must_wait_is_known_in_vain_for_this_message() -> None:
    standing = Standing(used_up=frozenset({f"number:{NY}"}))
    found = chosen(pool(*AMERICAN[:3], number(NY, day_cap=1)), sticky=NY, standing=standing)
    assert found.number.id in {SF, SF2}
    assert f"skipped {NY} (the day cap of number {NY} is used up)" in found.reason
    # All must wait, so it may as well be the one that the recipient knows.
    waits = Standing(open_breakers=frozenset({"tx"}))
    found = chosen(pool(*AMERICAN), sticky=NY, standing=waits)
    assert found.number.id == NY
    assert "all must wait: " in found.reason


# ---- what is passed over


@pytest.mark.parametrize(
    ("standing", "why"),
    [
        (Standing(open_breakers=frozenset({"tx"})), "the breaker of account tx is open"),
        (Standing(used_up=frozenset({f"number:{SF}"})), f"the day cap of number {SF} is used up"),
        (Standing(used_up=frozenset({"campaign:orders"})), "the day cap of campaign orders is used up"),
        (Standing(used_up=frozenset({"brand:acme"})), "the day cap of brand acme is used up"),
    ],
)
def test_what_must_wait_is_passed_over_while_there_are_others(standing: Standing, why: str) -> None:
    free = number("+18335550101", "tw", campaign=None, number_kind=NumberKind.TOLL_FREE)
    capped = [entity.model_copy(update={"day_cap": 1}) for entity in (number(SF), BRAND, CAMPAIGN)]
    found = chosen(pool(number(SF), free, others=capped), standing=standing)
    assert found.number.id == free.id
    assert found.reason.endswith(f"; skipped {SF} ({why})")
    alone = chosen(pool(number(SF), others=capped), standing=standing)
    assert alone.number.id == SF
    assert alone.reason.endswith(f"; all must wait: {SF} ({why})")


def test_a_reason_names_a_few_of_many() -> None:
    many = [number(f"+1415555{n:04d}") for n in range(40)]
    free = number(NY, "tw")
    found = chosen(pool(*many, free), standing=Standing(open_breakers=frozenset({"tx"})))
    assert found.number.id == NY
    assert found.reason.endswith(" and 35 more")


def test_what_has_more_segments_than_a_days_cap_goes_to_another_number() -> None:
    senders = pool(number(SF, day_cap=3), number(LA))
    long = Parcel("+14157650001", "x", (), 4)
    found = choose(senders, "acme", USE_CASE, long, sticky=SF, standing=Standing())
    assert isinstance(found, Choice)
    assert found.number.id == LA
    assert chosen(senders, sticky=SF).number.id == SF
    # A campaign's cap counts likewise.
    capped = pool(number(SF), others=[CAMPAIGN.model_copy(update={"day_cap": 3})])
    nobody = choose(capped, "acme", USE_CASE, long, sticky=None, standing=Standing())
    assert isinstance(nobody, Refused)
    assert (nobody.code, "3 segments a day" in nobody.detail) == ("no_usable_sender", True)


def test_what_was_tried_is_not_chosen_again() -> None:
    senders = pool(number(SF), number(SF2, "tw"), number(LA, "tw"))
    assert chosen(senders, tried_accounts=["tw"]).number.id == SF
    assert chosen(senders, tried_senders=[SF, SF2]).number.id == LA
    assert chosen(senders, sticky=SF, tried_senders=[SF, SF2]).number.id == LA
    assert chosen(senders, tried_senders=[SF], standing=Standing(frozenset({"tw"}))).account.id == "tw"
    nobody = choose(
        senders,
        "acme",
        USE_CASE,
        parcel(),
        sticky=SF,
        standing=Standing(),
        tried_accounts=["tw"],
        tried_senders=[SF],
    )
    assert isinstance(nobody, Refused)
    assert nobody.code == "no_usable_sender"


# ---- refusals, in their order

ALL_WRONG: tuple[AnyEntity, ...] = (
    use_case([SF], regions=("GB",), **SUSPENDED),
    BRAND.model_copy(update={"registration": Registration.SUSPENDED}),
    CAMPAIGN.model_copy(update={"registration": Registration.PENDING}),
    number(SF, **SUSPENDED),
)


def test_the_contracts_refusals_in_the_contracts_order() -> None:
    """Everything is wrong at first; each step mends what was told."""
    case, brand, campaign, suspended = ALL_WRONG
    nowhere, landline, american = parcel("+15550100001"), parcel("+442079460000"), parcel()
    told = [
        refused(directory(*REGISTERED, brand, campaign, suspended), nowhere),
        refused(directory(*REGISTERED, brand, campaign, suspended, case), nowhere, "other"),
        refused(directory(*REGISTERED, brand, campaign, suspended, case), nowhere),
        refused(directory(*REGISTERED, brand, campaign, suspended, use_case([], regions=("GB",))), nowhere),
        refused(directory(*REGISTERED, brand, campaign, suspended, use_case([SF], regions=("GB",))), nowhere),
        refused(
            directory(*REGISTERED, brand, campaign, suspended, use_case([SF], regions=("GB",))), landline
        ),
        refused(
            directory(*REGISTERED, brand, campaign, suspended, use_case([SF], regions=("GB",))), american
        ),
        refused(directory(*REGISTERED, brand, campaign, suspended, use_case([SF])), american),
        refused(directory(*REGISTERED, campaign, suspended, use_case([SF])), american),
        refused(directory(*REGISTERED, suspended, use_case([SF])), american),
    ]
    assert [one.code for one in told] == [
        "use_case_not_found",
        "use_case_not_found",
        "use_case_suspended",
        "no_sender",
        "not_a_number",
        "landline",
        "region_not_permitted",
        "brand_suspended",
        "campaign_not_verified",
        "no_usable_sender",
    ]
    assert all(one.detail.endswith(".") and one.detail[0].isupper() for one in told)
    assert able_to_send(directory(*REGISTERED, number(SF), use_case([SF])), "acme", USE_CASE, parcel()) == [
        number(SF)
    ]


def test_numbers_that_are_gone_or_anothers_are_no_senders() -> None:
    theirs = number(SF, organization="other", campaign=None)
    assert refused(pool(others=[theirs, use_case([SF, SF2])])).code == "no_sender"


@pytest.mark.parametrize("verified", [None, "orders"])
def test_a_long_code_of_the_united_states_needs_a_verified_campaign(verified: str | None) -> None:
    pending = CAMPAIGN.model_copy(update={"registration": Registration.PENDING})
    toll_free = number("+18335550101", campaign=None, number_kind=NumberKind.TOLL_FREE)
    canadian, british = number("+14165550101", campaign=None), number(LONDON, campaign=None)
    senders = pool(number(SF, campaign=verified), toll_free, canadian, british, others=[pending])
    found = able_to_send(senders, "acme", USE_CASE, parcel())
    assert isinstance(found, list)
    assert [one.id for one in found] == [toll_free.id, canadian.id, british.id]
    assert refused(pool(number(SF, campaign=verified), others=[pending])).code == "campaign_not_verified"


@pytest.mark.parametrize(
    ("sender", "may"),
    [
        ("+17875550101", False),  # Puerto Rico
        ("+13405550101", False),  # US Virgin Islands
        ("+16715550101", False),  # Guam
        ("+16705550101", False),  # Northern Mariana Islands
        ("+16847331234", False),  # American Samoa
        ("+12225550101", False),  # an area code that the numbering library does not know
        ("+14165550101", True),  # Toronto
        ("+18765550101", True),  # Jamaica
        ("+447400123456", True),
    ],
)
def test_a_long_code_of_plus_1_is_american_unless_known_otherwise(sender: str, may: bool) -> None:
    senders = pool(number(sender, campaign=None))
    if may:
        assert able_to_send(senders, "acme", USE_CASE, parcel()) == [number(sender, campaign=None)]
    else:
        assert refused(senders).code == "campaign_not_verified"
    assert able_to_send(pool(number(sender)), "acme", USE_CASE, parcel()) == [number(sender)]


def test_a_suspended_campaign_stops_every_number_of_it() -> None:
    suspended = CAMPAIGN.model_copy(update={"registration": Registration.SUSPENDED})
    toll_free = number("+18335550101", number_kind=NumberKind.TOLL_FREE)
    for one in (number(SF), toll_free, number(LONDON), number("+14165550101")):
        assert refused(pool(one, others=[suspended])).code == "campaign_not_verified"
    free = number(LONDON, campaign=None)
    assert able_to_send(pool(toll_free, free, others=[suspended]), "acme", USE_CASE, parcel()) == [free]


def test_a_suspended_brand_stops_every_number_of_its_campaigns() -> None:
    suspended = BRAND.model_copy(update={"registration": Registration.SUSPENDED})
    toll_free = number("+18335550101", number_kind=NumberKind.TOLL_FREE)
    assert refused(pool(number(SF), toll_free, others=[suspended])).code == "brand_suspended"
    free = number(LONDON, campaign=None)
    found = able_to_send(pool(number(SF), free, others=[suspended]), "acme", USE_CASE, parcel())
    assert found == [free]


def test_a_number_that_cannot_send_it_is_out() -> None:
    picture = parcel(media=["https://example.com/a.png"])
    texts_only, both = number(SF, capabilities=["sms"]), number(SF2)
    assert able_to_send(pool(texts_only, both), "acme", USE_CASE, picture) == [both]
    assert refused(pool(texts_only), picture).detail.endswith(f": {SF} cannot send MMS.")
    pictures_only = number(SF, capabilities=["mms"])
    assert refused(pool(pictures_only)).detail.endswith(f": {SF} cannot send SMS.")


def test_a_text_that_its_provider_does_not_take_is_out() -> None:
    long = parcel(text="Ω" * 1600)  # Telnyx sends it as UCS-2: too many parts
    assert able_to_send(pool(number(SF), number(SF2, "tw")), "acme", USE_CASE, long) == [number(SF2, "tw")]
    assert refused(pool(number(SF)), long).detail.endswith(f": telnyx of {SF} takes 10 segments, not 24.")
    many = parcel(media=["https://example.com/a.png"] * 11)
    assert refused(pool(number(SF), number(SF2, "tw")), many).code == "no_usable_sender"
    far = parcel(media=["https://example.com/" + "a" * 2000])
    assert able_to_send(pool(number(SF), number(SF2, "vg")), "acme", USE_CASE, far) == [number(SF2, "vg")]


def test_a_changed_directory_is_judged_anew() -> None:
    before = pool(number(SF), number(SF2))
    after = pool(number(SF, **SUSPENDED), number(SF2))
    assert {chosen(before, f"+1415765{n:04d}").number.id for n in range(40)} == {SF, SF2}
    assert {chosen(after, f"+1415765{n:04d}").number.id for n in range(40)} == {SF2}


# ---- 10,000 recipients over 20 numbers

POOL = [number(f"+1415555{n:04d}") for n in range(100, 120)]
RECIPIENTS = [f"+1415{200 + n // 100:03d}{n % 100:04d}" for n in range(10_000)]


def spread(senders: Directory, remembered: dict[str, str]) -> dict[str, str]:
    """Each recipient's number."""
    return {
        recipient: chosen(senders, recipient, sticky=remembered.get(recipient)).number.id
        for recipient in RECIPIENTS
    }


def test_recipients_keep_their_numbers_spread_evenly_and_only_those_of_a_lost_number_move() -> None:
    first = spread(pool(*POOL), {})
    # With and without the memory.
    assert spread(pool(*POOL), first) == first
    assert spread(pool(*reversed(POOL)), {}) == first
    even = len(RECIPIENTS) / len(POOL)
    assert all(abs(count - even) <= 0.15 * even for count in Counter(first.values()).values())
    assert len(set(first.values())) == len(POOL)

    lost = POOL[7].id
    fewer = pool(*POOL[:7], *POOL[8:])
    for remembered in (first, {}):
        after = spread(fewer, remembered)
        moved = {recipient for recipient in RECIPIENTS if after[recipient] != first[recipient]}
        assert moved == {recipient for recipient, its in first.items() if its == lost}
    # Those who moved spread over all that are left.
    assert len({after[recipient] for recipient in moved}) == len(POOL) - 1


def test_a_new_number_takes_nobody_who_is_remembered_and_only_its_own_of_the_others() -> None:
    before = spread(pool(*POOL[:-1]), {})
    assert spread(pool(*POOL), before) == before
    after = spread(pool(*POOL), {})
    assert {after[recipient] for recipient in RECIPIENTS if after[recipient] != before[recipient]} == {
        POOL[-1].id
    }


def test_a_modulo_of_the_pool_would_move_almost_everybody() -> None:
    """The naive choice."""

    def naive(numbers: Sequence[str], recipient: str) -> str:
        return numbers[int(recipient[1:]) % len(numbers)]

    numbers = [one.id for one in POOL]
    moved = [
        recipient
        for recipient in RECIPIENTS
        if naive(numbers, recipient) != naive(numbers[:7] + numbers[8:], recipient)
    ]
    assert len(moved) > 9_000
