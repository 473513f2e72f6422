"""What becomes of a callback: signature, account and our own MAC all have to be right."""

import json
from dataclasses import replace

import pytest

from directory.snapshot import Directory
from schemas.facts import Receipt, ReceiptStatus, decode_fact
from schemas.provider import Provider
from tests.fakes.callbacks import (
    MAC,
    NOW,
    PUBLIC,
    SECRETS,
    SENT,
    Post,
    account,
    good,
    telnyx,
    telnyx_event,
    twilio,
    url_of,
    vonage,
    vonage_body,
)
from webhooks.inbound import Text
from webhooks.judgement import MAX_RAW, Answer, Outcome, judge
from webhooks.signers import Signer

NOW_MS = NOW * 1000
DIRECTORY = Directory()


def judged(provider: Provider, post: Post, macs: tuple[str, ...] = (MAC,)) -> Receipt | Text | Answer:
    signers = [Signer(account(provider), (SECRETS[provider],))]
    return judge(provider, post.incoming(), signers, directory=DIRECTORY, macs=macs, now_ms=NOW_MS)


@pytest.mark.parametrize("provider", Provider)
def test_a_genuine_callback_becomes_a_receipt_of_its_hand_over(provider: Provider) -> None:
    post = good(provider)
    found = judged(provider, post)
    assert isinstance(found, Receipt)
    assert found.status is ReceiptStatus.DELIVERED
    assert (found.message_id, found.organization, found.attempt, found.nonce, found.forget_at) == (
        SENT.message_id,
        SENT.organization,
        SENT.attempt,
        SENT.nonce,
        SENT.forget_at,
    )
    assert (found.provider, found.account) == (provider, SENT.account)
    assert found.raw == post.body.decode()
    assert found.at == (NOW_MS if provider is Provider.TWILIO else found.at)
    assert found.at <= NOW_MS
    assert decode_fact(found.encode()) == found


@pytest.mark.parametrize("provider", Provider)
@pytest.mark.parametrize(
    "change",
    [
        {"message_id": "another"},
        {"attempt": 3},
        {"nonce": "f" * 32},
        {"account": "other"},
        {"organization": "rival"},
        {"forget_at": 1},
    ],
)
def test_a_url_that_we_did_not_write_is_refused_though_the_signature_is_right(
    provider: Provider, change: dict[str, object]
) -> None:
    """Telnyx and Vonage sign only the body: without our MAC, it could be posted to any other message."""
    ours, changed = url_of(provider), url_of(provider, replace(SENT, **change))  # type: ignore[arg-type] # any field
    mac = ours.rpartition("mac=")[2]
    found = judged(provider, good(provider, changed.rpartition("mac=")[0] + "mac=" + mac))
    assert found == Answer(403, Outcome.FOREIGN_URL, "Signature validation failed")


@pytest.mark.parametrize("provider", Provider)
def test_a_mac_by_another_secret_or_for_another_provider_is_refused(provider: Provider) -> None:
    found = judged(provider, good(provider), ("another secret",))
    assert isinstance(found, Answer)
    assert found.outcome is Outcome.FOREIGN_URL
    assert isinstance(judged(provider, good(provider), ("newer", MAC)), Receipt)
    other = Provider.TELNYX if provider is Provider.VONAGE else Provider.VONAGE
    elsewhere = judged(provider, good(provider, url_of(other)))
    assert isinstance(elsewhere, Answer)
    assert elsewhere.status == 403


@pytest.mark.parametrize("provider", [Provider.TELNYX, Provider.VONAGE])
def test_a_bare_url_is_refused(provider: Provider) -> None:
    found = judged(provider, good(provider, f"{PUBLIC}/webhooks/sms/{provider}?account=main"))
    assert isinstance(found, Answer)
    assert found.status == 403


def test_a_bare_url_that_twilio_has_signed_is_of_a_message_that_is_not_ours() -> None:
    """It signs the URL, so nobody has taken our parameters from it: there were none."""
    url = f"{PUBLIC}/webhooks/sms/twilio?account=main"
    assert judged(Provider.TWILIO, good(Provider.TWILIO, url)) == Answer(204, Outcome.UNKNOWN_MESSAGE)
    found = judged(Provider.TWILIO, twilio(url + "&mac="))
    assert isinstance(found, Answer)
    assert found.outcome is Outcome.FOREIGN_URL


@pytest.mark.parametrize("provider", Provider)
def test_an_unsigned_one_is_refused_and_vonages_asked_for_again(provider: Provider) -> None:
    post = good(provider)
    bare = Post(post.url, {"content-type": post.headers.get("content-type", "")}, post.body)
    found = judged(provider, bare)
    assert isinstance(found, Answer)
    assert found.status == (503 if provider is Provider.VONAGE else 403)


@pytest.mark.parametrize("provider", Provider)
def test_a_wrong_key_is_refused(provider: Provider) -> None:
    secrets = (
        ["wrong" * 8] if provider is not Provider.TELNYX else ["O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="]
    )
    signers = [Signer(account(provider), tuple(secrets))]
    found = judge(
        provider, good(provider).incoming(), signers, directory=DIRECTORY, macs=[MAC], now_ms=NOW_MS
    )
    assert found == Answer(403, Outcome.FORGED, "Signature validation failed")


IDLE = {
    Provider.TWILIO: twilio(MessageStatus="queued"),
    Provider.TELNYX: telnyx(telnyx_event("sending")),
}
STRANGE = {
    Provider.TWILIO: twilio(MessageStatus="teleported"),
    Provider.TELNYX: telnyx(telnyx_event("teleported")),
    Provider.VONAGE: vonage(vonage_body("teleported")),
}


@pytest.mark.parametrize("provider", IDLE)
def test_what_moves_nothing_is_acknowledged(provider: Provider) -> None:
    found = judged(provider, IDLE[provider])
    assert isinstance(found, Answer)
    assert (found.status, found.outcome) == (204, Outcome.IDLE)


@pytest.mark.parametrize("provider", STRANGE)
def test_an_unknown_status_is_acknowledged_and_told(provider: Provider) -> None:
    assert judged(provider, STRANGE[provider]) == Answer(204, Outcome.UNKNOWN_STATUS, "teleported")


@pytest.mark.parametrize("post", [telnyx(b"{"), vonage(b"[]"), twilio(MessageSid="", SmsSid="")])
def test_what_cannot_be_read_is_refused(post: Post) -> None:
    provider = Provider(post.url.partition("/webhooks/sms/")[2].partition("?")[0])
    found = judged(provider, post)
    assert isinstance(found, Answer)
    assert (found.status, found.outcome) == (400, Outcome.UNREADABLE)


def test_a_clock_that_is_ahead_does_not_date_into_the_future() -> None:
    found = judged(Provider.VONAGE, vonage(vonage_body(timestamp="2031-01-01T00:00:00Z")))
    assert isinstance(found, Receipt)
    assert found.at == NOW_MS


def test_a_very_long_payload_is_kept_in_part() -> None:
    body = vonage_body(detail="\x00" * 100_000)
    found = judged(Provider.VONAGE, vonage(body))
    assert isinstance(found, Receipt)
    assert len(found.raw) == MAX_RAW
    assert found.raw == json.dumps(body)[:MAX_RAW]
    # Escaped once more it still fits a record.
    assert len(found.encode()) < 1024 * 1024
