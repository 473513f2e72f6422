"""Records of request topics: whatever is in one, it becomes one record elsewhere, and always the same."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingress.permission import UNASKED, Recipient
from ingress.requested import Fate, Judged, Read, Terms, judge, read
from schemas import ids
from schemas.messages import Message, Refusal, decode_message
from schemas.provider import Provider
from schemas.requests import LARGEST_BYTES, SendRequest
from schemas.settings import IntakeSettings, MessageSettings
from schemas.topics import MESSAGES, REQUESTS, catalogue
from tests.fakes import pools
from tests.fakes.requests import BODY, NOW, OWN, having, judged, record

DLQ = "sms.requests.dlq.v1"


def reason(dead: Judged) -> str:
    assert dead.fate is Fate.DEAD
    assert dead.outgoing.topic == DLQ
    return dict(dead.outgoing.headers)["helio-dlq-reason"].decode()


def test_an_accepted_record_becomes_a_message_under_its_place() -> None:
    found = judged(record(having(reference="mine")))
    message = decode_message(found.outgoing.value)
    assert isinstance(message, Message)
    assert found.fate is Fate.ACCEPTED
    assert found.outgoing.topic == MESSAGES
    assert message.message_id == ids.of_record(OWN, 2, 7, NOW)
    assert found.outgoing.key == message.message_id.encode()
    assert message.organization == "acme"
    assert message.content.accepted_at == NOW
    assert message.content.reference == "mine"


def test_a_key_names_the_same_message_as_over_rest() -> None:
    found = judged(record(having(idempotency_key="k")))
    assert found.outgoing.key == ids.of_key("acme", "k").encode()


def test_what_is_only_to_be_judged_leaves_its_key_to_what_is_to_be_sent() -> None:
    rehearsed, real = (
        judged(record(having(idempotency_key="k", dry_run=True))),
        judged(record(having(idempotency_key="k"), offset=8)),
    )
    refusal = decode_message(rehearsed.outgoing.value)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.message_id) == ("invalid_field", ids.of_record(OWN, 2, 7, NOW))
    assert rehearsed.used is None
    assert real.fate is Fate.ACCEPTED
    assert real.outgoing.key == ids.of_key("acme", "k").encode()


def test_its_validity_counts_from_when_the_broker_took_it() -> None:
    message = decode_message(judged(record(having(valid_for=5))).outgoing.value)
    assert isinstance(message, Message)
    assert message.valid_until == NOW + 5000
    assert message.provider is Provider.TWILIO


def test_a_producers_own_id_is_not_trusted() -> None:
    found = judged(record(having(message_id="m-1", id="m-1")))
    assert found.outgoing.key == ids.of_record(OWN, 2, 7, NOW).encode()


@pytest.mark.parametrize("value", [having(), having(message=""), having(idempotency_key="k"), b"{", None])
def test_read_again_it_is_the_same(value: bytes | None) -> None:
    assert judged(record(value)) == judged(record(value))


def test_what_cannot_be_accepted_is_refused_with_its_reason() -> None:
    found = judged(record(having(from_phone_number="+19995550100", idempotency_key="k")))
    refusal = decode_message(found.outgoing.value)
    assert isinstance(refusal, Refusal)
    assert found.fate is Fate.REFUSED
    assert (refusal.code, refusal.message_id) == ("sender_not_found", ids.of_key("acme", "k"))
    assert refusal.detail == "No assistant found for phone number +19995550100"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "no value"),
        (b"", "EOF"),
        (b'{"from_phone', "EOF"),
        (b'{"message": "\xff\xfe"}', "the record: "),
        (b"[]", "the record: "),
        (b"\x00\x00\x00\x00\x01avro", "the record: "),
        (having(type="sms.request.v2"), "type: "),
        (having(type=None), "type: "),
        (having(message="half \ud83d"), "the record: "),
        (having(message="x" * LARGEST_BYTES), f"{LARGEST_BYTES} are the limit"),
    ],
)
def test_what_cannot_be_read_is_a_dead_letter_with_its_bytes(value: bytes | None, why: str) -> None:
    found = judged(record(value, headers=(("h", b"1"),)))
    assert why in reason(found)
    assert (found.outgoing.key, found.outgoing.value) == (b"any", value or b"")
    headers = dict(found.outgoing.headers)
    assert headers["helio-dlq-value"] == (b"null" if value is None else b"bytes")
    assert headers["h"] == b"1"
    assert headers["helio-dlq-topic"] == OWN.encode()
    assert (headers["helio-dlq-partition"], headers["helio-dlq-offset"]) == (b"2", b"7")


#: From when on there is no time left to tell what became of a record of `NOW`.
LATE = NOW + 71 * 3_600_000


@pytest.mark.parametrize(
    ("fields", "fate"),
    [
        ({"idempotency_key": "k"}, Fate.ACCEPTED),
        ({"from_phone_number": "+19995550100", "idempotency_key": "k"}, Fate.REFUSED),
        ({"message": 5, "idempotency_key": "k"}, Fate.REFUSED),
    ],
)
def test_what_nobody_could_tell_of_any_more_is_a_dead_letter(fields: dict[str, Any], fate: Fate) -> None:
    """`route` drops what is forgotten: it would end as nothing at all."""
    value = having(**fields)
    before, after = judged(record(value), now=LATE - 1), judged(record(value), now=LATE)
    assert before.fate is fate
    assert decode_message(before.outgoing.value).forget_at > LATE
    assert reason(after).startswith("too old")
    assert (after.outgoing.key, after.outgoing.value, after.used) == (b"any", value, None)


def test_what_is_held_for_long_is_remembered_for_longer() -> None:
    begins = "2023-11-16T22:13:20Z"  # 48 hours after NOW
    assert judged(record(having(send_at=begins)), now=LATE).fate is Fate.ACCEPTED


USE_CASE = "0198c0de-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("value", "code", "detail"),
    [
        (b"{}", "missing_field", "Missing required field: to_phone_number"),
        (having(from_phone_number=None), "invalid_field", "Invalid request: one of from_phone_number and"),
        (having(use_case_id=USE_CASE), "invalid_field", "Invalid request: one of from_phone_number and"),
        (having(from_phone_number=None, use_case_id="promo"), "invalid_field", "Invalid use_case_id: "),
        (having(to_phone_number=14155550199), "invalid_field", "Invalid to_phone_number: "),
        (having(message=5), "invalid_field", "Invalid message: Input should be a valid string"),
        (having(queue="false"), "invalid_field", "Invalid queue: "),
        (having(media_urls=["a", 5]), "invalid_field", "Invalid media_urls.1: "),
        (having(send_at="2026-05-01"), "invalid_field", "Invalid send_at: "),
        (having(valid_for=0), "invalid_field", "Invalid valid_for: "),
        (having(valid_for=float("nan")), "invalid_field", "Invalid valid_for: "),
        (having(organization=5), "invalid_field", "Invalid organization: "),
        (having(idempotency_key="k" * 257), "invalid_field", "Invalid idempotency_key: "),
        (having(reference="r" * 257), "invalid_field", "Invalid reference: "),
    ],
)
def test_whoever_gets_a_field_wrong_is_told_so(value: bytes, code: str, detail: str) -> None:
    found = judged(record(value))
    refusal = decode_message(found.outgoing.value)
    assert isinstance(refusal, Refusal)
    assert (found.fate, refusal.code, refusal.organization) == (Fate.REFUSED, code, "acme")
    assert refusal.detail.startswith(detail)
    assert refusal.message_id == ids.of_record(OWN, 2, 7, NOW)
    assert refusal.content.accepted_at == NOW


def test_what_is_right_of_it_comes_back() -> None:
    value = having(reference="mine", valid_for="soon", message="Hi", idempotency_key="k", use_case_id=5)
    refusal = decode_message(judged(record(value)).outgoing.value)
    assert isinstance(refusal, Refusal)
    assert refusal.message_id == ids.of_key("acme", "k")
    assert refusal.content.reference == "mine"
    assert (refusal.content.from_number, refusal.content.text) == (BODY["from_phone_number"], "Hi")


def test_a_bad_request_is_no_repeat_of_a_good_one() -> None:
    """Without what is wrong with it, it reads like the one that its producer mends it to."""
    bad, same, good = (
        judged(record(having(idempotency_key="k", **more)))
        for more in ({"queue": "yes"}, {"queue": "yes", "reference": "again"}, {})
    )
    assert bad.outgoing.key == same.outgoing.key == good.outgoing.key
    assert bad.used is not None
    assert good.used is not None
    assert bad.used == same.used
    assert bad.used.fingerprint != good.used.fingerprint
    refusal = decode_message(bad.outgoing.value)
    assert isinstance(refusal, Refusal)
    assert refusal.content.fingerprint == bad.used.fingerprint


def test_a_record_that_is_full_of_faults_is_not_listed() -> None:
    """All of them took 0.8 s to tell, for one record; a turn is 500 of these."""
    value = having(media_urls=[1] * 100_000).replace(b" ", b"")
    assert len(value) < LARGEST_BYTES
    with pytest.raises(ValidationError) as found:
        SendRequest.model_validate_json(value)
    assert found.value.error_count() == 1


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"k" * 3_000_000, having(), ()),
        (b"k", b"x" * 5_000_000, ()),
        (b"k", None, [("h", b"x" * 3_000_000)]),
        (b"k" * 200_000, b"x" * 3_000_000, [("h", b"x" * 50_000)]),
    ],
)
def test_a_dead_letter_always_fits_its_topic(
    key: bytes, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    outgoing = judged(record(value, key=key, headers=headers)).outgoing
    (room,) = [topic.max_message_bytes for topic in catalogue() if topic.name == DLQ]
    size = len(outgoing.key or b"") + len(outgoing.value or b"")
    size += sum(len(name) + len(content) + 10 for name, content in outgoing.headers)
    assert size < room


@pytest.mark.parametrize(
    ("owner", "trusted", "named", "organization"),
    [
        ("acme", False, None, "acme"),
        ("acme", False, "globex", "acme"),
        ("acme", True, None, "acme"),
        ("globex", True, "acme", "acme"),
        (None, True, "acme", "acme"),
    ],
)
def test_whose_a_record_on_the_common_topic_is(
    owner: str | None, trusted: bool, named: str | None, organization: str
) -> None:
    found = judged(record(having(organization=named), topic=REQUESTS), owner=owner, trusted=trusted)
    message = decode_message(found.outgoing.value)
    assert message.organization == organization


@pytest.mark.parametrize("named", ["", "Acme!", "x" * 100_000, 5])
def test_a_name_that_is_none(named: object) -> None:
    found = judged(record(having(organization=named), topic=REQUESTS), trusted=True)
    assert reason(found).startswith("organization: ")


def test_a_topic_without_an_owner() -> None:
    found = judged(record(having(organization="acme"), topic=REQUESTS))
    assert "HELIO_INTAKE__OWNER" in reason(found)


def test_on_an_organizations_own_topic_nobody_else_is_named() -> None:
    found = judged(record(having(organization="globex")), owner="globex", trusted=True)
    assert decode_message(found.outgoing.value).organization == "acme"


def is_object(value: bytes | None) -> bool:
    try:
        return isinstance(json.loads((value or b"").decode()), dict)
    except ValueError:
        return False


@given(st.one_of(st.none(), st.binary(max_size=100), st.text(max_size=50).map(str.encode)))
@example(b"{}")
@example(b'{"":""}')
@example(b'["from_phone_number"]')
def test_nothing_that_can_be_in_a_record_raises(value: bytes | None) -> None:
    # Chance finds objects, too, once in many runs: whoever sends one is told.
    assert judged(record(value)).fate is (Fate.REFUSED if is_object(value) else Fate.DEAD)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3),
)


@given(
    st.dictionaries(st.sampled_from([*BODY, "media_urls", "queue", "idempotency_key", "type"]), json_values)
)
def test_no_field_of_any_type_raises(fields: dict[str, Any]) -> None:
    judged(record(json.dumps({**BODY, **fields}).encode()))


def through(recipient: Recipient = UNASKED, **fields: Any) -> Judged:
    """A record for the use case, as it is judged by what is known of its recipient."""
    body = {"use_case_id": pools.USE_CASE, "to_phone_number": pools.HANDSET, "message": "Hello", **fields}
    terms = Terms(IntakeSettings(), MessageSettings())
    asked = read(record(json.dumps(body).encode()), terms)
    assert isinstance(asked, Read)
    return judge(asked, pools.directory(), terms, NOW, recipient)


def test_a_record_may_leave_the_sender_to_a_use_case() -> None:
    found = through(send_at="2023-11-15T00:00:00Z")
    message = decode_message(found.outgoing.value)
    assert isinstance(message, Message)
    assert (message.provider, message.content.from_number) == (None, None)
    assert message.content.use_case_id == pools.USE_CASE
    # 2023-11-15T00:00:00Z, from which on it is good.
    assert message.content.send_at == 1_700_006_400_000
    assert message.valid_until == 1_700_006_400_000 + 1000 * MessageSettings().validity_seconds


@pytest.mark.parametrize(
    ("recipient", "fields", "code"),
    [
        (Recipient(opted_out=True), {}, "opted_out"),
        (Recipient(landline=True), {}, "landline"),
        (UNASKED, {"use_case_id": pools.EMPTY}, "no_sender"),
        (UNASKED, {"use_case_id": pools.OTHERS_CASE}, "use_case_not_found"),
        (UNASKED, {"to_phone_number": "+12025550"}, "not_a_number"),
        (UNASKED, {"dry_run": True}, "invalid_field"),
        (UNASKED, {"send_at": "2033-01-01T00:00:00Z"}, "invalid_field"),
    ],
)
def test_a_use_case_refuses_as_over_rest(recipient: Recipient, fields: dict[str, Any], code: str) -> None:
    found = through(recipient, **fields)
    refused = decode_message(found.outgoing.value)
    assert isinstance(refused, Refusal)
    assert (found.fate, refused.code) == (Fate.REFUSED, code)
    assert refused.content.use_case_id == fields.get("use_case_id", pools.USE_CASE)
