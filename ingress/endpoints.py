"""What each route does: who asks, what is asked, and the answer as HTTP."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from broker import health
from directory.snapshot import Directory
from ingress import bodies, compliance, keys, metrics, queues, statuses
from ingress.admin import asked
from ingress.admin.serving import Subscribing
from ingress.admin.writing import Writing
from ingress.cancelling import Already, Cancelled, Cancelling
from ingress.codes import Code
from ingress.entered import OptOutBody
from ingress.limits import RateLimit
from ingress.optouts import OptOuts
from ingress.ports import Store
from ingress.problems import Problem
from ingress.rehearsal import Rehearsal
from ingress.replies import Reply
from ingress.sending import Sending
from ingress.shortcut import Endpoint
from ingress.statuses import Members
from ledger import LedgerAwayError
from schemas.directory import ApiKey, Scope
from schemas.optouts import Consent
from schemas.requests import SendRequest
from schemas.tracing import of_request

_LOG: Final = logging.getLogger(__name__)
#: Nobody is there to read it; what web servers log for a caller who has gone.
_GONE: Final = 499
#: Answers that were waited for: the provider's part in them is not ours.
_WAITED: Final = frozenset({"sent", "late", "cancelled", "send_failed"})


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the routes are made of."""

    sending: Sending
    rehearsal: Rehearsal
    cancelling: Cancelling
    ledger: Store
    rates: RateLimit
    optouts: OptOuts
    #: The newest snapshot.
    directory: Callable[[], Directory]
    body_limit_bytes: int
    #: Epoch milliseconds.
    clock: Callable[[], int]
    #: That many bytes that nobody can guess.
    random: Callable[[int], bytes]
    #: Changes the directory.
    writing: Writing
    #: What there is to subscriptions beside their entities.
    subscribing: Subscribing
    #: For `/readyz`: without these the door is not ready; those are only shown.
    needed: Mapping[str, health.Check]
    shown: Mapping[str, health.Check]


def send(
    parts: Parts, model: type[SendRequest], told: Callable[[Problem], Problem] = lambda it: it
) -> Endpoint:
    """`POST /sms/send` and `POST /v1/sms/`, which take other bodies; problems are answered as `told` says."""

    async def endpoint(request: Request) -> Response:
        started = time.perf_counter()
        try:
            result = await _sent(request, parts, model)
        except ClientDisconnect:
            return Response(status_code=_GONE)
        except Exception:
            metrics.SENDS.labels(Code.INTERNAL).inc()
            raise
        outcome = result.outcome if isinstance(result, Reply) else result.code
        seconds = metrics.OUTCOME_SECONDS if outcome in _WAITED else metrics.SEND_SECONDS
        seconds.observe(time.perf_counter() - started)
        metrics.SENDS.labels(outcome).inc()
        return (told(result) if isinstance(result, Problem) else result).response()

    return endpoint


async def _sent(request: Request, parts: Parts, model: type[SendRequest]) -> Reply | Problem:
    key = await _who(request, parts, Scope.SEND)
    if isinstance(key, Problem):
        return key
    body = await bodies.read(request, parts.body_limit_bytes)
    if isinstance(body, Problem):
        return body
    wanted = bodies.parse(body, request.headers.getlist("idempotency-key"), model)
    if isinstance(wanted, Problem):
        return wanted
    if wanted.dry_run:
        return await parts.rehearsal.judge(wanted, key.organization)
    return await parts.sending.send(wanted, key.organization, of_request(request.headers))


def look(parts: Parts, members: Members, *, of_use_cases: bool = False) -> Endpoint:
    """What is known of a message, in `members`; of one that names its sender only where that is asked for."""

    async def endpoint(request: Request) -> Response:
        key = await _who(request, parts, Scope.READ)
        if isinstance(key, Problem):
            return key.response()
        found = await _found(
            request.path_params["message_id"], key.organization, parts, members, of_use_cases=of_use_cases
        )
        return _shown(found)

    return endpoint


async def _found(
    given: str, organization: str, parts: Parts, members: Members, *, of_use_cases: bool
) -> bytes | Problem:
    message_id = statuses.canonical(given)
    if message_id is None:
        return statuses.not_found(given)
    try:
        seen = await parts.ledger.get(message_id)
    except LedgerAwayError as error:
        _LOG.warning("view.unavailable message_id=%s error=%r", message_id, error)
        return statuses.unsure()
    if of_use_cases and seen.row is not None and seen.row.use_case_id is None:
        return statuses.not_found(given)
    return statuses.answer(given, organization, seen, members)


def cancel(parts: Parts) -> Endpoint:
    """`DELETE /sms/{message_id}`."""

    async def endpoint(request: Request) -> Response:
        result = await _cancelled(request, parts)
        if isinstance(result, Problem):
            metrics.CANCELS.labels(result.code).inc()
            return result.response()
        metrics.CANCELS.labels("cancelled" if isinstance(result, Cancelled) else "already").inc()
        return _shown(statuses.encoded(_decision(result)))

    return endpoint


async def _cancelled(request: Request, parts: Parts) -> Cancelled | Already | Problem:
    key = await _who(request, parts, Scope.SEND)
    if isinstance(key, Problem):
        return key
    given: str = request.path_params["message_id"]
    return await parts.cancelling.cancel(given, key.organization, of_request(request.headers))


def _decision(result: Cancelled | Already) -> dict[str, Any]:
    done = isinstance(result, Cancelled)
    return {
        "success": done,
        "message_id": result.message_id,
        "message": "SMS cancelled successfully"
        if isinstance(result, Cancelled)
        else f"Message is already {result.word}",
        "previous_status": "queued" if isinstance(result, Cancelled) else result.word,
        "new_status": "cancelled" if done else None,
        "state": "cancelled" if isinstance(result, Cancelled) else result.state,
    }


def stats(parts: Parts) -> Endpoint:
    """`GET /sms/queue/stats`."""

    async def endpoint(request: Request) -> Response:
        key = await _who(request, parts, Scope.READ)
        if isinstance(key, Problem):
            return key.response()
        return _shown(await _figures(request.query_params.get("provider"), key.organization, parts))

    return endpoint


async def _figures(provider: str | None, organization: str, parts: Parts) -> bytes | Problem:
    providers = queues.asked(provider)
    if isinstance(providers, Problem):
        return providers
    now = parts.clock()
    try:
        found = await parts.ledger.queues(organization, now)
    except LedgerAwayError as error:
        _LOG.warning("queues.unavailable organization=%s error=%r", organization, error)
        return queues.unsure()
    told = queues.members(found, providers, now)
    return told if isinstance(told, Problem) else statuses.encoded(told)


def can_send(parts: Parts) -> Endpoint:
    """`GET /v1/sms-compliance/can-send/{number}`."""

    async def endpoint(request: Request) -> Response:
        key = await _who(request, parts, Scope.READ)
        if isinstance(key, Problem):
            return key.response()
        told = compliance.can_send(parts.directory(), key.organization, request.path_params["number"])
        return _shown(told if isinstance(told, Problem) else statuses.encoded(told))

    return endpoint


def optouts(parts: Parts) -> Endpoint:
    """`GET` of `/v1/optouts`: of one number, or a page of all; `POST`: out; `DELETE`: in again."""

    async def endpoint(request: Request) -> Response:
        writes = request.method in {"POST", "DELETE"}
        key = await _who(request, parts, Scope.ADMIN if writes else Scope.READ)
        if isinstance(key, Problem):
            return key.response()
        try:
            found = await (_wish if writes else _wishes)(request, parts, key.organization)
        except ClientDisconnect:
            return Response(status_code=_GONE)
        if isinstance(found, Problem):
            return found.response()
        answer = _shown(statuses.encoded(found))
        answer.status_code = 201 if request.method == "POST" else 200
        return answer

    return endpoint


async def _wishes(request: Request, parts: Parts, organization: str) -> dict[str, Any] | Problem:
    number = request.query_params.get("number")
    if number is not None:
        asked_of = asked.model(OptOutBody, {"number": number})
        return asked_of if isinstance(asked_of, Problem) else await parts.optouts.of(organization, number)
    page = asked.page(request.query_params)
    return page if isinstance(page, Problem) else await parts.optouts.page(organization, page)


async def _wish(request: Request, parts: Parts, organization: str) -> dict[str, Any] | Problem:
    if request.method == "DELETE":
        wanted = asked.model(OptOutBody, dict(request.query_params))
        consent = Consent.IN
    else:
        body = await bodies.read(request, parts.body_limit_bytes)
        given = body if isinstance(body, Problem) else asked.members(body)
        wanted = given if isinstance(given, Problem) else asked.model(OptOutBody, given)
        consent = Consent.OUT
    return wanted if isinstance(wanted, Problem) else await parts.optouts.write(organization, wanted, consent)


async def _who(request: Request, parts: Parts, scope: Scope) -> ApiKey | Problem:
    """Whose request it is, if it is within its key's rate."""
    key = keys.authenticate(request.headers.get("authorization"), parts.directory(), scope, parts.clock())
    return key if isinstance(key, Problem) else await parts.rates.check(key) or key


def _shown(found: bytes | Problem) -> Response:
    if isinstance(found, Problem):
        return found.response()
    return Response(found, media_type="application/json", headers={"Cache-Control": "no-store"})
