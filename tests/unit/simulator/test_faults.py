"""Which rule meets which request: the first that agrees, counted, nothing by chance."""

from typing import Any

import pytest
from pydantic import ValidationError

from simulator.faults import Drop, FaultBook, Hang, Receipts, Rule
from simulator.messages import Draft

_DRAFT = Draft(provider="vonage", account="vo-1", to="+14155550100", sender="+14155550199", text="hello")
_DROP = {"kind": "drop", "accepted": True}


def _book(*rules: dict[str, Any]) -> FaultBook:
    book = FaultBook()
    for rule in rules:
        book.add(Rule.model_validate(rule))
    return book


@pytest.mark.parametrize(
    ("match", "met"),
    [
        ({}, True),
        ({"to": "+14155550100"}, True),
        ({"to": "14155550100"}, True),
        ({"to": "+1415555*"}, True),
        ({"to": "+1416*"}, False),
        ({"to": "+14155550101"}, False),
        ({"from": "14155550199"}, True),
        ({"from": "+14155550100"}, False),
        ({"account": "vo-1", "provider": "vonage"}, True),
        ({"account": "vo-1", "provider": "twilio"}, False),
        ({"account": "vo-2"}, False),
    ],
)
def test_a_rule_meets_what_agrees_with_every_field(match: dict[str, str], met: bool) -> None:
    book = _book({"match": match, "fault": _DROP})
    assert (book.answer_fault(_DRAFT) is not None) is met


def test_the_first_rule_decides_until_it_is_spent() -> None:
    book = _book(
        {"fault": _DROP, "times": 2},
        {"fault": {"kind": "hang"}},
    )
    met = [book.answer_fault(_DRAFT) for _ in range(4)]
    assert [type(fault) for fault in met] == [Drop, Drop, Hang, Hang]
    assert [(rule["applied"], rule["left"]) for rule in book.shown()] == [(2, 0), (2, None)]


def test_every_nth_is_counted_from_the_first() -> None:
    book = _book({"fault": _DROP, "every": 3, "times": 2})
    met = [book.answer_fault(_DRAFT) is not None for _ in range(10)]
    assert met == [False, False, True, False, False, True, False, False, False, False]


def test_a_message_can_have_a_fault_of_each_sort() -> None:
    book = _book({"fault": {"kind": "receipts", "copies": 2}, "times": 1}, {"fault": _DROP})
    assert isinstance(book.answer_fault(_DRAFT), Drop)
    assert book.receipt_fault(_DRAFT) == Receipts(kind="receipts", copies=2)
    assert book.receipt_fault(_DRAFT) is None


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": {"kind": "explode"}},
        {"fault": {"kind": "drop"}},
        {"fault": {"kind": "server_error", "status": 404}},
        {"fault": _DROP, "times": 0},
        {"fault": _DROP, "match": {"number": "+14155550100"}},
        {"fault": {"kind": "receipts", "code": "30005"}},
    ],
)
def test_a_wrong_rule_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate(rule)
