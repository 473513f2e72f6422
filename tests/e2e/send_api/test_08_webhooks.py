"""8. Webhooks: receipts and texts at one path for each provider; texts go to `sms.inbound.v1`, with media."""

import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from cli.local.stack import Stack
from schemas import topics
from schemas.settings import KafkaSettings
from tests.e2e import world
from tests.e2e.caller import Api, Phones, accepted, eventually
from tests.e2e.watch import read_all

pytestmark = pytest.mark.e2e
PROVIDERS = ["twilio", "telnyx", "vonage"]
PICTURE = "https://example.com/cat.jpg"
TEXT = "Where is my parcel? 📦 ¿é"


async def inbound(stack: Stack, handset: str) -> list[dict[str, Any]]:
    """What `sms.inbound.v1` has of a handset."""
    records = await read_all(KafkaSettings(bootstrap_servers=stack.run.kafka), [topics.INBOUND])
    return [record for record in records[topics.INBOUND] if record["from_number"] == handset]


async def until(stack: Stack, handset: str, text: str) -> list[dict[str, Any]]:
    """Wait until it has this text of a handset; all that it has of it."""
    return await eventually(
        lambda: inbound(stack, handset), lambda found: any(record["text"] == text for record in found)
    )


async def callbacks(stack: Stack, api: Api, provider: str, outcome: str) -> float:
    """How many callbacks had this outcome so far."""
    async with api.session.get(f"{stack.run.webhooks}/metrics") as response:
        text = await response.text()
    counted = re.findall(r"^helio_webhooks_callbacks_total\{(.*)\} (\S+)$", text, re.MULTILINE)
    wanted = {f'provider="{provider}"', f'outcome="{outcome}"'}
    return sum(float(value) for labels, value in counted if wanted <= set(labels.split(",")))


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_receipts_and_texts_come_to_the_same_path(
    stack: Stack,
    api: Api,
    phones: Phones,
    senders: dict[str, str],
    handset: Callable[[], str],
    *,
    provider: str,
) -> None:
    number, ours = handset(), senders[provider]
    receipts = await callbacks(stack, api, provider, "taken")
    texts = await callbacks(stack, api, provider, "inbound")
    await api.delivered(accepted(await api.send(ours, number, "Your parcel is here")))
    assert await callbacks(stack, api, provider, "taken") > receipts
    written = await phones.text_us(number, to=ours, text=TEXT, media=[PICTURE])
    assert written.status == 202, written
    (record,) = await until(stack, number, TEXT)
    assert record["type"] == "inbound.v1"
    assert record["id"]
    assert (record["organization"], record["provider"]) == ("acme", provider)
    assert record["account"] == f"{provider}-main"
    assert record["provider_message_id"] == written.body["provider_message_id"]
    assert (record["from_number"], record["to_number"], record["text"]) == (number, ours, TEXT)
    assert [medium["url"] for medium in record["media"]] == [PICTURE]
    assert record["segments"] >= 1
    assert abs(record["received_at"] / 1_000 - time.time()) < 600
    assert await callbacks(stack, api, provider, "inbound") == texts + 1
    # What came in is no message of ours, and told to nobody's handset.
    assert [text["text"] for text in await phones.texts(number)] == ["Your parcel is here"]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_text_without_media_comes_as_it_was_written(
    stack: Stack, phones: Phones, senders: dict[str, str], handset: Callable[[], str], provider: str
) -> None:
    number, text = handset(), ' a=b&c=d+e%20f "q" \\ שלום 👩‍👩‍👧‍👦\nand e\u0301 '
    assert (await phones.text_us(number, to=senders[provider], text=text)).status == 202
    (record,) = await until(stack, number, text)
    assert record["media"] == []


async def test_a_text_belongs_to_who_owns_the_number(
    stack: Stack, phones: Phones, handset: Callable[[], str]
) -> None:
    number = handset()
    for to, text in ((world.GLOBEX["telnyx"], "to globex"), (world.EXAMPLE, "to acme")):
        assert (await phones.text_us(number, to=to, text=text)).status == 202
        found = await until(stack, number, text)
    assert {record["text"]: record["organization"] for record in found} == {
        "to globex": "globex",
        "to acme": "acme",
    }


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_text_that_is_told_thrice_is_one(
    stack: Stack, phones: Phones, senders: dict[str, str], handset: Callable[[], str], provider: str
) -> None:
    number = handset()
    async with phones.fault({"from": number}, "receipts", copies=3):
        await phones.text_us(number, to=senders[provider], text="thrice")
        await until(stack, number, "thrice")
    await phones.text_us(number, to=senders[provider], text="the next")
    found = await until(stack, number, "the next")
    assert len({record["id"] for record in found if record["text"] == "thrice"}) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_forged_text_is_nowhere(
    stack: Stack,
    api: Api,
    phones: Phones,
    senders: dict[str, str],
    handset: Callable[[], str],
    *,
    provider: str,
) -> None:
    number = handset()
    forged = await callbacks(stack, api, provider, "forged")
    async with phones.fault({"from": number}, "receipts", signature="bad", spoiled_attempts=None):
        await phones.text_us(number, to=senders[provider], text="forged")
        await eventually(lambda: callbacks(stack, api, provider, "forged"), lambda counted: counted > forged)
    await phones.text_us(number, to=senders[provider], text="genuine")
    found = await until(stack, number, "genuine")
    assert [record["text"] for record in found] == ["genuine"]


@pytest.mark.parametrize(
    ("method", "provider", "refused"),
    [
        ("POST", "twilio", {403}),
        ("POST", "telnyx", {403}),
        ("POST", "vonage", {403, 503}),  # unsigned: to be sent again signed
        ("GET", "vonage", {403, 503}),
        ("GET", "twilio", {405}),
        ("GET", "telnyx", {405}),
        ("POST", "pigeon", {404}),
    ],
)
async def test_the_documented_paths_are_there_and_take_nothing_unsigned(
    stack: Stack, api: Api, method: str, provider: str, refused: set[int]
) -> None:
    url = f"{stack.run.webhooks}/webhooks/sms/{provider}"
    async with api.session.request(method, url, data=b"{}" if method == "POST" else None) as response:
        assert response.status in refused


async def test_vonage_by_get(
    stack: Stack, api: Api, senders: dict[str, str], handset: Callable[[], str]
) -> None:
    """Signed with the account's secret; the token has the hash of the parameters."""
    number, secret = handset(), (stack.home / "secrets" / "vonage_signature_secret").read_text().strip()
    said = {
        "message_uuid": str(uuid.uuid4()),
        "from": number.removeprefix("+"),
        "to": senders["vonage"].removeprefix("+"),
        "channel": "sms",
        "message_type": "text",
        "text": "by GET, é",
        "timestamp": "2026-11-23T02:00:00.000Z",
    }

    async def get(told: dict[str, str]) -> int:
        signed = json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()
        claims = {
            "iat": int(time.time()),
            "jti": str(uuid.uuid4()),
            "iss": "Vonage",
            "payload_hash": hashlib.sha256(signed).hexdigest(),
            "api_key": "de300001",
        }
        headers = {"Authorization": f"Bearer {jwt.encode(claims, secret, algorithm='HS256')}"}
        url = f"{stack.run.webhooks}/webhooks/sms/vonage"
        async with api.session.get(url, params=told, headers=headers) as response:
            return response.status

    assert await get(said | {"text": "changed on the way"}) == 403
    assert 200 <= await get(said) < 300
    (record,) = await until(stack, number, "by GET, é")
    assert record["provider_message_id"] == said["message_uuid"]
