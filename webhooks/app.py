"""The routes: read the request, let it be judged, produce, answer."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from directory.snapshot import Directory
from schemas.facts import Receipt
from schemas.failpoints import Point, reached
from schemas.provider import Fault, Provider
from schemas.settings import CallbackSettings
from schemas.tracing import of_request
from webhooks import metrics
from webhooks.heeding import Consents
from webhooks.inbound import Text
from webhooks.inbox import Inbox, Taking
from webhooks.judgement import BROKER_AWAY, TAKEN, Answer, Outcome, answered, judge
from webhooks.keys import Keys
from webhooks.providers import DIALECTS
from webhooks.publishing import Publish
from webhooks.signers import candidates
from webhooks.words import MOST_FIELDS, Incoming

_LOG: Final = logging.getLogger(__name__)
#: What Twilio is to do about a text: nothing (https://www.twilio.com/docs/messaging/twiml).
_TWIML: Final = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
#: Nobody is there to read it; what web servers log for a caller who has gone.
_GONE: Final = 499
#: Bytes of a query. Our callback URLs have some hundreds; a text by GET (Vonage) has 1,600 characters at
#: most, each of nine bytes at most.
_LONGEST_QUERY: Final = {"POST": 4_096, "GET": 32_768}
#: What people should look into; forged ones come from anywhere and are only counted.
_TOLD: Final = frozenset(
    {
        Outcome.UNKNOWN_STATUS,
        Outcome.UNSIGNED,
        Outcome.INBOUND_UNOWNED,
        Outcome.UNREADABLE,
        Outcome.SECRET_MISSING,
        Outcome.BROKER_AWAY,
    }
)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the routes are made of."""

    directory: Callable[[], Directory]
    keys: Keys
    publish: Publish
    inbox: Inbox
    consents: Consents
    callbacks: CallbackSettings
    body_limit_bytes: int
    #: How long the broker is waited for.
    timeout_seconds: float
    #: For `/readyz`: None, or why callbacks cannot be taken now.
    trouble: Callable[[], Awaitable[str | None]]
    #: Milliseconds since the epoch.
    clock: Callable[[], int]


def make_app(parts: Parts) -> Starlette:
    """The application; whoever made `parts` starts and stops what is in them."""

    def route(path: str, provider: Provider, methods: Sequence[str] = ("POST",)) -> Route:
        async def endpoint(request: Request) -> Response:
            return await _answered(request, provider, parts)

        return Route(path, endpoint, methods=list(methods))

    async def livez(_: Request) -> Response:
        return Response(b"ok")

    async def readyz(_: Request) -> Response:
        trouble = await parts.trouble()
        return Response(trouble or "ready", 503 if trouble else 200)

    async def numbers(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            route("/webhooks/sms/twilio", Provider.TWILIO),
            # The address that the channel API names.
            route("/v1/webhook/twilio/sms-status", Provider.TWILIO),
            route("/webhooks/sms/telnyx", Provider.TELNYX),
            # An application at Vonage may be set to call by GET.
            route("/webhooks/sms/vonage", Provider.VONAGE, ("POST", "GET")),
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/metrics", numbers),
        ]
    )


async def _answered(request: Request, provider: Provider, parts: Parts) -> Response:
    started = time.perf_counter()
    try:
        answer = await _answer(request, provider, parts)
    except ClientDisconnect:
        return Response(status_code=_GONE)
    metrics.CALLBACKS.labels(provider, answer.outcome).inc()
    metrics.ANSWER_SECONDS.observe(time.perf_counter() - started)
    if answer.outcome in _TOLD:
        _LOG.warning(
            "callback.%s provider=%s account=%s message_id=%s: %s",
            answer.outcome,
            provider,
            request.query_params.get("account"),
            request.query_params.get("message"),
            answer.detail,
        )
    if answer.status == 204:
        return Response(status_code=204)
    if answer.status == 200:
        return Response(_TWIML, media_type="text/xml")
    # What still comes of a body that is too large, uvicorn reads and drops. To close the connection here
    # would reach a provider that is still sending as a broken connection, not as this answer.
    body = json.dumps({"detail": answer.detail}).encode()
    return Response(body, answer.status, media_type="application/json")


async def _answer(request: Request, provider: Provider, parts: Parts) -> Answer:
    query, longest = request.scope["query_string"], _LONGEST_QUERY.get(request.method, 0)
    if len(query) > longest or query.count(b"&") >= MOST_FIELDS:
        return Answer(414, Outcome.TOO_LARGE, f"Query exceeds {longest} bytes or {MOST_FIELDS} parameters")
    body = await _body(request, parts.body_limit_bytes)
    if body is None:
        return Answer(413, Outcome.TOO_LARGE, f"Request body exceeds {parts.body_limit_bytes} bytes")
    incoming, directory = _incoming(request, body, parts.callbacks.public_url), parts.directory()
    signers = parts.keys.of(candidates(directory, provider, incoming))
    found = judge(
        provider,
        incoming,
        signers,
        directory=directory,
        macs=parts.callbacks.secrets,
        now_ms=parts.clock(),
    )
    match found:
        case Answer():
            return found
        case Receipt():
            reached(Point.WEBHOOK_VERIFIED)
            taken = await _publish(found, provider, incoming, parts)
            reached(Point.WEBHOOK_PRODUCED)
            return TAKEN if taken else BROKER_AWAY
        case Text():
            heeded = partial(parts.consents.heed, found)
            taking = await parts.inbox.take(found.record, of_request(request.headers), before=heeded)
            if taking is Taking.AWAY:
                return BROKER_AWAY
            return answered(found, repeated=taking is Taking.REPEATED)


async def _publish(receipt: Receipt, provider: Provider, incoming: Incoming, parts: Parts) -> bool:
    """What it teaches comes first: a receipt that is in the log does not come again."""
    if receipt.fault is Fault.OPTED_OUT:
        try:
            async with asyncio.timeout(parts.timeout_seconds):
                if not await parts.consents.learn(receipt, DIALECTS[provider].ends(incoming)):
                    return False
        except TimeoutError:
            return False
    return await parts.publish(receipt)


def _incoming(request: Request, body: bytes, public_url: str) -> Incoming:
    """The request as its sender knows it: what a proxy made of scheme and host is not what was signed."""
    query = request.scope["query_string"].decode("latin-1")
    path = request.scope["raw_path"].decode("latin-1")
    return Incoming(
        method=request.method,
        url=public_url.rstrip("/") + path + (f"?{query}" if query else ""),
        query=request.query_params,
        headers=request.headers,
        body=body,
    )


async def _body(request: Request, limit: int) -> bytes | None:
    """The whole body; None if it is longer than `limit` bytes."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        return None
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
    return b"".join(parts)
