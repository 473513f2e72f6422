"""Telnyx: Messaging, one `POST /v2/messages`. Of the three only Telnyx knows idempotency keys."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, assert_never

import aiohttp
import httpx
from telnyx import AsyncTelnyx, Omit, omit

from directory.secrets import resolve
from dispatchers.port import (
    Answer,
    ByHandover,
    ById,
    Found,
    Handover,
    NoAnswer,
    NotFound,
    Question,
)
from dispatchers.providers import http as wire
from dispatchers.providers.answers import (
    json_object,
    refusal,
    repeated,
    standing,
    text,
    unanswered,
    unreadable,
)
from dispatchers.providers.exchange import Exchange, Reply, under_way
from schemas.directory import Account, TelnyxCredentials
from schemas.limits import LIMITS
from schemas.provider import Accepted, Outcome, Provider
from schemas.segments import Encoding, encoding
from schemas.settings import DispatchSettings
from schemas.tasks import Task

_BASE_URL: Final = "https://api.telnyx.com"
_NOT_FOUND: Final = 404
#: aiohttp says these itself: what it can decompress, where it connects to, how long the body is.
_OWN_HEADERS: Final = frozenset({b"host", b"accept-encoding", b"content-length"})


class AiohttpTransport(httpx.AsyncBaseTransport):
    """The SDK's transport on our session: httpx' own pool opens a connection per message under load."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Write it once; the answer goes to the exchange."""
        await wire.write(
            self._session,
            request.method,
            str(request.url),
            body=request.content,
            headers=[
                (name.decode(), value.decode())
                for name, value in request.headers.raw
                if name.lower() not in _OWN_HEADERS
            ],
        )
        return httpx.Response(200, json={})


class TelnyxPort:
    """Sends through one Telnyx account."""

    def __init__(
        self,
        account: Account,
        credentials: TelnyxCredentials,
        http: DispatchSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        for name in ("telnyx", "httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._clock = clock
        self._session = wire.session(http)
        self._client = AsyncTelnyx(
            api_key=resolve(credentials.api_key),
            base_url=f"{(account.base_url or _BASE_URL).rstrip('/')}/v2",
            # The default of 2 would POST again on 408, 409, 429, 5xx, timeouts and dropped connections.
            max_retries=0,
            http_client=httpx.AsyncClient(transport=AiohttpTransport(self._session)),
        )
        # Imports two thousand modules now; the first send would stall the loop for over a second.
        self._messages = self._client.messages

    async def send(self, handover: Handover) -> Outcome:
        """See `ProviderPort.send`. Telnyx takes no validity period."""
        task = handover.task
        # Not a parameter of the SDK; documented in answers and webhooks.
        extra: dict[str, Any] = {"tags": [task.message_id]}
        exchange = Exchange(handover.still_mine)
        with under_way(exchange):
            await self._messages.send(
                to=task.to_number,
                from_=task.sender,
                text=task.text or omit,
                media_urls=list(task.media) or omit,
                type="MMS" if task.media else "SMS",
                encoding=_encoding(task),
                webhook_url=handover.callback_url,
                use_profile_webhooks=False,
                idempotency_key=handover.nonce,
                extra_body=extra,
            )
        return exchange.outcome(lambda reply: read(reply, self._clock()))

    async def ask(self, question: Question) -> Answer:
        """See `ProviderPort.ask`. Telnyx has no list; the same request with the same key is replayed."""
        match question:
            case ById(provider_message_id=message_id):
                exchange = Exchange(lambda: True)
                with under_way(exchange):
                    await self._messages.retrieve(message_id)
                return exchange.answer(lambda reply: fetched(reply, self._clock()))
            case ByHandover(handover=handover):
                return repeated(await self.send(handover))
            case _:
                assert_never(question)

    async def close(self) -> None:
        """See `ProviderPort.close`."""
        await self._client.close()
        await self._session.close()


def _encoding(task: Task) -> Literal["ucs2"] | Omit:
    """UCS-2 where the text needs it: else a profile with smart encoding puts other characters in place."""
    if task.media or encoding(task.text, LIMITS[Provider.TELNYX].lacking) is Encoding.GSM7:
        return omit
    return "ucs2"


def read(reply: Reply, now: float) -> Outcome:
    """What Telnyx' answer means."""
    found = json_object(reply.body)
    if not 200 <= reply.status < 300:
        error = _first(found.get("errors"))
        return refusal(
            Provider.TELNYX,
            reply,
            code=text(error.get("code")),
            detail=text(error.get("detail")) or text(error.get("title")),
            now=now,
        )
    data = found.get("data")
    if not (isinstance(data, dict) and text(data.get("id"))):
        return unreadable(Provider.TELNYX, reply)
    return _accepted(data)


def fetched(reply: Reply, now: float) -> Answer:
    """What Telnyx' answer to a look-up means."""
    found = json_object(reply.body)
    if reply.status == _NOT_FOUND:
        return NotFound()
    data = found.get("data")
    if not 200 <= reply.status < 300:
        return unanswered(reply, now)
    if not (isinstance(data, dict) and text(data.get("id"))):
        return NoAnswer("telnyx showed no message")
    error = _first(data.get("errors"))
    title, status = text(error.get("title")), text(_first(data.get("to")).get("status"))
    code, detail = text(error.get("code")), text(error.get("detail")) or title
    return Found(_accepted(data), standing(Provider.TELNYX, status, code, detail, title))


def _accepted(data: Mapping[str, Any]) -> Accepted:
    parts = data.get("parts")
    segments = parts if isinstance(parts, int) and parts > 0 else None
    return Accepted(provider_message_id=text(data["id"]), segments=segments)


def _first(found: object) -> dict[str, Any]:
    """The first object of a list, else an empty one."""
    if isinstance(found, list) and found and isinstance(found[0], dict):
        return found[0]
    return {}
