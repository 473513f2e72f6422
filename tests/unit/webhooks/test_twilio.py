"""Twilio's signatures, by the vectors of its own SDK and ours, and its statuses."""

import pytest
from twilio.request_validator import RequestValidator

from schemas.facts import ReceiptStatus
from schemas.provider import Fault
from schemas.reports import TWILIO
from tests.fakes.callbacks import FORM, TWILIO_TOKEN, Post, Verdict, twilio, url_of, verdict
from webhooks.providers import twilio as dialect
from webhooks.providers.twilio import parse
from webhooks.words import MOST_FIELDS, Idle, Report, Strange, Unreadable

SDK_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
SDK_BODY = (
    b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309"
)
SIGNATURE = "x-twilio-signature"
OWN_URL = "https://sms.example.com/webhooks/twilio/status?m=01JD0000000000000000000000"
OWN_BODY = (
    "SmsSid=SM00000000000000000000000000000001&SmsStatus=delivered&MessageStatus=delivered"
    "&To=%2B14155552346&MessageSid=SM00000000000000000000000000000001&AccountSid=AC"
    + "a" * 32
    + "&From=%2B14155552345&ApiVersion=2010-04-01"
).encode()
SHA256 = {"x-twilio-webhooks-signature-settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"}
JSON_URL = SDK_URL + "&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"

VECTORS = {
    "form": (SDK_URL, SDK_BODY, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", {}, "12345"),
    "signed with the port": (SDK_URL, SDK_BODY, "kvajT1Ptam85bY51eRf/AJRuM3w=", {}, "12345"),
    "json": (
        JSON_URL,
        b'{"property": "value", "boolean": true}',
        "a9nBmqA0ju/hNViExpshrM61xv4=",
        {"content-type": "application/json"},
        "12345",
    ),
    "repeated fields": (
        SDK_URL,
        b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234",
        "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
        {},
        "12345",
    ),
    "our own": (OWN_URL, OWN_BODY, "GOafwCruZREHGjYHxn1+46WvTxw=", {}, TWILIO_TOKEN),
    "our own, sha256": (
        OWN_URL,
        OWN_BODY,
        "zYe3blGm3o0eZUQJxfwCdSVK90nI4EVPOKH0+DgYJ6M=",
        SHA256,
        TWILIO_TOKEN,
    ),
}


@pytest.mark.parametrize(("url", "body", "signature", "headers", "token"), VECTORS.values(), ids=VECTORS)
def test_vectors(url: str, body: bytes, signature: str, headers: dict[str, str], token: str) -> None:
    post = Post(url, {"content-type": FORM, SIGNATURE: signature, **headers}, body)
    assert verdict(dialect, post, [token]) is Verdict.GENUINE
    # Several are live at once while they are rotated.
    assert verdict(dialect, post, ["new", token]) is Verdict.GENUINE
    assert verdict(dialect, post, ["other"]) is Verdict.FORGED
    changed = Post(url, post.headers, body.replace(b"1", b"2").replace(b"true", b"false"))
    assert verdict(dialect, changed, [token]) is Verdict.FORGED


def test_the_sdks_own_validator_agrees() -> None:
    post = twilio()
    fields = {"MessageSid": "SM" + "0" * 31 + "1", "SmsSid": "SM" + "0" * 31 + "1"}
    fields |= {"MessageStatus": "delivered", "To": "+14155552346"}
    assert RequestValidator(TWILIO_TOKEN).validate(post.url, fields, post.headers[SIGNATURE])
    assert verdict(dialect, post, [TWILIO_TOKEN]) is Verdict.GENUINE


def test_http_is_not_https() -> None:
    url = url_of("twilio")  # type: ignore[arg-type] # the enum's value
    post = twilio(url, signed_url=url.replace("https:", "http:"))
    assert verdict(dialect, post, [TWILIO_TOKEN]) is Verdict.FORGED


def test_an_empty_field_is_signed() -> None:
    assert verdict(dialect, twilio(ErrorCode=""), [TWILIO_TOKEN]) is Verdict.GENUINE


@pytest.mark.parametrize("signature", ["", "x", "ß", "GOafwCruZREHGjYHxn1+46WvTxw=" * 9])
def test_nonsense_is_refused(signature: str) -> None:
    post = twilio()
    found = verdict(dialect, Post(post.url, {**post.headers, SIGNATURE: signature}, post.body), ["t"])
    assert found is (Verdict.FORGED if signature else Verdict.UNSIGNED)


@pytest.mark.parametrize("body", [b"\xff\xfe", b'{"a":1}', b""])
@pytest.mark.parametrize("kind", ["application/json", "", FORM])
def test_a_body_that_is_no_form_is_refused(body: bytes, kind: str) -> None:
    """What makes the SDK's validator raise a `TypeError` is just not genuine."""
    post = Post(SDK_URL, {"content-type": kind, SIGNATURE: "RSOYDt4T1cUTdK1PDd93/VVr8B8="}, body)
    assert verdict(dialect, post, ["12345"]) is Verdict.FORGED


def test_an_unknown_algorithm_is_refused() -> None:
    post = twilio()
    headers = {**post.headers, "x-twilio-webhooks-signature-settings": "algorithm=HMAC_MD5"}
    assert verdict(dialect, Post(post.url, headers, post.body), [TWILIO_TOKEN]) is Verdict.FORGED


@pytest.mark.parametrize(("status", "moved"), TWILIO.items())
def test_statuses(status: str, moved: ReceiptStatus | None) -> None:
    found = parse(twilio(MessageStatus=status).incoming())
    if moved is None:
        assert found == Idle(status)
    else:
        assert isinstance(found, Report)
        assert found.status is moved
        assert found.provider_message_id == "SM" + "0" * 31 + "1"


def test_a_code_says_whose_fault() -> None:
    found = parse(twilio(MessageStatus="undelivered", ErrorCode="30005").incoming())
    assert isinstance(found, Report)
    assert (found.code, found.fault) == ("30005", Fault.RECIPIENT)
    unknown = parse(twilio(MessageStatus="failed", ErrorCode="99999").incoming())
    assert isinstance(unknown, Report)
    assert (unknown.code, unknown.fault) == ("99999", None)


def test_other_words() -> None:
    assert parse(twilio(MessageStatus="teleported").incoming()) == Strange("teleported")
    assert isinstance(parse(twilio(MessageStatus="(none)").incoming()), Unreadable)
    assert isinstance(parse(twilio(MessageSid="", SmsSid="").incoming()), Unreadable)
    assert isinstance(parse(Post(SDK_URL, {}, b"{}").incoming()), Unreadable)


def form(fields: int) -> Post:
    """A form of so many fields, rightly signed."""
    return twilio(**{f"Field{n}": "" for n in range(fields - 4)})


def test_a_form_has_so_many_fields_at_most() -> None:
    """It is read, sorted and joined for anybody: unbounded, a form of 256 KiB took half a second."""
    assert verdict(dialect, form(MOST_FIELDS), [TWILIO_TOKEN]) is Verdict.GENUINE
    assert verdict(dialect, form(MOST_FIELDS + 1), [TWILIO_TOKEN]) is Verdict.FORGED
    assert dialect.claimed(twilio(AccountSid="AC1").incoming()) == "AC1"
    repeated = Post("https://x", {"content-type": FORM}, b"AccountSid=AC1" + b"&a" * MOST_FIELDS)
    assert dialect.claimed(repeated.incoming()) == ""


def test_an_algorithm_that_is_none_goes_to_no_log(caplog: pytest.LogCaptureFixture) -> None:
    post = twilio()
    headers = {**post.headers, "x-twilio-webhooks-signature-settings": "algorithm=ROT13"}
    assert verdict(dialect, Post(post.url, headers, post.body), [TWILIO_TOKEN]) is Verdict.FORGED
    assert caplog.records == []
