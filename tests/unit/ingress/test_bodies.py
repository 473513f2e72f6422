"""Bodies and keys: what is read, and the sentences for what cannot be."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress import bodies
from ingress.bodies import unquoted
from ingress.codes import Code
from ingress.problems import Problem
from schemas.requests import SendBody, SendRequest, fingerprint
from tests.fakes import world

BODY: dict[str, Any] = {
    "from_phone_number": world.TWILIO,
    "to_phone_number": world.HANDSET,
    "message": "Hello",
}


def parse(body: bytes, header_keys: Sequence[str]) -> SendRequest | Problem:
    return bodies.parse(body, header_keys, SendBody)


def without(field: str) -> bytes:
    return json.dumps({name: value for name, value in BODY.items() if name != field}).encode()


def having(**fields: Any) -> bytes:
    return json.dumps({**BODY, **fields}).encode()


@pytest.mark.parametrize(
    ("body", "code", "begins"),
    [
        (b"", Code.MALFORMED_JSON, "Request body is not valid JSON: EOF"),
        (b'{"message": "He', Code.MALFORMED_JSON, "Request body is not valid JSON: EOF"),
        (b'{"message": "\xff"}', Code.MALFORMED_JSON, "Request body is not valid JSON: "),
        (b'{"message": "\\ud800"}', Code.MALFORMED_JSON, "Request body is not valid JSON: "),
        (b"from=1&to=2", Code.MALFORMED_JSON, "Request body is not valid JSON: "),
        (b"[]", Code.MALFORMED_JSON, "Request body must be a JSON object"),
        (b"null", Code.MALFORMED_JSON, "Request body must be a JSON object"),
        (b"{}", Code.MISSING_FIELD, "Missing required field: from_phone_number"),
        (without("to_phone_number"), Code.MISSING_FIELD, "Missing required field: to_phone_number"),
        (without("message"), Code.MISSING_FIELD, "Missing required field: message"),
        (having(message=5), Code.INVALID_FIELD, "Invalid message: Input should be a valid string"),
        (having(message=None), Code.INVALID_FIELD, "Invalid message: "),
        (having(to_phone_number=14155550199), Code.INVALID_FIELD, "Invalid to_phone_number: "),
        (having(queue="perhaps"), Code.INVALID_FIELD, "Invalid queue: Input should be a valid boolean"),
        (having(queue="false"), Code.INVALID_FIELD, "Invalid queue: Input should be a valid boolean"),
        (having(queue=0), Code.INVALID_FIELD, "Invalid queue: Input should be a valid boolean"),
        (having(queue=None), Code.INVALID_FIELD, "Invalid queue: Input should be a valid boolean"),
        (having(valid_for="60"), Code.INVALID_FIELD, "Invalid valid_for: Input should be a valid integer"),
        (having(valid_for=True), Code.INVALID_FIELD, "Invalid valid_for: Input should be a valid integer"),
        (having(valid_for=60.5), Code.INVALID_FIELD, "Invalid valid_for: Input should be a valid integer"),
        (having(valid_for=0), Code.INVALID_FIELD, "Invalid valid_for: Input should be greater than"),
        (having(valid_for=172_801), Code.INVALID_FIELD, "Invalid valid_for: Input should be less than"),
        (having(reference="r" * 257), Code.INVALID_FIELD, "Invalid reference: "),
        (having(media_urls="https://x"), Code.INVALID_FIELD, "Invalid media_urls: "),
        (having(media_urls=[1]), Code.INVALID_FIELD, "Invalid media_urls.0: "),
        (having(idempotency_key="k" * 257), Code.INVALID_FIELD, "Invalid idempotency_key: "),
        (having(send_at="tomorrow"), Code.INVALID_FIELD, "Invalid send_at: Input should be a date-time with"),
        (having(send_at="2026-02-30T09:00:00Z"), Code.INVALID_FIELD, "Invalid send_at: "),
        (having(send_at=1_777_626_000), Code.INVALID_FIELD, "Invalid send_at: "),
        (
            having(use_case_id="0198c0de-0000-7000-8000-000000000001"),
            Code.INVALID_FIELD,
            "Invalid use_case_id: ",
        ),
        (having(from_phone_number=None), Code.INVALID_FIELD, "Invalid from_phone_number: "),
        (having(type="sms.request.v9"), Code.INVALID_FIELD, "Invalid type: "),
    ],
)
def test_what_cannot_be_read(body: bytes, code: Code, begins: str) -> None:
    problem = parse(body, ())
    assert isinstance(problem, Problem)
    assert problem.code is code
    assert problem.detail.startswith(begins)


@given(st.binary(max_size=200))
def test_no_bytes_are_too_strange(body: bytes) -> None:
    assert isinstance(parse(body, ()), Problem)


def test_an_integer_may_be_written_as_json_allows() -> None:
    assert parse(having(valid_for=60.0), ()) == parse(having(valid_for=60), ())


def test_unknown_fields_are_ignored() -> None:
    assert parse(having(colour="red"), ()) == SendBody.model_validate(BODY)


def test_the_same_moment_is_the_same_content() -> None:
    one = parse(having(send_at="2026-05-01T09:00:00Z"), ())
    other = parse(having(send_at="2026-05-01T11:00:00.000+02:00"), ())
    assert isinstance(one, SendRequest)
    assert isinstance(other, SendRequest)
    assert fingerprint(one) == fingerprint(other) != fingerprint(SendBody.model_validate(BODY))


def test_over_rest_and_on_a_topic_it_is_the_same_content() -> None:
    assert fingerprint(SendBody.model_validate(BODY)) == fingerprint(SendRequest.model_validate(BODY))


def test_the_header_goes_over_the_field() -> None:
    request = parse(having(idempotency_key="field"), ["header"])
    assert isinstance(request, SendRequest)
    assert request.idempotency_key == "header"


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("abc", "abc"),
        ('"abc"', "abc"),
        (' "a b" ', "a b"),
        (r'"a\"b\\c"', r'a"b\c'),
        ('"', '"'),
        ("order:1", "order:1"),
        ("schlüssel".encode().decode("latin-1"), "schlüssel"),
        ("schl\xfcssel", "schlüssel"),
    ],
)
def test_quoted_and_bare_are_the_same_key(header: str, key: str) -> None:
    assert unquoted(header) == key


@pytest.mark.parametrize("header", ["", '""', '"', '"""', '" "', "\x80", "a\tb", "a\x7fb", "k" * 257])
def test_what_is_no_key(header: str) -> None:
    problem = parse(having(), [header])
    assert isinstance(problem, Problem)
    assert problem.code is Code.INVALID_IDEMPOTENCY_KEY


@pytest.mark.parametrize("headers", [["a", "b"], ["a", "a", "b"], ["a", ""]])
def test_of_several_keys_none_is_chosen(headers: list[str]) -> None:
    problem = parse(having(), headers)
    assert isinstance(problem, Problem)
    assert (problem.code, problem.status) == (Code.INVALID_IDEMPOTENCY_KEY, 400)


@pytest.mark.parametrize("headers", [["a", "a"], ["a", '"a"', " a "]])
def test_one_key_said_twice_is_one(headers: list[str]) -> None:
    request = parse(having(), headers)
    assert isinstance(request, SendRequest)
    assert request.idempotency_key == "a"


texts = st.text(min_size=1, max_size=20)
requests = st.fixed_dictionaries(
    {"from_phone_number": texts, "to_phone_number": texts, "message": texts},
    optional={
        "media_urls": st.none() | st.lists(texts, max_size=3),
        "queue": st.booleans(),
        "idempotency_key": st.none() | texts,
        "reference": st.none() | texts,
    },
)


@given(requests, st.randoms(use_true_random=False), st.sampled_from([None, 1, 4]))
def test_order_white_space_and_defaults_make_no_conflict(
    body: dict[str, Any], chance: Any, space: int | None
) -> None:
    """The same content, written in any way, has one fingerprint."""
    fields = list(({"queue": True, "media_urls": None} | body).items())
    chance.shuffle(fields)
    written = json.dumps(dict(fields), indent=space, ensure_ascii=bool(space)).encode()
    first, second = parse(json.dumps(body).encode(), ()), parse(written, ["another-key"])
    assert isinstance(first, SendRequest)
    assert isinstance(second, SendRequest)
    assert fingerprint(first) == fingerprint(second)


@given(requests, requests)
def test_other_content_has_another_fingerprint(one: dict[str, Any], other: dict[str, Any]) -> None:
    def content(body: dict[str, Any]) -> tuple[Any, ...]:
        return (
            body["from_phone_number"], body["to_phone_number"], body["message"],
            tuple(body.get("media_urls") or ()), body.get("queue", True),
        )  # fmt: skip

    first, second = SendRequest.model_validate(one), SendRequest.model_validate(other)
    assert (fingerprint(first) == fingerprint(second)) is (content(one) == content(other))
