"""The contract of `ProviderPort.ask`: one request at most, and an answer that says no more than is known."""

import json
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

import pytest

from dispatchers.port import (
    Answer,
    ByHandover,
    ById,
    Found,
    NoAnswer,
    NotFound,
    ProviderPort,
    Question,
    Refused,
    Several,
    Standing,
)
from schemas.facts import ReceiptStatus
from schemas.provider import Accepted, Fault, Provider
from schemas.tasks import Task
from tests.contracts.providers import rigs
from tests.contracts.providers.capture import Answer as Answered
from tests.contracts.providers.capture import Behaviour, Capture, Drip, Drop, HangUp, Silence
from tests.contracts.providers.conftest import Connect
from tests.contracts.providers.rigs import HTTP, IMPATIENT, handover, task
from tests.fakes.provider import FakeProvider

TWILIO, TELNYX, VONAGE = Provider
ASKED = (TWILIO, TELNYX)
AT = int(rigs.NOW * 1000)
MINUTE = 60_000
SID, UUID = "SM" + "0" * 32, "40385f64-5717-4562-b3fc-2c963f66afa6"
ID: Mapping[Provider, str] = {TWILIO: SID, TELNYX: UUID, VONAGE: UUID}


def by_handover(asked: Task, still_mine: Callable[[], bool] = lambda: True) -> ByHandover:
    return ByHandover(handover(asked, still_mine), AT - MINUTE, AT + MINUTE)


def row(asked: Task, at: int = AT, sid: str = SID, **more: Any) -> dict[str, Any]:
    """As Twilio lists a message (Message resource, 2010-04-01)."""
    return {
        "sid": sid, "body": asked.text, "to": asked.to_number, "from": asked.sender,
        "num_media": str(len(asked.media)), "num_segments": "1", "status": "queued", "error_code": None,
        "error_message": None, "direction": "outbound-api", "date_created": formatdate(at / 1000),
        "date_sent": None, **more,
    }  # fmt: skip


def page(*rows: Mapping[str, Any], following: str | None = None) -> Answered:
    body = {"messages": rows, "page": 0, "page_size": 200, "next_page_uri": following}
    return Answered(200, json.dumps(body).encode())


def message(**more: Any) -> Answered:
    """As Telnyx shows a message (`GET /v2/messages/{id}`)."""
    data = {
        "id": UUID, "record_type": "message", "parts": 2, "errors": [],
        "to": [{"phone_number": "+14155550199", "status": "queued"}], **more,
    }  # fmt: skip
    return Answered(200, json.dumps({"data": data}).encode())


async def ask(server: Capture, port: ProviderPort, behaviour: Behaviour, question: Question) -> Answer:
    """The answer to one question; one request was written, or none."""
    server.behaviour = behaviour
    before = len(server.requests)
    found = await port.ask(question)
    assert len(server.requests) - before <= 1
    return found


# -- what can go wrong is the same for every question


@pytest.fixture(params=["by id", "by hand-over"])
def question(request: pytest.FixtureRequest) -> Callable[[Provider], Question]:
    if request.param == "by id":
        return lambda provider: ById(ID[provider])
    return lambda provider: by_handover(task(provider))


WRONG: dict[str, Behaviour] = {
    "dropped": Drop(),
    "hung up": HangUp(),
    "empty": Answered(200),
    "html": Answered(200, b"<html>sorry</html>"),
    "object": Answered(200, b"{}"),
    "list": Answered(200, b"[]"),
    "null": Answered(200, b'{"data":null,"messages":null}'),
    "strange rows": Answered(200, b'{"messages":[1],"data":[]}'),
    "binary": Answered(200, b"\xff\xfe"),
    "deep": Answered(200, b"[" * 100_000),
    "cut off": Answered(200, b'{"messages":[]}', cut=3),
    **{str(status): Answered(status, b"<html>no</html>") for status in (301, 408, 500, 502, 503)},
}


@pytest.mark.parametrize("provider", ASKED)
@pytest.mark.parametrize("wrong", WRONG)
async def test_what_cannot_be_read_teaches_nothing(
    server: Capture,
    connected: Connect,
    question: Callable[[Provider], Question],
    provider: Provider,
    wrong: str,
) -> None:
    found = await ask(server, connected(provider), WRONG[wrong], question(provider))
    assert isinstance(found, NoAnswer)


@pytest.mark.parametrize("provider", ASKED)
@pytest.mark.parametrize("behaviour", [Silence(), Drip()])
async def test_an_answer_that_does_not_come_is_not_waited_for(
    server: Capture,
    connected: Connect,
    question: Callable[[Provider], Question],
    provider: Provider,
    behaviour: Behaviour,
) -> None:
    found = await ask(server, connected(provider, IMPATIENT), behaviour, question(provider))
    assert isinstance(found, NoAnswer)


@pytest.mark.parametrize("provider", ASKED)
async def test_too_many_questions_say_for_how_long(
    server: Capture, connected: Connect, question: Callable[[Provider], Question], provider: Provider
) -> None:
    throttled = rigs.error(provider, 429, "", **{"Retry-After": "7"})
    found = await ask(server, connected(provider), throttled, question(provider))
    assert isinstance(found, NoAnswer)
    assert found.retry_after == 7


@pytest.mark.parametrize("provider", ASKED)
@pytest.mark.parametrize("status", [401, 403])
async def test_credentials_that_no_longer_hold_say_nothing_of_the_message(
    server: Capture,
    connected: Connect,
    question: Callable[[Provider], Question],
    provider: Provider,
    status: int,
) -> None:
    found = await ask(server, connected(provider), rigs.error(provider, status, ""), question(provider))
    assert isinstance(found, NoAnswer)


@pytest.mark.parametrize("provider", Provider)
async def test_an_address_where_nobody_listens(connected: Connect, provider: Provider) -> None:
    port = connected(provider, IMPATIENT, "http://127.0.0.1:1")
    assert isinstance(await port.ask(ById(ID[provider])), NoAnswer)


async def test_vonage_cannot_be_asked(
    server: Capture, connected: Connect, question: Callable[[Provider], Question]
) -> None:
    assert isinstance(await ask(server, connected(VONAGE), page(), question(VONAGE)), NoAnswer)
    assert server.requests == []


async def test_the_fake_answers_as_it_is_told() -> None:
    fake = FakeProvider(know=lambda _: Several(2))
    assert await fake.ask(ById("x")) == Several(2)
    assert fake.questions == [ById("x")]


# -- by id


async def test_what_is_asked_by_id_on_the_wire(server: Capture, connected: Connect) -> None:
    await ask(server, connected(TWILIO), Answered(404), ById(SID))
    await ask(server, connected(TELNYX), Answered(404), ById(UUID))
    twilio, telnyx = server.requests
    assert (twilio.method, twilio.target) == (
        "GET", f"/2010-04-01/Accounts/AC{'a' * 32}/Messages/{SID}.json",
    )  # fmt: skip
    assert twilio.headers["authorization"].startswith("Basic ")
    assert (telnyx.method, telnyx.target) == ("GET", f"/v2/messages/{UUID}")
    assert telnyx.headers["authorization"] == "Bearer KEY-telnyx"
    assert "idempotency-key" not in telnyx.headers
    assert (twilio.body, telnyx.body) == (b"", b"")


@pytest.mark.parametrize("provider", ASKED)
async def test_a_message_that_is_not_shown_is_not_found(
    server: Capture, connected: Connect, provider: Provider
) -> None:
    found = await ask(server, connected(provider), rigs.error(provider, 404, "20404"), ById(ID[provider]))
    assert found == NotFound()


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("queued", None),
        ("invented", None),
        ("sent", Standing(ReceiptStatus.SENT)),
        ("delivered", Standing(ReceiptStatus.DELIVERED)),
    ],
)
async def test_what_became_of_it(
    server: Capture, connected: Connect, status: str, standing: Standing | None
) -> None:
    shown = Answered(200, json.dumps(row(task(TWILIO), status=status, num_segments="2")).encode())
    accepted = Accepted(provider_message_id=SID, segments=2)
    assert await ask(server, connected(TWILIO), shown, ById(SID)) == Found(accepted, standing)
    shown = message(to=[{"status": status}])
    accepted = Accepted(provider_message_id=UUID, segments=2)
    assert await ask(server, connected(TELNYX), shown, ById(UUID)) == Found(accepted, standing)


async def test_a_failure_has_its_code_and_fault(server: Capture, connected: Connect) -> None:
    shown = row(task(TWILIO), status="undelivered", error_code=30003, error_message="Unreachable")
    found = await ask(server, connected(TWILIO), Answered(200, json.dumps(shown).encode()), ById(SID))
    expected = Standing(ReceiptStatus.UNDELIVERED, "30003", Fault.RETRYABLE, "Unreachable")
    assert isinstance(found, Found)
    assert found.standing == expected
    error = {"code": "40001", "title": "Not routable", "detail": "A landline"}
    found = await ask(
        server,
        connected(TELNYX),
        message(to=[{"status": "delivery_failed"}], errors=[error]),
        ById(UUID),
    )
    expected = Standing(ReceiptStatus.UNDELIVERED, "40001", Fault.RECIPIENT, "A landline")
    assert isinstance(found, Found)
    assert found.standing == expected


# -- Twilio: by its list


async def listed(server: Capture, connected: Connect, answer: Answered, asked: Task | None = None) -> Answer:
    return await ask(server, connected(TWILIO), answer, by_handover(asked or task(TWILIO)))


async def test_the_list_is_asked_for_by_both_numbers_and_read_once(
    server: Capture, connected: Connect
) -> None:
    await listed(server, connected, page(following="/2010-04-01/more"))
    [request] = server.requests
    path, _, query = request.target.partition("?")
    assert (request.method, path) == ("GET", rigs.PATH[TWILIO])
    # Without a date: what waits at Twilio has no date sent yet.
    assert sorted(query.split("&")) == ["From=%2B14155550100", "PageSize=200", "To=%2B14155550199"]


async def test_the_only_one_that_could_be_it_is_it(server: Capture, connected: Connect) -> None:
    asked = task(TWILIO)
    others = [
        row(asked, sid="SM1", body=asked.text + " "),
        row(asked, sid="SM2", body=asked.text.replace(" ", "  ")),
        row(asked, sid="SM3", body=asked.text.upper()),
        row(asked, sid="SM4", at=AT + 2 * MINUTE),
        row(asked, sid="SM5", at=AT - 2 * MINUTE),
        row(asked, sid="SM6", num_media="1"),
        row(asked, sid="SM7", direction="inbound"),
        row(asked, sid="SM8", to="+14155550198"),
        # As the provider counts, or once it has moved on: it is the same message.
        row(asked, num_segments="3", status="delivered"),
    ]
    found = await listed(server, connected, page(*others))
    expected = Accepted(provider_message_id=SID, segments=3)
    assert found == Found(expected, Standing(ReceiptStatus.DELIVERED))
    assert await listed(server, connected, page(*others[:-1])) == NotFound()


async def test_a_message_with_media_has_as_many(server: Capture, connected: Connect) -> None:
    asked = task(TWILIO, media=("https://example.com/a.png",), text="")
    assert isinstance(await listed(server, connected, page(row(asked)), asked), Found)
    assert await listed(server, connected, page(row(asked, num_media="0")), asked) == NotFound()


async def test_two_that_could_be_it_are_not_told_apart(server: Capture, connected: Connect) -> None:
    asked = task(TWILIO)
    assert await listed(server, connected, page(row(asked), row(asked, sid="SM1"))) == Several(2)


async def test_an_empty_list_finds_nothing(server: Capture, connected: Connect) -> None:
    assert await listed(server, connected, page()) == NotFound()


async def test_a_list_that_may_go_on_within_that_time_teaches_nothing(
    server: Capture, connected: Connect
) -> None:
    """A second one could be on the next page; unless this one, newest first, goes back far enough."""
    asked = task(TWILIO)
    one, older = row(asked), row(asked, sid="SM1", at=AT - 2 * MINUTE)
    assert isinstance(await listed(server, connected, page(one, following="/more")), NoAnswer)
    assert isinstance(await listed(server, connected, page(one, older, following="/more")), Found)
    assert isinstance(await listed(server, connected, page(older, one, following="/more")), NoAnswer)
    undated = row(asked, sid="SM2", date_created="yesterday", body="other")
    assert isinstance(await listed(server, connected, page(one, undated, older, following="/m")), NoAnswer)


@pytest.mark.parametrize("wrong", [{"date_created": None}, {"date_created": "soon"}, {"sid": None}])
async def test_one_without_its_date_or_id_could_be_another(
    server: Capture, connected: Connect, wrong: dict[str, Any]
) -> None:
    assert isinstance(await listed(server, connected, page(row(task(TWILIO)) | wrong)), NoAnswer)


# -- Telnyx: by the same request again


async def test_the_same_request_again_is_the_same_bytes(server: Capture, connected: Connect) -> None:
    """Else it is refused (422), or counts as another message."""
    for text in ("plain", "Grüße & 🙂 more", "x" * 400):
        asked = task(TELNYX, text=text)
        # As the question carries it: written and read as JSON, and as another attempt's task in between.
        again = Task.decode(asked.encode()).model_copy(update={"not_before": 5, "turn": 1})
        server.behaviour = rigs.SUCCESS[TELNYX]
        await connected(TELNYX).send(handover(asked))
        await connected(TELNYX).ask(by_handover(again))
        first, second = server.requests[-2:]
        assert second.body == first.body
        assert (second.method, second.target) == ("POST", rigs.PATH[TELNYX])
        assert second.headers["idempotency-key"] == first.headers["idempotency-key"] == "0" * 32


async def test_a_replayed_success_is_it(server: Capture, connected: Connect) -> None:
    found = await ask(server, connected(TELNYX), rigs.SUCCESS[TELNYX], by_handover(task(TELNYX)))
    assert found == Found(Accepted(provider_message_id="40385f64", segments=2))


@pytest.mark.parametrize(("code", "fault"), [("40310", Fault.RECIPIENT), ("40302", Fault.CONTENT)])
async def test_what_the_request_itself_is_refused_for_held_the_first_time_too(
    server: Capture, connected: Connect, code: str, fault: Fault
) -> None:
    refusal = rigs.error(TELNYX, 400, code)
    found = await ask(server, connected(TELNYX), refusal, by_handover(task(TELNYX)))
    assert isinstance(found, Refused)
    assert found.rejected.fault is fault


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (409, "10027"), (422, "10027"), (401, "10009"), (403, "10010"), (402, "20100"),
        (400, "40300"), (400, "40305"), (400, "40333"), (429, "10011"), (400, "40318"),
    ],
)  # fmt: skip
async def test_what_may_have_come_about_since_says_nothing_of_the_first(
    server: Capture, connected: Connect, status: int, code: str
) -> None:
    """In progress, reused, credentials, an opt-out, the sender's registration, a limit."""
    refusal = rigs.error(TELNYX, status, code)
    found = await ask(server, connected(TELNYX), refusal, by_handover(task(TELNYX)))
    assert isinstance(found, NoAnswer)


async def test_without_leave_nothing_is_written(server: Capture, connected: Connect) -> None:
    question = by_handover(task(TELNYX), lambda: False)
    assert isinstance(await ask(server, connected(TELNYX, HTTP), Drop(), question), NoAnswer)
    assert server.requests == []


@pytest.mark.parametrize("provider", ASKED)
async def test_a_question_is_not_repeated_on_another_connection(
    server: Capture, connected: Connect, provider: Provider
) -> None:
    """HTTP clients do that by themselves with a GET whose kept connection was closed."""
    port = connected(provider)
    assert await ask(server, port, rigs.error(provider, 404, "20404"), ById(ID[provider])) == NotFound()
    assert isinstance(await ask(server, port, Drop(), ById(ID[provider])), NoAnswer)
    assert len(server.requests) == 2
