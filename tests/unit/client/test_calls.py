"""What each call sends, and how what comes is read: unknown fields and words of a newer platform too."""

import json
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

import heliograph
from heliograph import calls
from heliograph.requests import check, encoded
from tests.fakes.records import MESSAGE
from tests.unit.client.calling import Perform
from tests.unit.client.scripted import Says, platform, sent

ID = "d3ffd959-58cb-58ef-b9a9-e638951ee80b"
USE_CASE = "5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10"


def test_paths_are_those_of_the_api() -> None:
    made: list[calls.Call[Any]] = [
        calls.send(MESSAGE),
        calls.send_through({"use_case_id": USE_CASE}),
        calls.status(ID),
        calls.get(uuid.UUID(ID)),
        calls.get_through(ID.upper()),
        calls.cancel(ID),
        calls.queue_stats(None),
        calls.queue_stats("twilio"),
        calls.opt_outs("+12025550143", None, None),
        calls.opt_outs(None, 10, "a b"),
        calls.opt_out("+12025550143", USE_CASE, ""),
        calls.opt_in("+12025550143", None, ""),
        calls.can_send("+14155550100"),
    ]
    assert [(one.method, one.path) for one in made] == [
        ("POST", "/sms/send"),
        ("POST", "/v1/sms/"),
        ("GET", f"/sms/{ID}/status"),
        ("GET", f"/sms/{ID}"),
        ("GET", f"/v1/sms/{ID}"),
        ("DELETE", f"/sms/{ID}"),
        ("GET", "/sms/queue/stats"),
        ("GET", "/sms/queue/stats?provider=twilio"),
        ("GET", "/v1/optouts?number=%2B12025550143"),
        ("GET", "/v1/optouts?limit=10&cursor=a+b"),
        ("POST", "/v1/optouts"),
        ("DELETE", "/v1/optouts?number=%2B12025550143"),
        ("GET", "/v1/sms-compliance/can-send/%2B14155550100"),
    ]


@pytest.mark.parametrize("wrong", ["", "..", "x/y", "1"])
def test_what_is_no_message_id_goes_nowhere(wrong: str) -> None:
    with pytest.raises(ValueError, match="UUID"):
        calls.cancel(wrong)


async def test_the_key_goes_along_and_is_shown_nowhere(perform: Perform) -> None:
    with platform() as found:
        await perform(found.url + "/", "send", **MESSAGE)
    ((method, path, headers, _),) = found.requests
    assert (method, path) == ("POST", "/sms/send")
    assert headers["Authorization"] == "Bearer a-key"
    client = heliograph.Client(found.url, "a-key")
    client.close()
    assert "a-key" not in repr(vars(client))


def test_url_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="HELIOGRAPH_URL"):
        heliograph.Client()
    monkeypatch.setenv("HELIOGRAPH_URL", "http://127.0.0.1:1/")
    with pytest.raises(ValueError, match="HELIOGRAPH_API_KEY"):
        heliograph.AsyncClient()
    monkeypatch.setenv("HELIOGRAPH_API_KEY", "from-there")
    with heliograph.Client() as client:
        assert client._door.url == "http://127.0.0.1:1"
        assert client._door.headers["Authorization"] == "Bearer from-there"


async def test_words_and_fields_of_a_newer_platform_are_read(perform: Perform) -> None:
    newer = sent(ID) | {"provider": "carrier-pigeon", "state": "teleported", "colour": "blue"}
    with platform(Says(200, newer)) as found:
        answer = await perform(found.url, "send", **MESSAGE)
    assert (answer.provider, answer.state) == ("carrier-pigeon", "teleported")
    with platform(Says(200, sent(ID))) as found:
        answer = await perform(found.url, "send", **MESSAGE)
    assert answer.provider is heliograph.Provider.TWILIO
    assert answer.state is None


def test_moments_go_out_in_utc_and_none_is_left_out() -> None:
    at = datetime(2026, 5, 1, 9, tzinfo=timezone(timedelta(hours=2)))
    assert json.loads(
        encoded({"send_at": at, "reference": None, "media_urls": ("https://example.com/",)})
    ) == {
        "send_at": "2026-05-01T07:00:00+00:00",
        "media_urls": ["https://example.com/"],
    }
    with pytest.raises(ValueError, match="offset"):
        encoded({"send_at": at.replace(tzinfo=None)})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"from_phone_number": None}, "one of"),
        ({"use_case_id": USE_CASE}, "one of"),
        ({"from_phone_number": "ACME"}, "from_phone_number"),
        ({"to_phone_number": "2025550143"}, "to_phone_number"),
        ({"to_phone_number": "+12025550143\n"}, "to_phone_number"),
        ({"message": " \n"}, "message"),
        ({"message": "a\0b"}, "message"),
        ({"message": "x" * 1601}, "message"),
        ({"media_urls": "https://example.com/"}, "media_urls"),
        ({"media_urls": ["https://example.com/"] * 11}, "media_urls"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "k" * 257}, "idempotency_key"),
        ({"reference": "r" * 257}, "reference"),
        ({"valid_for": 0}, "valid_for"),
    ],
)
def test_what_no_platform_would_take_is_not_produced(change: dict[str, Any], why: str) -> None:
    check(MESSAGE)
    with pytest.raises(ValueError, match=why):
        check({**MESSAGE, **change})


def test_a_moment_of_a_record_is_exact() -> None:
    from heliograph.records import RecordedStep

    read = RecordedStep.model_validate_json(b'{"status": "sent", "at": 1777544102401}')
    assert read.at == datetime(2026, 4, 30, 10, 15, 2, 401_000, tzinfo=UTC)
    assert RecordedStep.model_validate({"status": "sent", "at": 7}).at.microsecond == 7000
