"""One call is one message, whatever becomes of its tries: the same key each time, none after an answer."""

import json
import uuid

import httpx
import pytest

import heliograph
from tests.fakes.records import MESSAGE
from tests.unit.client.calling import QUICK, Perform
from tests.unit.client.scripted import Drops, Hangs, Platform, Says, Step, nobody, platform, problem

NO_PAUSE = {"Retry-After": "0"}
#: What the same key answers a moment later.
PASSING: dict[str, Step] = {
    "in flight": problem(409, "in_flight", NO_PAUSE),
    "rate limited": problem(429, "rate_limited", NO_PAUSE),
    "a fault": problem(500, "internal"),
    "a fault of a proxy": Says(502, b"<html>Bad gateway</html>"),
    "no acknowledgement": problem(503, "broker_unavailable", NO_PAUSE, message_id=str(uuid.uuid4())),
    "too late for a proxy": Says(504, b"-"),
    "too slow for a proxy, which passed it on": Says(408, b"-", takes=True),
    "too early for a proxy": Says(425, b"-"),
    "taken, and the answer lost": Drops(takes=True),
    "taken, and the connection reset": Drops(takes=True, resets=True),
    "taken, and half an answer": Drops(takes=True, halfway=True),
    "dropped": Drops(),
}
#: What stays so.
FINAL: dict[str, tuple[Says, type[heliograph.ApiError]]] = {
    "malformed": (problem(400, "invalid_recipient"), heliograph.RefusedError),
    "no key": (problem(401, "unauthenticated"), heliograph.UnauthenticatedError),
    "no scope": (problem(403, "missing_scope"), heliograph.RefusedError),
    "no sender": (problem(404, "sender_not_found"), heliograph.NotFoundError),
    "another conflict": (problem(409, "id_taken"), heliograph.RefusedError),
    "too large": (problem(413, "body_too_large"), heliograph.RefusedError),
    "conflict": (problem(422, "conflict", message_id="the-first"), heliograph.ConflictError),
    "opted out": (problem(422, "opted_out"), heliograph.RefusedError),
    "the provider's no": (problem(500, "send_failed", reason="no funds"), heliograph.SendFailedError),
    "words of somebody else": (Says(409, {"code": [], "detail": {}}), heliograph.RefusedError),
    "elsewhere": (Says(302, b"-", {"Location": "/login"}), heliograph.RefusedError),
}


@pytest.mark.parametrize("trouble", PASSING)
async def test_the_same_key_again_until_there_is_an_answer(perform: Perform, trouble: str) -> None:
    with platform(PASSING[trouble], PASSING[trouble]) as found:
        sent = await perform(found.url, "send", **MESSAGE)
    assert len(found.keys) == 3
    assert len(set(found.keys)) == 1
    assert found.messages == {found.keys[0]: sent.message_id}


async def test_every_try_is_the_same_bytes(perform: Perform) -> None:
    with platform(*PASSING.values()) as found:
        await perform(found.url, "send", **MESSAGE, retries=heliograph.Retries(tries=20, first_pause=0.001))
    assert len(found.requests) == len(PASSING) + 1
    assert len({body for _, _, _, body in found.requests}) == 1
    assert len(found.messages) == 1


async def test_a_platform_that_took_it_and_hangs_is_asked_again(perform: Perform) -> None:
    with platform(Hangs(takes=True)) as found:
        sent = await perform(found.url, "send", **MESSAGE, timeout_seconds=0.5)
    assert found.messages == {found.keys[0]: sent.message_id}
    assert len(found.keys) == 2


def naive(found: Platform) -> None:
    """As it is written without thinking: again after any trouble, each time a new request."""
    while True:
        try:
            if httpx.post(f"{found.url}/sms/send", json=MESSAGE).is_success:
                return
        except httpx.TransportError:
            continue


def test_a_naive_client_sends_twice() -> None:
    with platform(PASSING["taken, and the answer lost"], PASSING["a fault"]) as found:
        naive(found)
    assert len(found.messages) == 2


@pytest.mark.parametrize("word", FINAL)
async def test_what_is_final_is_not_asked_again(perform: Perform, word: str) -> None:
    says, kind = FINAL[word]
    with platform(says) as found, pytest.raises(heliograph.ApiError) as raised:
        await perform(found.url, "send", **MESSAGE)
    assert type(raised.value) is kind
    assert raised.value.status == says.status
    assert len(found.requests) == 1
    assert raised.value.idempotency_key == found.keys[0]
    if isinstance(says.body, dict) and says.body["code"]:
        assert raised.value.code == says.body["code"]
        assert raised.value.detail == says.body["detail"]
        assert raised.value.message_id == says.body.get("message_id")


async def test_a_success_that_is_not_the_platforms_is_told_and_not_repeated(perform: Perform) -> None:
    says = Says(200, b"<html>Welcome to the hotel</html>")
    with platform(says) as found, pytest.raises(heliograph.UnreadableAnswerError) as raised:
        await perform(found.url, "send", **MESSAGE)
    assert len(found.requests) == 1
    assert raised.value.idempotency_key == found.keys[0]
    assert "hotel" not in str(raised.value)


async def test_the_key_of_the_caller_goes_out(perform: Perform) -> None:
    with platform(Drops()) as found:
        await perform(found.url, "send", **MESSAGE, idempotency_key="order:1 ☀")
    assert found.keys == ["order:1 ☀"] * 2


async def test_two_calls_have_two_keys(perform: Perform) -> None:
    with platform() as found:
        await perform(found.url, "send", **MESSAGE)
        await perform(found.url, "send", **MESSAGE)
    assert len(set(found.keys)) == 2


async def test_who_has_tried_enough_says_with_which_key_to_go_on(perform: Perform) -> None:
    taken = str(uuid.uuid4())
    script = [problem(503, "broker_unavailable", {"Retry-After": "0"}, message_id=taken)] * 3
    few = heliograph.Retries(tries=3, first_pause=0.001)
    with platform(*script) as found, pytest.raises(heliograph.UnavailableError) as raised:
        await perform(found.url, "send", **MESSAGE, retries=few)
    assert len(found.requests) == 3
    assert (raised.value.code, raised.value.message_id) == ("broker_unavailable", taken)
    assert raised.value.idempotency_key == found.keys[0]


async def test_a_wait_beyond_the_deadline_is_not_begun(perform: Perform) -> None:
    limited = problem(429, "rate_limited", {"Retry-After": "3600"})
    with platform(limited) as found, pytest.raises(heliograph.RateLimitedError) as raised:
        await perform(found.url, "send", **MESSAGE)
    assert raised.value.retry_after == 3600
    assert len(found.requests) == 1


async def test_nobody_there(perform: Perform) -> None:
    few = heliograph.Retries(tries=3, first_pause=0.001)
    with pytest.raises(heliograph.NoAnswerError) as raised:
        await perform(nobody(), "send", **MESSAGE, idempotency_key="order:1", retries=few)
    assert raised.value.idempotency_key == "order:1"


async def test_reading_and_cancelling_are_tried_again_too(perform: Perform) -> None:
    message_id = str(uuid.uuid4())
    cancelled = {
        "success": True, "message_id": message_id, "message": "SMS cancelled successfully",
        "previous_status": "queued", "new_status": "cancelled", "state": "cancelled",
    }  # fmt: skip
    with platform(Drops(), problem(503, "ledger_unavailable"), Says(200, cancelled)) as found:
        answer = await perform(found.url, "cancel", message_id)
    assert answer.success
    assert [(method, path) for method, path, _, _ in found.requests] == [("DELETE", f"/sms/{message_id}")] * 3


async def test_a_cancel_whose_first_answer_is_lost_has_succeeded(perform: Perform) -> None:
    message_id = str(uuid.uuid4())
    repeated = {
        "success": False, "message_id": message_id, "message": "Message is already cancelled",
        "previous_status": "cancelled", "new_status": None, "state": "cancelled",
    }  # fmt: skip
    late = repeated | {"message": "Message is already sent", "previous_status": "sent", "state": "sent"}
    with platform(Drops(), Says(200, repeated), Says(200, late)) as found:
        assert (await perform(found.url, "cancel", message_id)).success
        assert not (await perform(found.url, "cancel", message_id)).success


async def test_a_rehearsal_uses_no_key(perform: Perform) -> None:
    answer = {
        "success": True, "dry_run": True, "message": "ok", "provider": "twilio", "account": "main",
        "from_number": "+14155550100", "to_number": "+12025550143", "reason": "asked for",
        "num_segments": 1, "send_at": None, "valid_until": "2026-05-01T09:00:00.000Z",
    }  # fmt: skip
    with platform(Says(200, answer)) as found:
        await perform(found.url, "dry_run", **MESSAGE)
    (request,) = found.requests
    assert json.loads(request[3]) == {**MESSAGE, "dry_run": True}


class TestPauses:
    def test_they_double_up_to_the_longest_less_up_to_half(self) -> None:
        retries = heliograph.Retries(tries=9, deadline=1000, first_pause=1, longest_pause=8)
        full = [retries.pause(tried=n, elapsed=0, chance=0, told=None) for n in range(1, 9)]
        assert full == [1, 2, 4, 8, 8, 8, 8, 8]
        half = [retries.pause(tried=n, elapsed=0, chance=1, told=None) for n in range(1, 9)]
        assert half == [0.5, 1, 2, 4, 4, 4, 4, 4]

    def test_the_platforms_word_is_waited_for_at_least(self) -> None:
        assert QUICK.pause(tried=1, elapsed=0, chance=0, told=7) == 7
        longer = heliograph.Retries().pause(tried=4, elapsed=0, chance=1, told=7)
        assert longer is not None
        assert 7 < longer <= 8

    def test_they_end_with_the_tries_and_with_the_deadline(self) -> None:
        retries = heliograph.Retries(tries=3, deadline=10, first_pause=1)
        assert retries.pause(tried=3, elapsed=0, chance=0, told=None) is None
        assert retries.pause(tried=2, elapsed=7.9, chance=0, told=None) == 2
        assert retries.pause(tried=2, elapsed=8, chance=0, told=None) is None
        assert retries.pause(tried=1, elapsed=0, chance=0, told=10) is None

    def test_thousands_of_tries_do_not_overflow(self) -> None:
        retries = heliograph.Retries(tries=10_000, deadline=1000)
        assert retries.pause(tried=9_000, elapsed=0, chance=0, told=None) == 10

    @pytest.mark.parametrize("wrong", [{"tries": 0}, {"deadline": 0}, {"first_pause": 2, "longest_pause": 1}])
    def test_contradictions_are_refused(self, wrong: dict[str, float]) -> None:
        with pytest.raises(ValueError, match="one try"):
            heliograph.Retries(**wrong)  # type: ignore[arg-type]  # wrong on purpose
