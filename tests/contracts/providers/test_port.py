"""The contract of `ProviderPort`: one POST at most, and an outcome that says no more than is known.

All three adapters run it over a real socket, and the fake that other tests use in their place.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from dispatchers.port import ProviderPort
from schemas.provider import Accepted, Ambiguous, Fault, Outcome, Provider, Rejected, Throttled, Unavailable
from schemas.settings import DispatchSettings
from tests.contracts.providers import rigs
from tests.contracts.providers.capture import Answer, Behaviour, Capture, Drip, Drop, HangUp, Silence, capture
from tests.contracts.providers.conftest import Connect
from tests.contracts.providers.rigs import HTTP, IMPATIENT, Claim, handover, task
from tests.fakes.provider import FakeProvider


@dataclass
class Rig:
    """One implementation and what it did."""

    provider: Provider
    #: Makes the provider behave so, and tells the fake what that comes to.
    behave: Callable[[Behaviour, Outcome], None]
    port: Callable[[DispatchSettings], ProviderPort]
    #: How many POSTs were made.
    posts: Callable[[], int]


@pytest.fixture(params=[*Provider, "fake"])
def rig(request: pytest.FixtureRequest, server: Capture, connected: Connect) -> Rig:
    if request.param == "fake":
        fake = FakeProvider()

        def tell(_: Behaviour, outcome: Outcome) -> None:
            fake.answer = lambda _: outcome

        return Rig(Provider.TWILIO, tell, lambda _: fake, lambda: len(fake.posts))
    provider: Provider = request.param

    def behave(behaviour: Behaviour, _: Outcome) -> None:
        server.behaviour = behaviour

    return Rig(provider, behave, lambda http: connected(provider, http), lambda: len(server.requests))


SOME: dict[str, Outcome] = {
    "accepted": Accepted(provider_message_id="x"),
    "rejected": Rejected(fault=Fault.RECIPIENT, detail="no"),
    "throttled": Throttled(retry_after=7.0),
    "ambiguous": Ambiguous(detail="who knows"),
    "unavailable": Unavailable(detail="no way"),
}
RECIPIENT_CODE = {Provider.TWILIO: "21211", Provider.TELNYX: "40310", Provider.VONAGE: "1170"}


async def outcome_of(rig: Rig, behaviour: Behaviour, kind: str, http: DispatchSettings = HTTP) -> Outcome:
    """What one hand-over comes to, having made exactly one POST and asked for the claim exactly once."""
    rig.behave(behaviour, SOME[kind])
    port = rig.port(http)
    claim = Claim()
    found = await port.send(handover(task(rig.provider), claim.still_mine))
    while isinstance(found, Unavailable) and http is IMPATIENT:
        # This machine was too busy to send in that time.
        assert rig.posts() == 0
        found = await port.send(handover(task(rig.provider), claim.still_mine))
    assert rig.posts() == 1
    assert claim.asked == 1
    assert found.kind == kind, found
    return found


async def test_an_accepted_message_has_the_providers_id(rig: Rig) -> None:
    found = await outcome_of(rig, rigs.SUCCESS[rig.provider], "accepted")
    assert isinstance(found, Accepted)
    assert found.provider_message_id


async def test_a_refused_number_is_the_recipients_fault(rig: Rig) -> None:
    answer = rigs.error(rig.provider, 400, RECIPIENT_CODE[rig.provider])
    found = await outcome_of(rig, answer, "rejected")
    assert isinstance(found, Rejected)
    assert found.fault is Fault.RECIPIENT


async def test_too_many_requests_is_throttled_and_says_for_how_long(rig: Rig) -> None:
    answer = rigs.error(rig.provider, 429, "", **{"Retry-After": "7"})
    found = await outcome_of(rig, answer, "throttled")
    assert isinstance(found, Throttled)
    assert found.retry_after == 7


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_a_server_error_says_nothing(rig: Rig, status: int) -> None:
    await outcome_of(rig, Answer(status, b"<html>sorry</html>", {"Retry-After": "1"}), "ambiguous")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>ok</html>",
        b"{}",
        b"[]",
        b"null",
        b'{"data":null}',
        b'"x"',
        b"\xff\xfe",
        b'{"sid":',
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/html; charset=nonsense"])
async def test_a_success_that_names_no_message_says_nothing(rig: Rig, body: bytes, content_type: str) -> None:
    await outcome_of(rig, Answer(200, body, {"Content-Type": content_type}), "ambiguous")


async def test_a_sentence_cut_through_an_emoji_can_be_told(rig: Rig) -> None:
    """Half a surrogate pair is legal JSON, and no record of ours could hold it."""
    half = "cut \ud83d"
    errors = [{"code": "40310", "title": half, "detail": half}]  # Telnyx; the others have it at the top
    body = json.dumps({"code": 21211, "title": half, "message": half, "detail": half, "errors": errors})
    answer = Answer(400, body.encode(), {"Content-Type": "application/json"})
    outcome = await outcome_of(rig, answer, "rejected")
    assert outcome.encode()


async def test_a_redirect_is_not_followed(rig: Rig, server: Capture) -> None:
    await outcome_of(rig, Answer(307, b"", {"Location": f"{server.url}/elsewhere"}), "ambiguous")


async def test_a_connection_dropped_after_the_request_was_read(rig: Rig) -> None:
    await outcome_of(rig, Drop(), "ambiguous")


async def test_an_answer_that_breaks_off(rig: Rig) -> None:
    whole = rigs.SUCCESS[rig.provider]
    await outcome_of(rig, Answer(whole.status, whole.body, cut=10), "ambiguous")


async def test_no_answer_in_time(rig: Rig) -> None:
    await outcome_of(rig, Silence(), "ambiguous", IMPATIENT)


async def test_an_answer_in_drops_is_no_answer_in_time(rig: Rig) -> None:
    """A limit on each read would wait for a body of one byte now and then for ever."""
    await outcome_of(rig, Drip(), "ambiguous", IMPATIENT)


async def test_a_lost_claim_sends_nothing(rig: Rig) -> None:
    rig.behave(rigs.SUCCESS[rig.provider], SOME["accepted"])
    port = rig.port(HTTP)
    claim = Claim(holds=False)
    found = await port.send(handover(task(rig.provider), claim.still_mine))
    assert isinstance(found, Unavailable)
    assert claim.asked == 1
    assert rig.posts() == 0
    # Nor does what was prepared for it leave later, and the next one does.
    assert isinstance(await port.send(handover(task(rig.provider))), Accepted)
    assert rig.posts() == 1


async def test_many_at_once_are_each_sent_once(rig: Rig) -> None:
    rig.behave(rigs.SUCCESS[rig.provider], SOME["accepted"])
    port = rig.port(HTTP)
    found = await asyncio.gather(
        *(port.send(handover(task(rig.provider), nonce=f"{n:032}")) for n in range(40))
    )
    assert {one.kind for one in found} == {"accepted"}
    assert rig.posts() == 40


class Broken:
    """A claim that cannot be asked for."""

    def still_mine(self) -> bool:
        raise ZeroDivisionError


async def test_our_own_faults_escape(rig: Rig) -> None:
    rig.behave(rigs.SUCCESS[rig.provider], SOME["accepted"])
    port = rig.port(HTTP)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - an SDK may wrap it
        await port.send(handover(task(rig.provider), Broken().still_mine))
    assert isinstance(caught.value.__cause__ or caught.value, ZeroDivisionError)
    assert rig.posts() == 0


@pytest.mark.parametrize("provider", Provider)
async def test_a_connection_closed_before_anything_is_read_is_ambiguous(
    provider: Provider, server: Capture, connected: Connect
) -> None:
    """It was there, so the request may have been read: only the server knows."""
    server.behaviour = HangUp()
    port = connected(provider)
    found = await port.send(handover(task(provider)))
    assert found.kind in {"ambiguous", "unavailable"}
    assert server.connections == 1


@pytest.mark.parametrize("provider", Provider)
async def test_a_refused_connection_never_left(
    provider: Provider, server: Capture, connected: Connect
) -> None:
    async with capture() as gone:
        nowhere = gone.url
    claim = Claim()
    port = connected(provider, url=nowhere)
    found = await port.send(handover(task(provider), claim.still_mine))
    assert isinstance(found, Unavailable)
    assert claim.asked == 0
    assert server.connections == 0


@pytest.mark.parametrize("provider", Provider)
async def test_a_name_that_does_not_resolve_never_left(provider: Provider, connected: Connect) -> None:
    port = connected(provider, url="http://nowhere.invalid")
    found = await port.send(handover(task(provider)))
    assert isinstance(found, Unavailable)


@pytest.mark.parametrize("provider", Provider)
async def test_a_tls_handshake_that_fails_never_left(
    provider: Provider, server: Capture, connected: Connect
) -> None:
    server.behaviour = HangUp()
    port = connected(provider, url=server.url.replace("http:", "https:"))
    claim = Claim()
    found = await port.send(handover(task(provider), claim.still_mine))
    assert isinstance(found, Unavailable)
    assert claim.asked == 0
