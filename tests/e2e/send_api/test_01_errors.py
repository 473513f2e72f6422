"""1. Errors: a sentence, the documented status, and the same members in every one of them."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from cli.local.stack import KAFKA, REDIS, Stack
from tests.e2e import world
from tests.e2e.caller import Answer, Api, Phones, accepted, eventually, problem

pytestmark = pytest.mark.e2e
#: Not drawn: tests have the same names in each process of a parallel run.
NOBODYS = "dda3aad7-1e96-4f6a-bd3b-c0b3b78cf050"
E164 = "Invalid to_phone_number format. Use E.164 format (e.g., +1234567890)"
LEFT_OUT: Any = object()


def body(**changes: Any) -> bytes:
    """A good request but for `changes`."""
    fields = {
        "from_phone_number": world.EXAMPLE,
        "to_phone_number": "+12025550100",
        "message": "x",
        **changes,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not LEFT_OUT}).encode()


MALFORMED: dict[str, tuple[bytes, str, str | None]] = {
    "cut off": (body()[:-3], "malformed_json", None),
    "nothing": (b"", "malformed_json", None),
    "a list": (b"[]", "malformed_json", None),
    "null": (b"null", "malformed_json", None),
    "not UTF-8": (b'{"message": "\xff\xfe"}', "malformed_json", None),
    "a form": (b"to_phone_number=%2B12025550100&message=x", "malformed_json", None),
    "no sender": (body(from_phone_number=LEFT_OUT), "missing_field", None),
    "no recipient": (body(to_phone_number=LEFT_OUT), "missing_field", None),
    "no message": (body(message=LEFT_OUT), "missing_field", None),
    "a null recipient": (body(to_phone_number=None), "invalid_field", None),
    "a number for a number": (body(to_phone_number=12025550100), "invalid_field", None),
    "a list for a text": (body(message=["x"]), "invalid_field", None),
    "a word for queue": (body(queue="soon"), "invalid_field", None),
    "one URL for many": (body(media_urls="https://example.com/a.jpg"), "invalid_field", None),
    "a number for a key": (body(idempotency_key=5), "invalid_field", None),
    "valid for no time": (body(valid_for=0), "invalid_field", None),
    "valid for too long": (body(valid_for=48 * 3600 + 1), "invalid_field", None),
    "valid for a word": (body(valid_for="soon"), "invalid_field", None),
    "a local recipient": (body(to_phone_number="(415) 555-0199"), "invalid_recipient", E164),
    "a recipient without plus": (body(to_phone_number="12025550100"), "invalid_recipient", E164),
    "a recipient with a letter": (body(to_phone_number="+1202555O100"), "invalid_recipient", E164),
    "a recipient in other digits": (body(to_phone_number="+١٢٠٢٥٥٥٠١٠٠"), "invalid_recipient", E164),
    "a long recipient": (body(to_phone_number="+1234567890123456"), "invalid_recipient", E164),
    "a recipient with a line": (body(to_phone_number="+12025550100\n"), "invalid_recipient", E164),
    "a local sender": (body(from_phone_number="555-0100"), "invalid_sender", E164.replace("to_", "from_", 1)),
    "an empty message": (body(message=""), "empty_message", None),
    "a blank message": (body(message=" \n\t"), "empty_message", None),
    "1601 characters": (body(message="x" * 1601), "message_too_long", None),
    "NUL": (body(message="a\0b"), "nul_in_message", None),
    "a long key": (body(idempotency_key="k" * 257), "invalid_field", None),
    "an empty key": (body(idempotency_key=""), "invalid_idempotency_key", None),
}


@pytest.mark.parametrize("kind", MALFORMED)
async def test_malformed_input_is_400_with_a_sentence(api: Api, kind: str) -> None:
    sent, code, detail = MALFORMED[kind]
    problem(await api.post(sent), 400, code, detail)


@pytest.mark.parametrize("key", ["k" * 257, '""'])
async def test_a_wrong_key_in_the_header_is_400(api: Api, key: str) -> None:
    problem(await api.post(body(), Idempotency_Key=key), 400, "invalid_idempotency_key")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer nobodys-key", "Basic ZGVtbzpkZW1v", "nobodys-key"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/sms/send"),
        ("GET", f"/sms/{NOBODYS}/status"),
        ("GET", f"/sms/{NOBODYS}"),
        ("DELETE", f"/sms/{NOBODYS}"),
        ("GET", "/sms/queue/stats"),
    ],
)
async def test_who_is_not_known_gets_401(api: Api, method: str, path: str, header: str) -> None:
    answer = await api.call(method, path, data=body(), headers={"Authorization": header})
    problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_suspended_key_is_401(api: Api) -> None:
    answer = await api.as_(world.KEYS["suspended"]).post(body())
    problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_key_does_only_what_its_scopes_say(api: Api) -> None:
    reader, sender = api.as_(world.KEYS["reader"]), api.as_(world.KEYS["sender"])
    message_id = accepted(await sender.post(body()))
    problem(await reader.post(body()), 403, "missing_scope")
    problem(await reader.cancel(message_id), 403, "missing_scope")
    problem(await sender.status(message_id), 403, "missing_scope")
    problem(await sender.whole(message_id), 403, "missing_scope")
    problem(await sender.call("GET", "/sms/queue/stats"), 403, "missing_scope")
    assert (await reader.status(message_id)).status == 200


@pytest.mark.parametrize(
    ("sender", "status", "code", "detail"),
    [
        (
            world.FOREIGN,
            403,
            "wrong_organization",
            "Unauthorized: phone number belongs to different organization",
        ),
        ("+19995550000", 404, "sender_not_found", "No assistant found for phone number +19995550000"),
        (world.UNOWNED, 404, "sender_not_found", f"No assistant found for phone number {world.UNOWNED}"),
        (world.SUSPENDED, 403, "sender_suspended", None),
        (world.OF_SUSPENDED_ASSISTANT, 403, "assistant_suspended", None),
        (world.ON_SUSPENDED_ACCOUNT, 403, "account_unavailable", None),
    ],
)
async def test_a_sender_that_may_not_send(
    api: Api, sender: str, status: int, code: str, detail: str | None
) -> None:
    problem(await api.post(body(from_phone_number=sender)), status, code, detail)


async def test_another_organizations_message_is_not_there(api: Api, globex: Api) -> None:
    message_id = accepted(await api.post(body()))
    for ask in (globex.status, globex.whole, globex.cancel):
        problem(await ask(message_id), 404, "message_not_found", f"Message {message_id} not found")
    await api.delivered(message_id)


async def test_a_message_that_nobody_sent_is_not_there(api: Api) -> None:
    for nobody in (str(uuid.uuid4()), "no-id-at-all"):
        for ask in (api.status, api.whole, api.cancel):
            problem(await ask(nobody), 404, "message_not_found", f"Message {nobody} not found")


async def test_paths_and_methods_that_are_not_there(api: Api) -> None:
    problem(await api.call("GET", "/sms/v9/nothing/here"), 404, "not_found")
    answer = await api.call("GET", "/sms/send/")
    assert answer.status in {404, 405}
    answer = await api.call("PUT", "/sms/send", data=body())
    problem(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


async def _in_pieces() -> AsyncIterator[bytes]:
    """Too much, without saying beforehand how much."""
    yield body()[:-1]
    for _ in range(100):
        yield b" " * 1_000


@pytest.mark.parametrize("told", [True, False])
async def test_a_body_over_the_limit_is_413(api: Api, *, told: bool) -> None:
    data: Any = body(message="x" * 100_000) if told else _in_pieces()
    problem(await api.call("POST", "/sms/send", data=data), 413, "body_too_large")
    accepted(await api.post(body()))  # as large as may be is no matter


async def test_a_provider_that_fails_an_immediate_send_is_500(
    api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    to = handset()
    async with phones.fault({"to": to}, "reject", code="40300"):
        answer = await api.send(world.EXAMPLE, to, "never arrives", queue=False)
    problem(answer, 500, "send_failed", "Failed to send SMS via telnyx")


async def test_a_key_with_other_content_is_422_and_names_the_first(
    api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    key, to = uuid.uuid4().hex, handset()
    first = accepted(await api.send(world.EXAMPLE, to, "the first", idempotency_key=key))
    told = problem(await api.send(world.EXAMPLE, to, "another", idempotency_key=key), 422, "conflict")
    assert told["message_id"] == first
    await api.delivered(first)
    await api.behind(world.EXAMPLE, handset())
    assert [text["text"] for text in await phones.texts(to)] == ["the first"]


async def test_a_keys_own_limit_is_429_and_says_when_to_come_again(api: Api) -> None:
    limited = api.as_(world.KEYS["limited"])
    answers = [await limited.status(str(uuid.uuid4())) for _ in range(3 * world.BURST)]
    assert {answer.status for answer in answers} == {404, 429}
    assert [answer.status for answer in answers[: world.BURST]] == [404] * world.BURST
    for answer in answers:
        if answer.status == 429:
            problem(answer, 429, "rate_limited")
            assert 1 <= int(answer.headers["Retry-After"]) <= 1 + 1 / world.RATE
    problem(await limited.post(body()), 429, "rate_limited")  # whatever is asked
    assert (await api.status(str(uuid.uuid4()))).status == 404  # another key is another's
    await eventually(lambda: limited.status(str(uuid.uuid4())), lambda answer: answer.status == 404)


async def test_a_keys_limit_is_one_over_all_processes(api: Api, second: str) -> None:
    limited = api.as_(world.KEYS["limited-twice"])
    loop = asyncio.get_running_loop()
    began = loop.time()
    answers = await asyncio.gather(
        *(limited.at((limited.url, second)[n % 2]).status(str(uuid.uuid4())) for n in range(10 * world.BURST))
    )
    passed = sum(answer.status == 404 for answer in answers)
    assert world.BURST <= passed <= world.BURST + 1 + world.RATE * (loop.time() - began)
    assert passed + sum(answer.status == 429 for answer in answers) == len(answers)


async def _again(api: Api, sent: bytes, key: str) -> Answer:
    """Repeat a request until it is taken, as a careful caller does."""

    def taken(answer: Answer) -> bool:
        assert answer.status in {200, 409, 503}, answer
        return answer.status == 200

    return await eventually(lambda: api.post(sent, Idempotency_Key=key), taken)


async def test_without_the_brokers_acknowledgement_it_is_503(
    stack: Stack, api: Api, impatient: str, phones: Phones, handset: Callable[[], str]
) -> None:
    key, to = uuid.uuid4().hex, handset()
    sent = body(to_phone_number=to, message="said again")
    broker = stack.child(KAFKA)
    broker.pause()
    try:
        answer = await api.at(impatient).post(sent, Idempotency_Key=key)
    finally:
        broker.resume()
    told = problem(answer, 503, "broker_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert accepted(await _again(api.at(impatient), sent, key)) == told["message_id"]
    await api.delivered(told["message_id"])
    await api.behind(world.EXAMPLE, handset())
    assert len(await phones.texts(to)) == 1


async def test_without_the_ledger_a_key_is_503_and_no_key_goes_on(
    stack: Stack, api: Api, phones: Phones, handset: Callable[[], str]
) -> None:
    key, to = uuid.uuid4().hex, handset()
    sent = body(to_phone_number=to, message="said again")
    ledger = stack.child(REDIS)
    ledger.pause()
    try:
        answer, keyless = await asyncio.gather(
            api.post(sent, Idempotency_Key=key),
            api.post(body(to_phone_number=to, message="without a key")),
        )
    finally:
        ledger.resume()
    problem(answer, 503, "ledger_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    await api.delivered(accepted(keyless))
    await api.delivered(accepted(await _again(api, sent, key)))
    assert sorted(text["text"] for text in await phones.texts(to)) == ["said again", "without a key"]
