"""The routes, in process: what is produced before a 2xx, and every other answer."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import REGISTRY
from starlette.applications import Starlette

from directory.secrets import SecretMissingError
from directory.snapshot import Directory
from schemas.directory import Entry
from schemas.provider import Provider
from schemas.settings import CallbackSettings
from tests.fakes.callbacks import (
    FORM,
    MAC,
    NOW,
    PUBLIC,
    SECRETS,
    SENT,
    TWILIO_TOKEN,
    Post,
    a_text,
    account,
    bare,
    good,
    telnyx_text,
    twilio,
    twilio_text,
    url_of,
    vonage,
    vonage_token,
)
from tests.fakes.webhooks import Broker, Marks, Wishes
from webhooks.app import Parts, make_app
from webhooks.heeding import Consents
from webhooks.inbox import Inbox
from webhooks.keys import Keys
from webhooks.publishing import publisher

LIMIT = 2000
OF_SUB_ACCOUNT = "the-sub-accounts-own"


def resolve(ref: str) -> str:
    if ref == "env:missing":
        raise SecretMissingError(ref)
    return OF_SUB_ACCOUNT if ref == "env:sub" else SECRETS[Provider(ref.removeprefix("env:"))]


def directory() -> Directory:
    accounts = [account(p, f"{p}-main", (f"env:{p}",)) for p in Provider]
    # Another at the same provider, with the same key.
    accounts += [account(Provider.TWILIO, secrets=("env:twilio",), called="AC" + "b" * 32)]
    accounts += [account(Provider.TELNYX, "keyless", ("env:missing",))]
    accounts += [account(Provider.TWILIO, "sub-account", ("env:sub",), called="AC" + "c" * 32)]
    return Directory().after(
        Entry(kind="account", id=one.id, organization="operator", version=1, at=0, entity=one)
        for one in accounts
    )[0]


@pytest.fixture
def broker() -> Broker:
    return Broker()


def app_over(broker: Broker, marks: Marks | None = None) -> Starlette:
    known = directory()
    return make_app(
        Parts(
            directory=lambda: known,
            keys=Keys(resolve),
            publish=publisher(broker.produce, 60),
            inbox=Inbox(broker.produce, marks or Marks(), timeout_seconds=60, patience_seconds=0),
            consents=Consents(broker.produce, Wishes(), lambda: known, lifetime_ms=3_600_000),
            timeout_seconds=60,
            callbacks=CallbackSettings(public_url=PUBLIC + "/", secrets=(MAC,)),
            body_limit_bytes=LIMIT,
            trouble=broker.trouble,
            clock=lambda: NOW * 1000,
        )
    )


@pytest.fixture
async def client(broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    app = app_over(broker)
    # The proxy in front speaks plain HTTP to us, under another name and port.
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://10.0.0.7:8081"
    ) as found:
        yield found


async def send(client: httpx.AsyncClient, post: Post) -> httpx.Response:
    return await client.request(
        post.method, post.url.removeprefix(PUBLIC), headers=dict(post.headers), content=post.body
    )


def at(provider: Provider, name: str | None = None) -> str:
    return url_of(provider, replace(SENT, account=name or f"{provider}-main"))


def counted(provider: Provider, outcome: str) -> float:
    labels = {"provider": provider, "outcome": outcome}
    return REGISTRY.get_sample_value("helio_webhooks_callbacks_total", labels) or 0.0


@pytest.mark.parametrize("provider", Provider)
async def test_a_receipt_is_produced_before_the_204(
    provider: Provider, client: httpx.AsyncClient, broker: Broker
) -> None:
    before = counted(provider, "taken")
    answer = await send(client, good(provider, at(provider)))
    assert (answer.status_code, answer.content) == (204, b"")
    assert [one.provider for one in broker.taken] == [provider]
    assert counted(provider, "taken") == before + 1


@pytest.mark.parametrize("provider", Provider)
async def test_without_the_broker_it_is_503_and_so_comes_again(
    provider: Provider, client: httpx.AsyncClient, broker: Broker
) -> None:
    broker.acknowledges = False
    answer = await send(client, good(provider, at(provider)))
    assert answer.status_code == 503
    assert "broker" in answer.json()["detail"]


@pytest.mark.parametrize("provider", Provider)
async def test_an_account_that_is_unknown_or_of_another_provider_is_403(
    provider: Provider, client: httpx.AsyncClient, broker: Broker
) -> None:
    other = next(p for p in Provider if p is not provider)
    for name in ("nobody", f"{other}-main"):
        assert (await send(client, good(provider, at(provider, name)))).status_code == 403
    bare = await client.post(f"/webhooks/sms/{provider}")
    # Unsigned, as Vonage now and then sends one: it is to come again.
    assert bare.status_code == (503 if provider is Provider.VONAGE else 403)
    assert broker.taken == []


async def test_a_callback_replayed_at_another_account_with_the_same_key_is_403(
    client: httpx.AsyncClient, broker: Broker
) -> None:
    """Both accounts have one auth token; only the MAC tells their URLs apart."""
    genuine = at(Provider.TWILIO)
    moved = genuine.replace("account=twilio-main", "account=main")
    assert (await send(client, twilio(moved))).status_code == 403
    assert broker.taken == []


def channel(name: str = "twilio-main") -> str:
    """Where Twilio is told to report on a message of a use case."""
    return url_of(Provider.TWILIO, replace(SENT, account=name, use_case=True))


async def test_the_channel_apis_address(client: httpx.AsyncClient, broker: Broker) -> None:
    url = channel()
    assert url.startswith(f"{PUBLIC}/v1/webhook/twilio/sms-status?")
    for status in ("sent", "delivered", "delivered", "sent"):  # whatever its order: the fold judges
        answer = await send(client, twilio(url, MessageStatus=status))
        assert (answer.status_code, answer.content) == (204, b"")
    assert [one.status.value for one in broker.taken] == ["sent", "delivered", "delivered", "sent"]


async def test_the_channel_apis_address_wants_the_sub_accounts_own_token(
    client: httpx.AsyncClient, broker: Broker
) -> None:
    for name, token in (("twilio-main", OF_SUB_ACCOUNT), ("sub-account", TWILIO_TOKEN)):
        assert (await send(client, twilio(channel(name), token=token))).status_code == 403
    unsigned = replace(twilio(channel()), headers={"content-type": FORM})
    assert (await send(client, unsigned)).status_code == 403
    assert broker.taken == []
    assert (await send(client, twilio(channel("sub-account"), token=OF_SUB_ACCOUNT))).status_code == 204
    assert [one.account for one in broker.taken] == ["sub-account"]


async def test_the_channel_apis_address_takes_unknown_messages_in_silence(
    client: httpx.AsyncClient, broker: Broker
) -> None:
    """Of a message that we have not sent, so it names no callback of ours: `AccountSid` says whose it is."""
    bare_url, sid = channel().partition("?")[0], "AC" + "c" * 32
    before = counted(Provider.TWILIO, "unknown_message")
    known = twilio(bare_url, token=OF_SUB_ACCOUNT, AccountSid=sid)
    answer = await send(client, known)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await send(client, twilio(bare_url, AccountSid=sid))).status_code == 403
    assert (await send(client, twilio(bare_url))).status_code == 403  # Twilio's all have it
    assert counted(Provider.TWILIO, "unknown_message") == before + 1
    assert broker.taken == []


async def test_http_where_https_was_signed_is_403(client: httpx.AsyncClient) -> None:
    url = at(Provider.TWILIO)
    assert (await send(client, twilio(url, signed_url=url.replace("https:", "http:")))).status_code == 403


async def test_the_signed_query_is_the_raw_one(client: httpx.AsyncClient, broker: Broker) -> None:
    """Decoded and encoded again it would be another text."""
    url = at(Provider.TWILIO) + "&odd=%7e%2F/%20+x"
    assert (await send(client, twilio(url))).status_code == 204
    assert len(broker.taken) == 1


async def test_vonage_by_get(client: httpx.AsyncClient, broker: Broker) -> None:
    said = {"message_uuid": "a", "status": "delivered"}
    token = vonage_token(json.dumps(said, separators=(",", ":")).encode())
    post = Post(
        at(Provider.VONAGE) + "&message_uuid=a&status=delivered",
        {"authorization": f"Bearer {token}"},
        b"",
        "GET",
    )
    assert (await send(client, post)).status_code == 204
    assert broker.taken[0].raw.endswith("message_uuid=a&status=delivered")
    for provider in (Provider.TWILIO, Provider.TELNYX):
        assert (await client.get(f"/webhooks/sms/{provider}")).status_code == 405


async def test_an_unsigned_vonage_callback_is_503(client: httpx.AsyncClient, broker: Broker) -> None:
    post = vonage(url=at(Provider.VONAGE))
    assert (await send(client, Post(post.url, {}, post.body))).status_code == 503
    assert broker.taken == []


async def test_a_missing_secret_is_503_and_not_told_to_strangers(client: httpx.AsyncClient) -> None:
    answer = await send(client, good(Provider.TELNYX, at(Provider.TELNYX, "keyless")))
    assert answer.status_code == 503
    assert "missing" not in answer.text


async def test_a_body_over_the_limit_is_413(client: httpx.AsyncClient, broker: Broker) -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 1000

    url = at(Provider.VONAGE).removeprefix(PUBLIC)
    assert (await client.post(url, content=b"x" * (LIMIT + 1))).status_code == 413
    assert (await client.post(url, content=in_pieces())).status_code == 413
    assert (await client.post(url, content=b"x" * LIMIT)).status_code == 503
    assert broker.taken == []


TWIML = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'


@pytest.mark.parametrize("provider", Provider)
async def test_a_text_is_produced_before_its_answer_and_once(
    provider: Provider, client: httpx.AsyncClient, broker: Broker
) -> None:
    """Keyed by the handset, in CloudEvents' binary mode; Twilio is told to reply nothing."""
    before = [counted(provider, one) for one in ("inbound_unowned", "inbound_repeated")]
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    post = a_text(provider)
    traced = replace(post, headers={**post.headers, "traceparent": parent})
    for _ in range(3):
        answer = await send(client, traced)
        if provider is Provider.TWILIO:
            assert (answer.status_code, answer.content) == (200, TWIML)
            assert answer.headers["content-type"].startswith("text/xml")
        else:
            assert (answer.status_code, answer.content) == (204, b"")
    (text,), (record,) = broker.texts, broker.records
    assert (text.account, text.organization, text.text) == (f"{provider}-main", "operator", "hello")
    assert record.key == text.from_number.encode()
    headers = dict(record.headers)
    assert (headers["ce_type"], headers["ce_id"]) == (b"sms.inbound.v1", text.id.encode())
    assert headers["traceparent"] == parent.encode()
    after = [counted(provider, one) for one in ("inbound_unowned", "inbound_repeated")]
    assert after == [before[0] + 1, before[1] + 2]


@pytest.mark.parametrize("given", ["", "nonsense", "00-" + "0" * 32])
async def test_what_is_no_trace_is_left_out(given: str, client: httpx.AsyncClient, broker: Broker) -> None:
    post = twilio_text()
    await send(client, replace(post, headers={**post.headers, "traceparent": given}))
    assert "traceparent" not in dict(broker.records[0].headers)


@pytest.mark.parametrize("provider", Provider)
async def test_a_text_without_the_broker_is_503_and_comes_again(
    provider: Provider, client: httpx.AsyncClient, broker: Broker
) -> None:
    broker.acknowledges = False
    assert (await send(client, a_text(provider))).status_code == 503
    broker.acknowledges = True
    assert (await send(client, a_text(provider))).is_success
    assert len(broker.texts) == 1


async def test_a_forged_text_is_403(client: httpx.AsyncClient, broker: Broker) -> None:
    named = {provider: f"{bare(provider)}?account={provider}-main" for provider in Provider}
    stale = telnyx_text(named[Provider.TELNYX], at=NOW - 400)
    for post in (twilio_text(token="wrong"), stale):
        assert (await send(client, post)).status_code == 403
    for provider, url in named.items():
        post = a_text(provider, url)
        changed = replace(post, body=post.body.replace(b"hello", b"HELLO"))
        assert (await send(client, changed)).status_code == 403
    assert broker.records == []


async def test_the_broken_key_of_another_account_takes_no_texts_away(
    client: httpx.AsyncClient, broker: Broker
) -> None:
    """Telnyx names no account, so every key is tried; `keyless` has none."""
    assert (await send(client, a_text(Provider.TELNYX))).status_code == 204
    # It might be of that account: then it would be lost by a 403.
    by_another = telnyx_text(key=Ed25519PrivateKey.from_private_bytes(bytes(32)))
    assert (await send(client, by_another)).status_code == 503
    # What no key can have made is of nobody, and no reason to look for one.
    before = counted(Provider.TELNYX, "secret_missing")
    stamped = {"telnyx-signature-ed25519": by_another.headers["telnyx-signature-ed25519"]}
    for forged in (
        telnyx_text(at=NOW - 400),
        replace(by_another, headers={}),
        replace(by_another, headers=stamped | {"telnyx-timestamp": "1" * 5000}),
        replace(by_another, headers={**by_another.headers, "telnyx-signature-ed25519": "aGVsbG8="}),
    ):
        assert (await send(client, forged)).status_code == 403
    assert counted(Provider.TELNYX, "secret_missing") == before
    assert len(broker.texts) == 1


@pytest.mark.parametrize("provider", Provider)
async def test_a_query_that_would_keep_us_busy_is_414(
    provider: Provider, client: httpx.AsyncClient, broker: Broker
) -> None:
    for query in ("&".join(["a"] * 301), "a=" + "x" * 40_000):
        answer = await client.post(f"/webhooks/sms/{provider}?{query}", content=b"")
        assert answer.status_code == 414
    assert (await client.post(f"/webhooks/sms/{provider}?" + "&".join(["a"] * 300))).status_code != 414
    assert broker.records == []


async def test_other_providers_have_no_address(client: httpx.AsyncClient) -> None:
    assert (await client.post("/webhooks/sms/carrier-pigeon")).status_code == 404


async def test_health(client: httpx.AsyncClient, broker: Broker) -> None:
    assert (await client.get("/livez")).status_code == 200
    assert (await client.get("/readyz")).status_code == 200
    broker.acknowledges = False
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/livez")).status_code == 200
    assert "helio_webhooks_answer_seconds" in (await client.get("/metrics")).text
