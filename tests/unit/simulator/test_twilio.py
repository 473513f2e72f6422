"""Twilio's Messages resource and status callbacks, against its examples and its own SDK."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from twilio.request_validator import RequestValidator
from twilio.rest.api.v2010.account.message import MessageInstance

from simulator.provider import Attempt
from simulator.twilio.callbacks import pause, split
from tests.unit.simulator.harness import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    HANDSET,
    NUMBER,
    Receiver,
    Sender,
    Simulator,
    Start,
    basic,
)

_MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages"
_KEY = {"Authorization": basic("SK1", "secret")}


async def test_a_created_message_is_queued_and_readable_by_the_sdk(sender: Sender) -> None:
    answer = await sender.twilio(Body="hello" * 40, StatusCallback="http://127.0.0.1:9/hook")
    assert answer.status == 201
    body = await answer.json()
    message = MessageInstance(None, body, account_sid=ACCOUNT_SID)
    assert message.sid
    assert message.sid.startswith("SM")
    assert len(message.sid) == 34
    assert (message.status, message.error_code, message.price) == ("queued", None, None)
    assert (message.num_segments, message.num_media) == ("2", "0")
    assert (message.from_, message.to) == (NUMBER, HANDSET)
    assert message.date_created is not None
    assert message.date_sent is None
    assert message.uri == f"{_MESSAGES}/{message.sid}.json"


async def test_media_make_it_an_mms(sender: Sender) -> None:
    media = ["https://example.com/a.png", "https://example.com/b.png"]
    body = await (await sender.twilio(Body=None, MediaUrl=media)).json()
    assert body["sid"].startswith("MM")
    assert body["num_media"] == "2"
    (text,) = await sender.texts()
    assert text["media"] == media


async def test_a_messaging_service_chooses_the_sender_later(
    config: dict[str, Any], start: Start, rsa_key: Any
) -> None:
    config["accounts"][0]["numbers"] = [NUMBER]
    sender = Sender(await start(), rsa_key)
    body = await (await sender.twilio(From=None, MessagingServiceSid="MG1")).json()
    assert (body["status"], body["from"], body["num_segments"]) == ("accepted", None, "0")
    assert (await sender.texts())[0]["from"] == NUMBER


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"To": None}, 21604),
        ({"To": "4155550100"}, 21211),
        ({"To": "+1415555010x"}, 21211),
        ({"To": NUMBER}, 21211),
        ({"From": None}, 21603),
        ({"From": "+1"}, 21212),
        ({"From": None, "MessagingServiceSid": "MG1"}, 21704),
        ({"Body": None}, 21602),
        ({"Body": ""}, 21602),
        ({"Body": "x" * 1601}, 21617),
        ({"MediaUrl": ["https://example.com/a.png"] * 11}, 21623),
        ({"MediaUrl": ["nowhere"]}, 21620),
        ({"StatusCallback": "/relative"}, 21609),
    ],
)
async def test_a_wrong_request_gets_its_code(sender: Sender, fields: dict[str, Any], code: int) -> None:
    answer = await sender.twilio(**fields)
    body = await answer.json()
    assert (answer.status, body["status"], body["code"]) == (400, 400, code)
    assert body["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert body["message"]
    assert await sender.texts() == []


async def test_a_number_of_somebody_else_is_no_sender(
    config: dict[str, Any], start: Start, rsa_key: Any
) -> None:
    config["accounts"][0]["numbers"] = ["+14155550111"]
    answer = await Sender(await start(), rsa_key).twilio()
    assert (await answer.json())["code"] == 21606


@pytest.mark.parametrize(
    ("user", "password", "status"),
    [
        ("SK1", "secret", 201),
        (ACCOUNT_SID, AUTH_TOKEN, 201),
        ("SK1", AUTH_TOKEN, 401),
        ("SK1", "", 401),
        (ACCOUNT_SID, "secret", 401),
    ],
)
async def test_credentials(sender: Sender, user: str, password: str, status: int) -> None:
    answer = await sender.twilio(authorization=basic(user, password))
    assert answer.status == status
    if status == 401:
        assert (await answer.json())["code"] == 20003


async def test_reads_need_credentials_too(simulator: Simulator) -> None:
    for path in (f"{_MESSAGES}.json", f"{_MESSAGES}/SM1.json"):
        assert (await simulator.get(path)).status == 401


async def test_callbacks_are_signed_over_the_url_without_its_fragment(
    sender: Sender, receiver: Receiver
) -> None:
    # %2B and the unusual order must arrive as they were given, or the signature is another one.
    url = f"{receiver.base}/wh/twilio?m=a%2Bb&x=%C3%A9&a=1"
    sid = (await (await sender.twilio(StatusCallback=f"{url}#rc=5&rp=all")).json())["sid"]
    sent, delivered = await receiver.callbacks(2)
    assert sent.url == delivered.url == url
    for callback, status in ((sent, "sent"), (delivered, "delivered")):
        params = dict(parse_qsl(callback.body.decode(), strict_parsing=True))
        assert (params["MessageStatus"], params["SmsStatus"]) == (status, status)
        assert (params["MessageSid"], params["SmsSid"]) == (sid, sid)
        assert (params["To"], params["From"]) == (HANDSET, NUMBER)
        assert params["AccountSid"] == ACCOUNT_SID
        assert ("RawDlrDoneDate" in params) is (status == "delivered")
        assert "ErrorCode" not in params
        signature = callback.headers["x-twilio-signature"]
        assert RequestValidator(AUTH_TOKEN).validate(url, params, signature)
        assert not RequestValidator("another").validate(url, params, signature)


async def test_a_lookup_follows_the_message(sender: Sender, receiver: Receiver) -> None:
    sid = (await (await sender.twilio(StatusCallback=receiver.base + "/")).json())["sid"]
    await receiver.callbacks(2)
    answer = await sender.simulator.get(f"{_MESSAGES}/{sid}.json", headers=_KEY)
    body = await answer.json()
    assert answer.status == 200
    assert body["status"] == "delivered"
    assert body["date_sent"] is not None
    assert body["price"].startswith("-0.")


async def test_an_unknown_message_is_20404(sender: Sender) -> None:
    message_id = (await (await sender.telnyx()).json())["data"]["id"]
    for sid in ("SM" + "0" * 32, message_id):
        answer = await sender.simulator.get(f"{_MESSAGES}/{sid}.json", headers=_KEY)
        assert (answer.status, (await answer.json())["code"]) == (404, 20404)


async def test_the_list_is_newest_first_filtered_and_paged(sender: Sender, receiver: Receiver) -> None:
    url = f"{receiver.base}/"
    for number in range(3):
        await sender.twilio(Body=f"text {number}", StatusCallback=url)
    await sender.twilio(To="+14155550101", StatusCallback=url)
    await receiver.callbacks(8)

    async def bodies(**query: str) -> list[str]:
        answer = await sender.simulator.get(f"{_MESSAGES}.json", params=query, headers=_KEY)
        assert answer.status == 200
        return [message["body"] for message in (await answer.json())["messages"]]

    assert await bodies(To=HANDSET) == ["text 2", "text 1", "text 0"]
    assert await bodies(To="+14155550101", From=NUMBER) == ["hello"]
    assert await bodies(From="+14155550000") == []
    assert len(await bodies(**{"DateSent>": "2020-01-01"})) == 4
    assert await bodies(**{"DateSent<": "2020-01-01"}) == []
    assert await bodies(DateSent="2020-01-01") == []
    assert len(await bodies(**{"DateSent>": "2020-01-01T00:00:00Z", "To": HANDSET})) == 3
    assert await bodies(To=HANDSET, PageSize="2") == ["text 2", "text 1"]
    answer = await sender.simulator.get(
        f"{_MESSAGES}.json", params={"To": HANDSET, "PageSize": "2"}, headers=_KEY
    )
    following = (await answer.json())["next_page_uri"]
    answer = await sender.simulator.get(following, headers=_KEY)
    page = await answer.json()
    assert [message["body"] for message in page["messages"]] == ["text 0"]
    assert page["next_page_uri"] is None


async def test_a_message_that_was_not_sent_yet_has_no_date_to_be_found_by(sender: Sender) -> None:
    await sender.fault({"kind": "receipts", "delay_ms": 600_000})
    await sender.twilio()
    answer = await sender.simulator.get(f"{_MESSAGES}.json", params={"DateSent>": "2020-01-01"}, headers=_KEY)
    assert (await answer.json())["messages"] == []


async def test_a_failure_has_its_code_and_never_reaches_the_handset(
    sender: Sender, receiver: Receiver
) -> None:
    await sender.fault({"kind": "receipts", "final": "undelivered", "code": "30003"})
    await sender.twilio(StatusCallback=f"{receiver.base}/")
    last = dict(parse_qsl((await receiver.callbacks(2))[-1].body.decode()))
    assert (last["MessageStatus"], last["ErrorCode"]) == ("undelivered", "30003")
    assert await sender.texts() == []


def test_overrides_are_read_from_the_fragment_and_bounded() -> None:
    url, overrides = split("https://example.com/a?b=1#rc=9&rp=5xx,rt&ct=50&tt=20000")
    assert url == "https://example.com/a?b=1"
    assert (overrides.retries, overrides.policies) == (5, frozenset({"5xx", "rt"}))
    assert (overrides.connect, overrides.read, overrides.total) == (0.1, 15.0, 15.0)
    assert split("https://example.com/a")[1].policies == {"ct"}


@pytest.mark.parametrize(
    ("fragment", "outcome", "number", "retried"),
    [
        ("", 500, 1, False),
        ("", "unanswered", 1, False),
        ("", "unreachable", 1, True),
        ("", "unreachable", 2, False),
        ("#rc=5&rp=all", 500, 5, True),
        ("#rc=5&rp=all", 500, 6, False),
        ("#rc=5&rp=all", 403, 1, True),
        ("#rc=5&rp=all", 204, 1, False),
        ("#rc=2&rp=5xx", 404, 1, False),
        ("#rc=2&rp=5xx", 503, 2, True),
        ("#rc=0&rp=all", "unreachable", 1, False),
        ("#rc=5&rp=all&tt=400", 500, 1, False),
    ],
)
def test_retries_are_those_that_were_asked_for(
    attempt: Any, fragment: str, outcome: Any, number: int, retried: bool
) -> None:
    made: Attempt = attempt("twilio", f"https://example.com/{fragment}", number)
    assert (pause(made, outcome, elapsed=0.0) is not None) is retried


async def test_a_retry_carries_the_same_token(sender: Sender, receiver: Receiver) -> None:
    receiver.answers = [500]
    await sender.fault({"kind": "receipts", "final": "none"})
    await sender.twilio(StatusCallback=f"{receiver.base}/#rc=5&rp=all")
    first, second = await receiver.callbacks(2)
    token = "i-twilio-idempotency-token"
    assert first.headers[token] == second.headers[token]
    assert first.body == second.body
