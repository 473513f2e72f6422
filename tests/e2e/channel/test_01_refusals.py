"""1. What is refused: each row of the contract's table, from the state that causes it, at both doors."""

import json
import uuid
from collections.abc import Callable
from typing import Any, Final

import pytest

from cli.local.stack import Stack
from schemas import topics
from tests.e2e.caller import Phones, problem
from tests.e2e.channel import pools
from tests.e2e.channel.caller import PATH, Channel, produce
from tests.e2e.channel.conftest import Clinic
from tests.e2e.following import following

pytestmark = pytest.mark.e2e
GOOD: Final = "+16175550123"
#: Name -> HTTP status, code, use case, destination.
ROWS: Final = {
    "an unknown use case": (404, "use_case_not_found", pools.UNKNOWN, GOOD),
    "another organization's": (404, "use_case_not_found", pools.FOREIGN, GOOD),
    "a use case at rest": (422, "use_case_suspended", pools.RESTING, GOOD),
    "an empty pool": (422, "no_sender", pools.EMPTY, GOOD),
    "a US long code without a campaign": (422, "campaign_not_verified", pools.WITHOUT_CAMPAIGN, GOOD),
    "a pending campaign": (422, "campaign_not_verified", pools.WITH_PENDING_CAMPAIGN, GOOD),
    "a suspended brand": (422, "brand_suspended", pools.WITH_SUSPENDED_BRAND, GOOD),
    "not a real number": (422, "not_a_number", pools.UPDATES, "+19995550123"),
    "a landline": (422, "landline", pools.ANYWHERE, "+442079460123"),
    "another region": (422, "region_not_permitted", pools.UPDATES, "+61491570006"),
    "no usable number": (422, "no_usable_sender", pools.WITHOUT_USABLE, GOOD),
}


@pytest.mark.parametrize("name", ROWS)
async def test_it_is_refused_over_rest(channel: Channel, name: str) -> None:
    status, code, use_case, to = ROWS[name]
    problem(await channel.send(use_case, to, "not to be sent"), status, code)
    problem(await channel.send(use_case, to, "not to be sent", dry_run=True), status, code)


async def test_a_direct_producer_hears_the_same(stack: Stack, clinic: Clinic, channel: Channel) -> None:  # noqa: ARG001  the directory must be known
    run = uuid.uuid4().hex
    requests = [
        {"use_case_id": use_case, "to_phone_number": to, "message": "no", "reference": f"{run} {name}"}
        for name, (_, _, use_case, to) in ROWS.items()
    ]
    async with following(clinic.kafka) as watch:
        await produce(stack.run.kafka, topics.requests_of(pools.ORGANIZATION), requests)

        def ours() -> dict[str, Any]:
            told = [story.last for story in watch.stories.values()]
            return {
                str(record.get("reference")): record
                for record in told
                if str(record.get("reference")).startswith(run)
            }

        await watch.until(lambda: len(ours()) == len(ROWS), 60)
        for name, (_, code, use_case, _) in ROWS.items():
            record = ours()[f"{run} {name}"]
            assert (record["status"], record["failure"]["code"]) == ("failed", code), name
            assert record["failure"]["detail"]
            assert record["use_case_id"] == use_case
            assert "from_number" not in record


async def test_one_that_was_deleted_is_not_found(
    clinic: Clinic, channel: Channel, person: Callable[..., str]
) -> None:
    use_case, fields = (
        str(uuid.uuid4()),
        clinic.organizations[pools.ORGANIZATION]["use_cases"][pools.ANYWHERE],
    )
    await clinic.apply(pools.changed("use_cases", use_case, fields))
    await channel.until_permitted(use_case)
    await channel.delivered(await channel.sent(use_case, person(), "while it is there"))
    await clinic.apply(pools.directory({pools.ORGANIZATION: {"retired": {"use_cases": [use_case]}}}))
    await channel.until_refused(use_case, "use_case_not_found")


async def test_whoever_opted_out_is_refused_and_told_so(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    to = person()
    answer = await phones.text_us(to, to=pools.ASKING["twilio"], text="Stop")
    assert answer.status == 202
    await channel.until_refused(pools.THROUGH["twilio"], "opted_out", to=to)
    problem(await channel.send(pools.THROUGH["twilio"], to, "no"), 422, "opted_out")
    assert await phones.texts(to) == []


async def test_a_landline_that_a_receipt_told_of_is_remembered(
    channel: Channel, phones: Phones, person: Callable[..., str]
) -> None:
    """Twilio 30006: landline or unreachable carrier."""
    to = person()
    async with phones.fault({"to": to}, "receipts", final="undelivered", code="30006"):
        message_id = await channel.sent(pools.THROUGH["twilio"], to, "to a landline")
        await channel.until(message_id, "undelivered")
    await channel.until_refused(pools.ANYWHERE, "landline", to=to)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"message": ""}, "empty_message"),
        ({"message": "x" * 1601}, "message_too_long"),
        ({"message": None}, "missing_field"),
        ({"use_case_id": None}, "missing_field"),
        ({"use_case_id": "not-a-uuid"}, "invalid_field"),
        ({"to_phone_number": "555 0199"}, "invalid_recipient"),
        ({"send_at": "tomorrow"}, "invalid_field"),
    ],
)
async def test_a_malformed_request_is_422(channel: Channel, changes: dict[str, Any], code: str) -> None:
    good = {"use_case_id": pools.ANYWHERE, "to_phone_number": GOOD, "message": "hello"}
    body = {name: value for name, value in {**good, **changes}.items() if value is not None}
    problem(await channel.api.call("POST", PATH, json=body), 422, code)


async def test_no_json_and_no_key_are_told(channel: Channel) -> None:
    answer = await channel.api.call("POST", PATH, data=b"{", headers={"Content-Type": "application/json"})
    assert answer.status == 422, answer
    problem(answer, 422, "malformed_json")
    stranger = Channel(channel.api.as_("nobodys-key"))
    problem(await stranger.send(pools.ANYWHERE, GOOD, "hello"), 401, "unauthenticated")


async def test_foreign_messages_are_not_found(
    channel: Channel, globex: Any, person: Callable[..., str]
) -> None:
    message_id = await channel.sent(pools.ANYWHERE, person(), "ours")
    for path in (f"{PATH}{message_id}", f"{PATH}{uuid.uuid4()}", f"{PATH}nonsense"):
        problem(await globex.call("GET", path), 404, "message_not_found")
    assert json.loads((await channel.api.call("GET", f"{PATH}{message_id}/")).raw)["id"] == message_id
