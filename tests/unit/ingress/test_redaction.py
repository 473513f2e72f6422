"""A redacted organization's texts: neither in what everybody is told, nor in what anybody is answered."""

import json
from typing import Any

import pytest

from directory.snapshot import Directory
from ingress import channel, shown
from ingress.acceptance import Accepted, accept
from ingress.first_rows import first_row
from ingress.problems import Problem
from ingress.replies import Reply
from ingress.requested import Fate, Read, Terms, judge, read
from ledger.claims import Absent
from ledger.view import Seen
from schemas import ids
from schemas.messages import Content, Door, Message, Refusal, decode_message
from schemas.requests import SendRequest, fingerprint
from schemas.sealing import seal
from schemas.settings import IntakeSettings, MessageSettings
from tests.fakes import world
from tests.fakes.ledger import MemoryLedger
from tests.unit.ingress.test_binding import Doors, record

NOW = 1_700_000_000_000
REDACTED = world.directory(world.FILE.replace("  acme:\n", "  acme:\n    defaults: {redact: true}\n"))
MARK, URL = "MARK of a text", "https://media.example.com/MARK"
ASKED = SendRequest(
    from_phone_number=world.TWILIO, to_phone_number=world.HANDSET, message=MARK, media_urls=(URL,)
)
SETTINGS = MessageSettings(fingerprint_secrets=("newest", "older"))


def accepted(directory: Directory = REDACTED) -> Message:
    verdict = accept(ASKED, "acme", directory, door=Door.REST, message_id="m", now=NOW, settings=SETTINGS)
    assert isinstance(verdict, Accepted)
    return verdict.message


def test_what_is_sent_is_what_was_asked_for() -> None:
    content = accepted().content
    assert (content.text, content.media, content.fingerprint) == (MARK, (URL,), fingerprint(ASKED))
    assert content.redact
    assert not accepted(world.directory()).content.redact


def test_neither_row_nor_answers_tell_it() -> None:
    row = first_row(accepted())
    assert (row.text, row.media, row.redacted) == ("", (), True)
    assert row.fingerprint == seal("newest", "m", fingerprint(ASKED))
    seen = Seen(row, Absent(), whole=True)
    answers: list[str | bytes] = [
        row.encode(),
        json.dumps(shown.members(row, seen)),
        json.dumps(channel.members(row, seen)),
    ]
    answers += [bytes(one.body) for one in (channel.created(row), channel.created(row, replayed=True))]
    for answer in answers:
        told = answer if isinstance(answer, str) else answer.decode()
        assert "MARK" not in told
        assert json.loads(told)["redacted"] is True


def test_a_refused_record_is_told_without_its_text() -> None:
    terms = Terms(IntakeSettings(owner="acme"), SETTINGS)
    found = read(record(from_phone_number="+19995550100", message=MARK), terms)
    assert isinstance(found, Read)
    judged = judge(found, REDACTED, terms, NOW)
    assert judged.fate is Fate.REFUSED
    refused = decode_message(judged.outgoing.value)
    assert isinstance(refused, Refusal)
    assert refused.content.redact
    assert refused.content.told_fingerprint == seal("newest", refused.message_id, refused.content.fingerprint)


@pytest.mark.parametrize("secrets", [("newest",), ("newer", "newest")])
async def test_a_key_is_known_by_the_seal_alone(secrets: tuple[str, ...]) -> None:
    """As after a loss of the ledger: the view is made of the topic, where only the seal is told."""
    message_id = ids.of_key("acme", "k")
    asked = SendRequest(
        from_phone_number=world.TWILIO, to_phone_number=world.HANDSET, message="Hello", idempotency_key="k"
    )
    verdict = accept(
        asked, "acme", REDACTED, door=Door.REST, message_id=message_id, now=NOW, settings=SETTINGS
    )
    assert isinstance(verdict, Accepted)
    messages = MessageSettings(fingerprint_secrets=secrets)
    doors = Doors(view=MemoryLedger(now=NOW), directory=REDACTED, messages=messages)
    doors.view.rows[message_id] = first_row(verdict.message)
    again = await doors.over_rest()
    other = await doors.over_rest(message="Other")
    assert isinstance(again, Reply)
    assert again.replayed
    assert isinstance(other, Problem)
    assert other.code == "conflict"


def test_a_providers_sentence_is_told_without_what_it_quotes() -> None:
    content = Content(
        to_number="+2", text=MARK, segments=1, fingerprint="1:x", accepted_at=1, redact=True, sealed="s1:x"
    )
    assert content.told(f"Rejected as spam: {MARK}") == "Rejected as spam: [...]"
    assert content.model_copy(update={"redact": False}).told(MARK) == MARK


def test_older_records_are_not_redacted() -> None:
    told: dict[str, Any] = json.loads(accepted().encode())
    del told["content"]["redact"], told["content"]["sealed"]
    message = decode_message(json.dumps(told).encode())
    assert isinstance(message, Message)
    assert not message.content.redact
