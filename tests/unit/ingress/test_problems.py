"""Problems as answers: the members of RFC 9457, and a line in the log that an `instance` leads to."""

import json
import logging
from uuid import UUID

import pytest

from ingress.codes import STATUS, TITLE, Code
from ingress.problems import Problem, internal, passing

ONCE = UUID(int=7)


def said(problem: Problem) -> dict[str, object]:
    body: dict[str, object] = json.loads(bytes(problem.response().body))
    return body


@pytest.mark.parametrize("code", Code)
def test_every_problem_has_the_members_of_rfc_9457(code: Code) -> None:
    answer = Problem(code, "It is so.").response()
    assert answer.status_code == STATUS[code]
    assert answer.headers["content-type"] == "application/json"
    body = json.loads(bytes(answer.body))
    assert list(body) == ["detail", "code", "type", "title", "status", "instance"]
    assert body["type"] == f"urn:heliograph:error:{code}"
    assert body["title"] == TITLE[code]
    assert body["status"] == STATUS[code]


def test_each_answer_has_an_instance_of_its_own() -> None:
    problem = Problem(Code.NOT_FOUND, "Not Found")
    first, second = said(problem)["instance"], said(problem)["instance"]
    assert first != second
    assert str(first).startswith("urn:uuid:")


def test_what_is_told_beyond_stands_last_and_may_say_status_otherwise() -> None:
    problem = Problem(
        Code.SEND_FAILED, "Failed to send SMS via telnyx", {"status": "failed", "success": False}
    )
    body = json.loads(problem.body(ONCE))
    assert body["status"] == "failed"
    assert body["success"] is False
    assert body["instance"] == f"urn:uuid:{ONCE}"


def test_unicode_is_written_as_it_is() -> None:
    assert "ü😀".encode() in Problem(Code.INVALID_FIELD, "ü😀").body(ONCE)


@pytest.mark.parametrize("code", [Code.BROKER_UNAVAILABLE, Code.LEDGER_UNAVAILABLE, Code.IN_FLIGHT])
def test_what_passes_says_when(code: Code) -> None:
    assert int(passing(code, "Later").response().headers["retry-after"]) >= 1
    assert passing(code, "Later", after=9).response().headers["retry-after"] == "9"


@pytest.mark.parametrize("code", Code)
def test_what_is_our_sides_doing_is_logged_under_its_instance(
    code: Code, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        body = said(Problem(code, "It is so."))
    found = [record for record in caplog.records if str(body["instance"]) in record.getMessage()]
    assert len(found) == (STATUS[code] >= 500)


def test_the_log_has_the_reason_of_what_nobody_has_foreseen(caplog: pytest.LogCaptureFixture) -> None:
    answer = internal(LookupError("the reason")).response()
    assert "the reason" not in bytes(answer.body).decode()
    assert "LookupError: the reason" in caplog.text
