"""What people write to each other: no repr, no complaint and no quoted sentence tells it."""

import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from broker.publish import Outgoing
from schemas import sealing
from schemas.base import DecodeError, Record
from schemas.facts import Receipt, Routed
from schemas.lanes import Lane
from schemas.messages import Content, Door, Message, Refusal, decode_message
from schemas.provider import Provider
from schemas.public import InboundRecord, Media, StatusRecord
from schemas.quoting import unquoted
from schemas.requests import SendRequest
from schemas.tasks import Task
from webhooks.words import Inbound

MARK = "MARK of a secret text"
URL = "https://media.example.com/MARK"
CONTENT = Content(
    to_number="+2", text=MARK, media=(URL,), segments=1, fingerprint="1:x", accepted_at=1, redact=False
)
OF: dict[str, Any] = {"message_id": "m", "organization": "acme", "forget_at": 9}
THROUGH: dict[str, Any] = {"provider": Provider.TWILIO, "account": "a"}
TASK = Task(
    **OF, **THROUGH, lane=Lane.QUEUED, sender="+1", to_number="+2", text=MARK, media=(URL,), segments=1,
    valid_until=9,
)  # fmt: skip
RECORDS: tuple[object, ...] = (
    SendRequest(from_phone_number="+1", to_phone_number="+2", message=MARK, media_urls=(URL,)),
    CONTENT,
    Message(**OF, door=Door.REST, lane=Lane.QUEUED, valid_until=9, can_repeat=True, content=CONTENT),
    Refusal(**OF, door=Door.KAFKA, content=CONTENT, code="c", detail="d"),
    Routed(**OF, **THROUGH, at=1, attempt=1, sender="+1", reason="r", content=CONTENT),
    TASK,
    Receipt(
        **OF, **THROUGH, at=1, attempt=1, nonce="n", provider_message_id="p", status="sent", raw=MARK
    ),
    StatusRecord(
        **OF, id="i", sequence=1, status="queued", at=1, accepted_at=1, to_number="+2", text=MARK,
        media=(URL,), segments=1, fingerprint="1:x",
    ),
    InboundRecord(
        **THROUGH, id="i", organization="acme", provider_message_id="p", from_number="+2", to_number="+1",
        text=MARK, media=(Media(url=URL),), segments=1, at=1, received_at=1,
    ),
    Inbound(
        provider_message_id="p", from_number="+2", to_numbers=("+1",), text=MARK, media=(Media(url=URL),)
    ),
    Outgoing("topic", b"key", MARK.encode()),
)  # fmt: skip


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_no_repr_tells_a_text(record: object) -> None:
    assert "MARK" not in f"{record!r} {record} {[record]}"


@pytest.mark.parametrize("model", [SendRequest, Content, Task, StatusRecord, InboundRecord])
def test_no_complaint_of_a_model_quotes_what_it_was_given(model: type[Record]) -> None:
    given = {"text": {"MARK": MARK}, "message": [MARK], "media": MARK, "type": MARK}
    with pytest.raises(ValidationError) as raised:
        model.model_validate(given)
    assert "MARK" not in "".join(traceback.format_exception(raised.value))


def test_nor_do_the_reasons_of_dead_letters() -> None:
    for value in (f'{{"type": "{MARK}"}}', f'{{"type": "message.v1", "content": "{MARK}"}}', f'"{MARK}'):
        with pytest.raises(DecodeError) as raised:
            decode_message(value.encode())
        assert "MARK" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        (f"The body '{MARK}' is spam", "The body '[...]' is spam"),
        ("The body 'MARK of a secre...' is spam", "The body '[...]...' is spam"),
        (f"{MARK}{MARK}", "[...][...]"),
        (f"cannot fetch {URL} ({MARK})", "cannot fetch [...] ([...])"),
        ("Too many requests", "Too many requests"),
        ("", ""),
    ],
)
def test_a_sentence_loses_what_it_quotes(sentence: str, told: str) -> None:
    assert unquoted(sentence, MARK, (URL,)) == told


@given(st.text(max_size=30), st.text(min_size=4, max_size=20), st.text(max_size=30))
def test_whatever_stands_around_it(before: str, text: str, after: str) -> None:
    quoted = text.strip()
    found = unquoted(before + quoted + after, text)
    if len(quoted) >= 4:
        assert quoted not in found.replace("[...]", "\0") or quoted in "[...]"
    else:
        assert found == before + quoted + after


def test_a_short_text_is_found_by_its_fingerprint_but_not_by_its_seal() -> None:
    """Whoever reads the topic knows all that is asked for but the text: a naive digest says which it was."""
    from schemas.requests import fingerprint

    def asked(code: int) -> str:
        text = f"Your code is {code:04}"
        return fingerprint(SendRequest(from_phone_number="+1", to_phone_number="+2", message=text))

    secret, told = "of the operator", asked(1234)
    assert [code for code in range(10_000) if asked(code) == told] == [1234]
    sealed = sealing.seal(secret, "m", told)
    assert not [code for code in range(10_000) if sealing.seal("guessed", "m", asked(code)) == sealed]
    assert sealed in sealing.forms(told, "m", ("newer", secret))
    assert sealed not in sealing.forms(told, "other", (secret,))
    assert sealed not in sealing.forms(asked(1235), "m", (secret,))
