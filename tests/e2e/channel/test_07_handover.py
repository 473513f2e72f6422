"""7. What changes while a message waits counts when it is handed over: brand, campaign, numbers, use case."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.caller import Phones
from tests.e2e.channel import pools
from tests.e2e.channel.caller import Channel
from tests.e2e.channel.conftest import Clinic

pytestmark = pytest.mark.e2e
#: Kind, id and changes of an entity; the use case it is about; the code that its message fails with.
CHANGES = [
    ("brands", "shaky", {"registration": "suspended"}, pools.CHANGING, "brand_suspended"),
    ("campaigns", "shaky", {"registration": "pending"}, pools.CHANGING, "campaign_not_verified"),
    ("numbers", pools.SHAKY_FREE, {"status": "suspended"}, pools.CHANGING_NUMBER, "sender_suspended"),
    ("use_cases", pools.CHANGING, {"status": "suspended"}, pools.CHANGING, "use_case_suspended"),
]


@pytest.mark.parametrize(("kind", "name", "fields", "use_case", "code"), CHANGES)
async def test_it_is_not_sent(
    clinic: Clinic, channel: Channel, phones: Phones, person: Callable[..., str],
    *, kind: str, name: str, fields: dict[str, Any], use_case: str, code: str,
) -> None:  # fmt: skip
    to = person()
    await channel.until_permitted(use_case, to)
    moment = datetime.now(UTC) + timedelta(seconds=5)
    message_id = await channel.sent(use_case, to, "not any more", send_at=moment.isoformat())
    async with clinic.change(kind, name, **fields):
        shown = await channel.until(message_id, "failed")
    assert (shown["status"], shown["handed_off_at"]) == ("failed", None)
    assert isinstance(shown["error_code"], int)
    assert code in str(await channel.record(message_id))
    assert await phones.requests(to) == []


async def test_one_that_another_number_may_send_goes_on_with_it(
    clinic: Clinic, channel: Channel, person: Callable[..., str]
) -> None:
    to = person("415")
    moment = datetime.now(UTC) + timedelta(seconds=5)
    message_id = await channel.sent(pools.UPDATES, to, "by another number", send_at=moment.isoformat())
    async with clinic.change("numbers", pools.SAN_FRANCISCO, status="suspended"):
        shown = await channel.delivered(message_id)
    assert shown["from_number"] == pools.LOS_ANGELES
