"""From an answer to an outcome: code first, status second, and no certainty that is not there."""

import json
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchers.providers import telnyx, twilio, vonage
from dispatchers.providers.answers import json_object, refusal, retry_after, seconds_left, text
from dispatchers.providers.exchange import Reply
from schemas.codes import FAULTS, NOT_PROCESSED
from schemas.provider import Accepted, Ambiguous, Fault, Provider, Rejected, Throttled

NOW = 1_795_312_000.0
READ = {Provider.TWILIO: twilio.read, Provider.TELNYX: telnyx.read, Provider.VONAGE: vonage.read}


def refused(provider: Provider, status: int, code: str = "", **headers: str) -> object:
    return refusal(provider, Reply(status, headers, b""), code=code, now=NOW)


@pytest.mark.parametrize("provider", Provider)
@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, Fault.CONTENT),
        (401, Fault.ACCOUNT),
        (402, Fault.ACCOUNT),
        (403, Fault.ACCOUNT),
        (404, Fault.SENDER),
        (405, Fault.CONTENT),
        (413, Fault.CONTENT),
    ],
)
def test_by_status_where_there_is_no_code(provider: Provider, status: int, fault: Fault) -> None:
    found = refused(provider, status, "31337")
    assert isinstance(found, Rejected)
    assert (found.fault, found.code) == (fault, "31337")
    assert found.detail == f"{provider} answered {status}"


@pytest.mark.parametrize("provider", Provider)
@pytest.mark.parametrize("status", [100, 301, 304, 307, 408, 500, 502, 503, 504, 529, 599])
def test_what_does_not_say_that_it_was_not_sent(provider: Provider, status: int) -> None:
    assert isinstance(refused(provider, status), Ambiguous)


@pytest.mark.parametrize("provider", Provider)
def test_429_is_throttled(provider: Provider) -> None:
    assert refused(provider, 429) == Throttled(detail=f"{provider} answered 429")
    for code in ("", "31337", *FAULTS[provider]):
        found = refused(provider, 429, code, **{"Retry-After": "3"})
        assert isinstance(found, Throttled)
        assert (found.code, found.retry_after) == (code, 3)


@pytest.mark.parametrize("status", [409, 422])
def test_telnyx_says_with_these_that_the_key_was_used(status: int) -> None:
    assert isinstance(refused(Provider.TELNYX, status), Ambiguous)
    assert isinstance(refused(Provider.TWILIO, status), Rejected)
    assert isinstance(refused(Provider.TELNYX, status, "40305"), Rejected)


@pytest.mark.parametrize(
    ("provider", "code"), [(p, code) for p in Provider for code in sorted(NOT_PROCESSED[p])]
)
@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_a_code_that_says_not_processed_is_throttled_whatever_the_status(
    provider: Provider, code: str, status: int
) -> None:
    found = refused(provider, status, code)
    assert isinstance(found, Throttled)
    assert found.code == code


@pytest.mark.parametrize(("provider", "code"), [(p, code) for p in Provider for code in sorted(FAULTS[p])])
def test_every_code(provider: Provider, code: str) -> None:
    fault = FAULTS[provider][code]
    refused_whole, broken = refused(provider, 400, code), refused(provider, 503, code)
    match fault:
        case Fault.RETRYABLE:
            assert isinstance(refused_whole, Throttled)
            # A 5xx may have come after the message was taken, unless the code says otherwise.
            assert isinstance(broken, Throttled if code in NOT_PROCESSED[provider] else Ambiguous)
        case Fault.AMBIGUOUS:
            assert isinstance(refused_whole, Ambiguous)
            assert isinstance(broken, Ambiguous)
        case _:
            for found in (refused_whole, broken):
                assert isinstance(found, Rejected)
                assert found.fault is fault


SUCCESS = {
    Provider.TWILIO: [
        (b'{"sid":"SM1","num_segments":"3"}', Accepted(provider_message_id="SM1", segments=3)),
        (b'{"sid":"SM1","num_segments":"0"}', Accepted(provider_message_id="SM1")),
        (b'{"sid":"SM1","num_segments":null}', Accepted(provider_message_id="SM1")),
        (b'{"sid":"SM1","num_segments":"many"}', Accepted(provider_message_id="SM1")),
    ],
    Provider.TELNYX: [
        (b'{"data":{"id":"a","parts":3}}', Accepted(provider_message_id="a", segments=3)),
        (b'{"data":{"id":"a"}}', Accepted(provider_message_id="a")),
        (b'{"data":{"id":"a","parts":"x"}}', Accepted(provider_message_id="a")),
    ],
    Provider.VONAGE: [(b'{"message_uuid":"a"}', Accepted(provider_message_id="a"))],
}


@pytest.mark.parametrize(
    ("provider", "body", "outcome"), [(p, *case) for p in Provider for case in SUCCESS[p]]
)
@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_success(provider: Provider, body: bytes, outcome: Accepted, status: int) -> None:
    assert READ[provider](Reply(status, {}, body), NOW) == outcome


@pytest.mark.parametrize(
    ("provider", "body", "code", "detail"),
    [
        (Provider.TWILIO, b'{"code":21211,"message":"bad To","status":400}', "21211", "bad To"),
        # RFC 9457, which the SDK turns into another exception.
        (
            Provider.TWILIO,
            b'{"type":"x","title":"Invalid","status":400,"code":21211,"detail":"bad To"}',
            "21211",
            "bad To",
        ),
        (Provider.TWILIO, b"<html>", "", "twilio answered 400"),
        (Provider.TELNYX, b'{"errors":[{"code":"40310","title":"t","detail":"bad To"}]}', "40310", "bad To"),
        (Provider.TELNYX, b'{"errors":[{"code":"40310","title":"t"}]}', "40310", "t"),
        (Provider.TELNYX, b'{"errors":[]}', "", "telnyx answered 400"),
        (Provider.TELNYX, b'{"errors":"no"}', "", "telnyx answered 400"),
        (
            Provider.VONAGE,
            b'{"type":"https://developer.vonage.com/api-errors/messages#1120","title":"t","detail":"d"}',
            "1120",
            "d",
        ),
        (
            Provider.VONAGE,
            b'{"type":"https://developer.vonage.com/api-errors#low-balance"}',
            "low-balance",
            None,
        ),
        (Provider.VONAGE, b"[]", "", "vonage answered 400"),
    ],
)
def test_errors_as_each_provider_words_them(
    provider: Provider, body: bytes, code: str, detail: str | None
) -> None:
    found = READ[provider](Reply(400, {}, body), NOW)
    assert isinstance(found, Rejected)
    assert found.code == code
    assert detail is None or found.detail == detail


def test_vonage_says_which_number_is_wrong() -> None:
    body = b'{"type":"https://x#1022","invalid_parameters":[{"name":"to","reason":"bad"}]}'
    found = vonage.read(Reply(422, {}, body), NOW)
    assert isinstance(found, Rejected)
    assert found.fault is Fault.RECIPIENT


def test_a_long_sentence_is_cut() -> None:
    found = twilio.read(Reply(400, {}, b'{"message":"' + b"x" * 5000 + b'"}'), NOW)
    assert isinstance(found, Rejected)
    assert len(found.detail) == 300


@given(
    provider=st.sampled_from(Provider),
    status=st.integers(100, 599),
    body=st.binary(max_size=40)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["data", "id", "errors", "code", "type", "sid", "message_uuid"]), inner
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    header=st.text(max_size=12),
)
def test_no_answer_breaks_the_reader(provider: Provider, status: int, body: bytes, header: str) -> None:
    found = READ[provider](Reply(status, {"Retry-After": header}, body), NOW)
    assert isinstance(found, Accepted) <= (200 <= status < 300)
    if status >= 500:
        assert isinstance(found, Ambiguous | Rejected | Throttled)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": value}, NOW) == seconds


def test_no_retry_after() -> None:
    assert retry_after({}, NOW) is None


@given(left=st.integers(-(10**9), 10**9))
def test_validity_stays_within_what_the_provider_takes(left: int) -> None:
    found = seconds_left(int(NOW * 1000) + left, NOW, (6, 36_000))
    assert 6 <= found <= 36_000
    if 6_000 <= left <= 36_000_000:
        # Never longer than the message is valid.
        assert 0 <= left / 1000 - found < 1


@pytest.mark.parametrize(
    ("value", "found"), [("x", "x"), (7, "7"), (True, ""), (None, ""), ([], ""), (1.5, ""), ("\ud83d", "?")]
)
def test_words(value: object, found: str) -> None:
    assert text(value) == found


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b"\xff", b"null"])
def test_what_is_no_json_object_is_empty(body: bytes) -> None:
    assert json_object(body) == {}
