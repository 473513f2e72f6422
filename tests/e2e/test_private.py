"""A redacting organization's texts through every door and to every end: told nowhere. Nobody's are logged."""

import json
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from confluent_kafka import Producer

from cli.local.stack import Stack
from cli.local.table import SERVICES
from schemas import topics
from schemas.settings import KafkaSettings
from tests.e2e import world
from tests.e2e.caller import DEADLINE, Answer, Api, Phones, accepted, eventually
from tests.e2e.watch import read_all

pytestmark = pytest.mark.e2e
#: In every text of this file, and nowhere else.
MARK = f"mark{uuid4().hex}"
MEDIA = f"https://media.example.com/{MARK}.jpg"
OWN = topics.requests_of("discreet")
TOLD = (topics.STATUS, topics.OPTOUTS)


def text(what: str) -> str:
    return f"{MARK} {what}"


def produce(stack: Stack, topic: str, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": stack.run.kafka})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(DEADLINE) == 0


def request(what: str, sender: str, to: str, **more: Any) -> bytes:
    fields = {"from_phone_number": sender, "to_phone_number": to, "message": text(what), **more}
    return json.dumps(fields).encode()


def shown(answer: Answer) -> dict[str, Any]:
    """What is told of a message; nothing of its text is."""
    assert MARK.encode() not in answer.raw
    assert answer.body["redacted"] is True
    return answer.body


async def test_texts_of_who_redacts_are_told_nowhere(
    stack: Stack, api: Api, phones: Phones, handset: Any
) -> None:
    discreet, to = api.as_(world.KEYS["discreet"]), handset()
    # Over REST, through each provider: at once, queued, with a key and again, and with other content.
    sent = [
        accepted(await discreet.send(sender, to, text("rest"), idempotency_key=f"{MARK}-{number}"))
        for number, sender in enumerate(world.DISCREET)
    ]
    sent.append(accepted(await discreet.send(world.DISCREET[0], to, text("media"), media_urls=[MEDIA])))
    for message_id in sent:
        shown(await discreet.whole(message_id))
        await discreet.delivered(message_id)
        assert shown(await discreet.whole(message_id))["message"] == ""
    again = await discreet.send(world.DISCREET[0], to, text("rest"), idempotency_key=f"{MARK}-0")
    other = await discreet.send(world.DISCREET[0], to, text("other"), idempotency_key=f"{MARK}-0")
    assert (accepted(again), again.replayed, other.status) == (sent[0], True, 422)
    at_once = await discreet.send(world.DISCREET[1], to, text("at once"), queue=False, idempotency_key=MARK)
    assert at_once.body["status"] == "sent"
    # By Kafka: taken, refused, in part unreadable, and other content under a used key.
    good = request("by topic", world.DISCREET[2], to, idempotency_key=f"{MARK}-t", organization="acme")
    produce(
        stack, OWN, good, request("refused", "+19995550100", to), request("mistyped", "+1", to, queue="no")
    )
    await phones.until(to, 6)
    produce(stack, OWN, request("conflict", world.DISCREET[2], to, idempotency_key=f"{MARK}-t"))
    # Providers refuse it in words that quote it, or say what nobody can read.
    faults = (
        {"kind": "reject", "code": "21617", "message": f"'{text('reject')}' is refused, {text('rej')}..."},
        {"kind": "garbled", "body": "html"},
        {"kind": "server_error"},
    )
    for sender, fault in zip(world.DISCREET, faults, strict=True):
        async with phones.fault({"to": (nobody := handset())}, **fault):
            message_id = accepted(await discreet.send(sender, nobody, text(fault["kind"])))
            await eventually(partial(discreet.whole, message_id), tried)
            told = shown(await discreet.whole(message_id))
            assert told["attempts"][0]["detail"] != "" or fault["kind"] == "garbled"
    got = [one["text"] for one in await phones.texts(to)]
    assert sorted(got) == sorted(map(text, ("rest", "rest", "rest", "media", "at once", "by topic")))
    await scanned(stack)


def tried(seen: Answer) -> bool:
    """Whether a hand-over came to something."""
    return bool(seen.body["attempts"])


async def scanned(stack: Stack) -> None:
    """Every byte of the topics that outsiders read, and of the ledger."""
    kafka = KafkaSettings(bootstrap_servers=stack.run.kafka)

    async def codes() -> list[str]:
        records = (await read_all(kafka, [topics.STATUS]))[topics.STATUS]
        mine = [one for one in records if one["organization"] == "discreet"]
        return [one["failure"]["code"] for one in mine if one.get("failure")]

    await eventually(codes, lambda seen: {"sender_not_found", "invalid_field", "conflict"} <= set(seen))
    for name, records in (await read_all(kafka, TOLD, raw=True)).items():
        assert records or name != topics.STATUS
        assert not [one for one in records if MARK.encode() in (one["value"] or b"")], name
    with redis.Redis.from_url(stack.run.redis) as ledger:
        keys = list(ledger.scan_iter(count=1000))
        assert any(b"view" in key for key in keys)
        for key in keys:
            assert MARK.encode() not in key + (ledger.dump(key) or b""), key


async def test_no_log_tells_a_text_at_any_level(stack: Stack, api: Api, phones: Phones, handset: Any) -> None:
    """Of nobody, whether it redacts or not; what is above is in these logs as well."""
    to, sender = handset(), stack.run.senders[0]
    await api.delivered(accepted(await api.send(sender, to, text("good"), media_urls=[MEDIA])))
    bad = (b'{"message": "%s', b'{"message": ["%s"]}', b'{"from_phone_number": "%s"}', b'"%s"')
    for body in bad:
        assert (await api.post(body % MARK.encode())).status == 400
    assert (await api.post(request("x" * 70_000, sender, to))).status == 413
    produce(stack, topics.REQUESTS, *(body % MARK.encode() for body in bad), MARK.encode() + b"\xff")
    assert (await phones.text_us(to, to=sender, text=text("inbound"), media=[MEDIA])).status < 300
    assert (await phones.text_us(to, to=sender, text=text("stop"))).status < 300
    await api.behind(sender, to)
    logs = {name: log(stack, name) for name in SERVICES}
    assert b"DEBUG" in b"".join(logs.values())
    for name, written in logs.items():
        assert written, name
        found = [line[:300] for line in written.splitlines() if MARK.encode() in line]
        assert found == [], name


def log(stack: Stack, name: str) -> bytes:
    return Path(stack.home / "logs" / f"{name}.log").read_bytes()
