"""Whether a number may send: each thing that stands in the way, in the order in which sends are refused."""

from textwrap import dedent

import pytest

from directory.snapshot import Directory
from ingress.compliance import can_send
from ingress.problems import Problem
from tests.fakes import world

US, GB, TOLL_FREE = "+14157705500", "+447911123456", "+18005550100"
#: Toll-free, and of the campaign.
REGISTERED_FREE = "+18005550101"


def directory(*, number: str = "", campaign: str = "verified", brand: str = "verified") -> Directory:
    return world.directory(
        dedent(f"""
        organizations:
          operator:
            accounts:
              tw: {{credentials: {{provider: telnyx, api_key: "env:A", public_keys: ["env:A"]}}}}
              out:
                credentials: {{provider: telnyx, api_key: "env:A", public_keys: ["env:A"]}}
                status: suspended
          acme:
            brands: {{inc: {{name: Inc, registration: {brand}}}}}
            campaigns: {{orders: {{brand: inc, use: orders, registration: {campaign}}}}}
            numbers:
              "{US}": {{account: tw, campaign: orders{number}}}
              "+14157705501": {{account: tw}}
              "+14157705502": {{account: out, campaign: orders}}
              "{GB}": {{account: tw}}
              "{TOLL_FREE}": {{account: tw, number_kind: toll_free}}
              "{REGISTERED_FREE}": {{account: tw, number_kind: toll_free, campaign: orders}}
        """)
    )


def test_a_number_that_may() -> None:
    assert can_send(directory(), "acme", US) == {
        "phone_number": US,
        "can_send": True,
        "reason_code": None,
        "reason": None,
        "status": "active",
        "account": {"id": "tw", "status": "active"},
        "campaign": {"id": "orders", "registration": "verified"},
        "brand": {"id": "inc", "registration": "verified"},
    }


@pytest.mark.parametrize("number", [GB, TOLL_FREE])
def test_only_us_long_codes_need_a_campaign(number: str) -> None:
    found = can_send(directory(), "acme", number)
    assert not isinstance(found, Problem)
    assert found["can_send"] is True
    assert found["campaign"] is found["brand"] is None


@pytest.mark.parametrize(
    ("given", "number", "code", "reason"),
    [
        (directory(campaign="pending"), US, "campaign_not_verified", "orders is pending"),
        (directory(campaign="suspended"), US, "campaign_not_verified", "orders is suspended"),
        (directory(campaign="suspended"), REGISTERED_FREE, "campaign_not_verified", "orders is suspended"),
        (directory(), "+14157705501", "campaign_not_verified", "it has none"),
        (directory(brand="suspended"), US, "brand_suspended", "brand inc is suspended"),
        (directory(brand="suspended", campaign="pending"), US, "brand_suspended", "brand inc is suspended"),
        (directory(number=", status: suspended"), US, "sender_suspended", "The number is suspended"),
        (directory(), "+14157705502", "account_unavailable", "Account out is not in use"),
    ],
)
def test_what_stands_in_the_way(given: Directory, number: str, code: str, reason: str) -> None:
    found = can_send(given, "acme", number)
    assert not isinstance(found, Problem)
    assert (found["can_send"], found["reason_code"]) == (False, code)
    assert found["reason"].endswith(reason)


def test_others_numbers_look_as_if_they_were_not_there() -> None:
    absent, others = can_send(directory(), "acme", "+14157705599"), can_send(directory(), "globex", US)
    assert isinstance(absent, Problem)
    assert isinstance(others, Problem)
    assert (absent.status, others.status) == (404, 404)
    assert others.detail == absent.detail.replace("+14157705599", US)
    assert not isinstance(can_send(directory(), "operator", US), Problem)
