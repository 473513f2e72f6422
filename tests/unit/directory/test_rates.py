"""At which rates a sender's texts go."""

import pytest

from directory.rates import Rates, of_sender
from tests.unit.directory.pools import BRAND, CAMPAIGN, TELNYX, directory, number

SF, NY = "+14155550101", "+12125550101"
ACCOUNT = TELNYX.model_copy(update={"rate": 50.0})


@pytest.mark.parametrize(
    ("own", "campaign", "least"),
    [(3.0, 8.0, 3.0), (20.0, 8.0, 8.0), (20.0, None, 20.0), (1000.0, 900.0, 50.0)],
)
def test_the_slowest_of_number_campaign_and_account_is_the_senders(
    own: float, campaign: float | None, least: float
) -> None:
    orders = CAMPAIGN.model_copy(update={"rate": campaign})
    known = directory(ACCOUNT, BRAND, orders, number(SF, rate=own))
    assert of_sender(known, SF, ACCOUNT.id) == Rates(sender=least, account=50.0)


def test_a_number_that_is_gone_goes_as_its_account_does_and_without_that_nobody_knows() -> None:
    known = directory(ACCOUNT, BRAND, CAMPAIGN, number(SF))
    assert of_sender(known, NY, ACCOUNT.id) == Rates(sender=50.0, account=50.0)
    assert of_sender(known, SF, "gone") is None
