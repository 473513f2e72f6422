"""`error_code`: one integer for each way to fail, told in docs/errors.md, and never one for two of them."""

import re
from pathlib import Path

from ingress.codes import STATUS, Code
from schemas import refusals
from schemas.error_codes import ERROR_CODES, OTHER, error_code
from schemas.facts import ClosedWhy
from schemas.provider import Fault
from schemas.public import Failure

PAGE = (Path(__file__).parents[3] / "docs" / "errors.md").read_text(encoding="utf-8")
TABLE = PAGE.split("## `error_code` of the channel API")[1]
#: Of requests that no message ever comes of.
NO_FAILURES = {
    Code.MALFORMED_JSON, Code.MISSING_FIELD, Code.BODY_TOO_LARGE, Code.UNAUTHENTICATED, Code.MISSING_SCOPE,
    Code.MESSAGE_NOT_FOUND, Code.NOT_FOUND, Code.INVALID_ENTITY,
}  # fmt: skip


def test_the_page_has_them_all() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (?:`(\w+)` )?\|$", TABLE, re.MULTILINE)
    told = {(code, Fault(fault) if fault else None): int(number) for number, code, fault in rows}
    assert told == ERROR_CODES
    assert f"| {OTHER} | any other" in TABLE


def test_each_says_one_thing() -> None:
    assert len(set(ERROR_CODES.values())) == len(ERROR_CODES)
    assert OTHER not in ERROR_CODES.values()


def test_every_failure_that_the_page_names_has_one() -> None:
    section = PAGE.split("## Failures of messages")[1].split("\n## ")[0]
    told = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert len(told) > 5
    assert {code for code in told if (code, None) not in ERROR_CODES} == set()


def test_every_ending_without_a_send_has_one() -> None:
    assert {why for why in ClosedWhy if (why.value, None) not in ERROR_CODES} == set()


def test_every_refusal_has_one() -> None:
    shared = {value for name, value in vars(refusals).items() if name.isupper()}
    doors = {code.value for code in Code if STATUS[code] in {400, 422}} - NO_FAILURES
    assert {code for code in shared | doors if (code, None) not in ERROR_CODES} == set()


def test_of_what_others_say_the_fault_counts() -> None:
    failure = Failure(code="rejected", detail="Not a mobile number", fault=Fault.RECIPIENT)
    assert error_code(failure) == 202
    assert error_code(failure.model_copy(update={"fault": None})) == 200
    assert error_code(failure.model_copy(update={"code": "undelivered"})) == 302


def test_of_what_we_say_it_does_not() -> None:
    assert error_code(Failure(code="opted_out", detail="", fault=Fault.OPTED_OUT)) == 143


def test_what_a_newer_version_says_is_other() -> None:
    assert error_code(Failure(code="moonstruck", detail="")) == OTHER
