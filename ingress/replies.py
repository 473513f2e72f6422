"""What `POST /sms/send` answers that is no plain error, as bytes: a replay must be the same ones."""

import json
from dataclasses import dataclass

from starlette.responses import Response

from ingress.problems import Problem
from ingress.shown import iso
from ledger.holds import Answer
from schemas.base import Millis
from schemas.provider import Provider


@dataclass(frozen=True)
class Reply:
    """An answer. `outcome` is its label among the metrics, from a closed set."""

    status: int
    body: bytes
    outcome: str
    replayed: bool = False

    def response(self) -> Response:
        """As HTTP."""
        headers = {"Idempotent-Replayed": "true"} if self.replayed else None
        return Response(self.body, self.status, headers, media_type="application/json")


@dataclass(frozen=True)
class Subject:
    """The message that an answer is about, as its owner is told of it."""

    message_id: str
    provider: Provider
    segments: int
    #: It is held until then.
    send_at: Millis | None = None


def kept(answer: Answer) -> Reply:
    """What an earlier request with the key was told, byte for byte."""
    return Reply(answer.status, answer.body, "replayed", replayed=True)


def queued(subject: Subject, *, replayed: bool = False) -> Reply:
    """The broker has it."""
    # By hand: this is the answer that most requests get.
    held = "" if subject.send_at is None else f',"send_at":"{iso(subject.send_at)}"'
    body = (
        f'{{"success":true,"message_id":"{subject.message_id}",'
        f'"message":"SMS queued successfully via {subject.provider}",'
        f'"provider":"{subject.provider}","status":"queued","num_segments":{subject.segments}{held}}}'
    )
    return Reply(200, body.encode(), "replayed" if replayed else "queued", replayed)


def sent(subject: Subject) -> Reply:
    """The provider has it."""
    return _told(
        subject, outcome="sent", success=True, message=f"SMS sent successfully via {subject.provider}",
        status="sent",
    )  # fmt: skip


def late(subject: Subject, far: str, state: str) -> Reply:
    """The bound has passed: `far` says how far it has got. It goes on."""
    return _told(
        subject, outcome="late", success=True, message=f"SMS queued via {subject.provider}; {far}",
        status="queued", state=state,
    )  # fmt: skip


def cancelled(subject: Subject) -> Reply:
    """Its owner was quicker."""
    return _told(
        subject, outcome="cancelled", success=False, message="SMS was cancelled before it was sent",
        status="failed", state="cancelled",
    )  # fmt: skip


def of_problem(problem: Problem) -> Reply:
    """A problem as an answer that can be kept and given again. It is logged here, once."""
    response = problem.response()
    return Reply(response.status_code, bytes(response.body), problem.code)


def _told(
    subject: Subject, *, outcome: str, success: bool, message: str, status: str, state: str | None = None
) -> Reply:
    body = {
        "success": success,
        "message_id": subject.message_id,
        "message": message,
        "provider": subject.provider,
        "status": status,
        "num_segments": subject.segments,
    }
    if state is not None:
        body["state"] = state
    return Reply(200, json.dumps(body, separators=(",", ":")).encode(), outcome)
