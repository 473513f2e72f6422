"""A redacted message's transitions: nothing of its text, whatever providers say of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.facts import AnyFact, ReceiptStatus, Rejected, Routed
from schemas.messages import Content
from schemas.provider import Fault, Throttled
from schemas.provider import Rejected as Refused
from schemas.public import StatusRecord
from streams import rows
from streams.fold import fold
from tests.unit.streams.facts import CONTENT, ambiguous, outcome, receipt, rejected, routed

MARK, URL = "MARK of a text", "https://media.example.com/MARK"
SECRET = CONTENT.model_copy(
    update={"text": MARK, "media": (URL,), "redact": True, "sealed": "s1:sealed", "fingerprint": "1:MARK"}
)
QUOTING = f"We do not send '{MARK}' nor {URL}, not even '{MARK[:10]}"


def of(content: Content, fact: AnyFact) -> AnyFact:
    """`fact`, of a message with `content`."""
    if isinstance(fact, Routed | Rejected):
        return fact.model_copy(update={"content": content})
    return fact


FACTS: tuple[AnyFact, ...] = (
    routed(),
    rejected(),
    outcome(Refused(fault=Fault.CONTENT, code="30007", detail=QUOTING)),
    outcome(Throttled(detail=QUOTING)),
    ambiguous().model_copy(update={"detail": QUOTING}),
    receipt(ReceiptStatus.FAILED).model_copy(update={"detail": QUOTING, "raw": QUOTING}),
)


def told(facts: list[AnyFact], content: Content) -> list[StatusRecord]:
    """What is told of `facts`, the row taken out of its table and put back between them."""
    row, records = None, []
    for offset, fact in enumerate(facts):
        row, more = fold(row, of(content, fact), offset)
        row = rows.decode(rows.encode(row))
        records += more
    return records


@given(st.permutations(FACTS))
def test_no_order_of_facts_tells_it(facts: list[AnyFact]) -> None:
    records = told(facts, SECRET)
    assert records
    for record in records:
        assert b"MARK" not in record.encode()
        assert (record.text, record.media, record.redacted) == ("", (), True)
        assert record.fingerprint == "s1:sealed"


@pytest.mark.parametrize("content", [SECRET.model_copy(update={"redact": False}), CONTENT])
def test_of_others_all_is_told(content: Content) -> None:
    (record, *_) = told([routed()], content)
    assert (record.text, record.media, record.redacted) == (content.text, content.media, False)
    assert record.fingerprint == content.fingerprint
