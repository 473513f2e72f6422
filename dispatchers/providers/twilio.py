"""Twilio: Programmable Messaging, one `POST /2010-04-01/Accounts/{sid}/Messages.json`."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, assert_never
from urllib.parse import urlencode

import aiohttp
from twilio.base import values
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from directory.secrets import resolve
from dispatchers.port import Answer, ByHandover, ById, Handover, Question
from dispatchers.providers import http as wire
from dispatchers.providers.answers import json_object, refusal, seconds_left, text, unreadable
from dispatchers.providers.exchange import Exchange, Reply, under_way
from dispatchers.providers.twilio_messages import accepted, fetched, listed
from schemas.directory import Account, TwilioCredentials
from schemas.provider import Outcome, Provider
from schemas.settings import DispatchSettings

#: Seconds that `ValidityPeriod` may say; Twilio advises against 5 and less.
_VALIDITY: Final = (6, 36_000)
#: By default Twilio retries a callback once, and only where it could not connect. A connection override
#: in the URL's fragment (never transmitted, never signed) makes that five times, whatever the failure.
_RETRY_CALLBACKS: Final = "#rc=5&rp=all"
#: How many messages of one sender to one recipient are looked at; Twilio shows 1000 at most.
_PAGE: Final = 200
#: What the SDK is given to read: a page without messages, and a message without fields.
_EMPTY: Final = '{"messages": []}'


class SharedSession(AsyncHttpClient):  # type: ignore[misc] # the SDK has no types
    """The SDK's HTTP client on our session. Its own one ignores the timeout that it is given."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        super().__init__(logging.getLogger("twilio"), is_async=True)
        self._session = session

    async def request(  # noqa: PLR0917 - the SDK's signature
        self,
        method: str,
        uri: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - its signature
        allow_redirects: bool = False,  # noqa: ARG002 - likewise
    ) -> Response:
        """Write it once, `data` as a form; the answer goes to the exchange."""
        sent = dict(headers or {})
        if auth:
            sent["Authorization"] = aiohttp.encode_basic_auth(*auth)
        body = urlencode(data or {}, doseq=True).encode()
        url = f"{uri}?{urlencode(params, doseq=True)}" if params else uri
        await wire.write(self._session, method, url, body=body, headers=sent)
        return Response(200, _EMPTY)


class TwilioPort:
    """Sends through one Twilio account."""

    def __init__(
        self,
        account: Account,
        credentials: TwilioCredentials,
        http: DispatchSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        logging.getLogger("twilio").setLevel(logging.WARNING)
        self._clock = clock
        self._session = wire.session(http)
        client = Client(
            credentials.api_key_sid,
            resolve(credentials.api_key_secret),
            account_sid=credentials.account_sid,
            http_client=SharedSession(self._session),
            # Left alone, the SDK would let TWILIO_EDGE and TWILIO_REGION rewrite the host. An empty mapping
            # counts as none given.
            environment={"TWILIO_REGION": "", "TWILIO_EDGE": ""},
        )
        if account.base_url:
            client.api.base_url = account.base_url
        # Imports the resource now; the first send would stall the loop.
        self._messages: Any = client.messages

    async def send(self, handover: Handover) -> Outcome:
        """See `ProviderPort.send`."""
        task = handover.task
        exchange = Exchange(handover.still_mine)
        with under_way(exchange):
            await self._messages.create_async(
                to=task.to_number,
                from_=task.sender,
                body=task.text or values.unset,
                media_url=list(task.media) or values.unset,
                status_callback=handover.callback_url + _RETRY_CALLBACKS,
                validity_period=seconds_left(task.valid_until, self._clock(), _VALIDITY),
            )
        return exchange.outcome(lambda reply: read(reply, self._clock()))

    async def ask(self, question: Question) -> Answer:
        """See `ProviderPort.ask`."""
        exchange = Exchange(lambda: True)
        match question:
            case ById(provider_message_id=sid):
                with under_way(exchange):
                    await self._messages(sid).fetch_async()
                return exchange.answer(lambda reply: fetched(reply, self._clock()))
            case ByHandover(handover=handover):
                task = handover.task
                # No filter by date: a message that waits at Twilio has no date sent yet.
                with under_way(exchange):
                    await self._messages.page_async(to=task.to_number, from_=task.sender, page_size=_PAGE)
                return exchange.answer(lambda reply: listed(reply, question, self._clock()))
            case _:
                assert_never(question)

    async def close(self) -> None:
        """See `ProviderPort.close`."""
        await self._session.close()


def read(reply: Reply, now: float) -> Outcome:
    """What Twilio's answer means."""
    found = json_object(reply.body)
    if not 200 <= reply.status < 300:
        return refusal(Provider.TWILIO, reply, code=text(found.get("code")), detail=_sentence(found), now=now)
    sid = text(found.get("sid"))
    if not sid:
        return unreadable(Provider.TWILIO, reply)
    return accepted(sid, found)


def _sentence(found: Mapping[str, Any]) -> str:
    # RFC 9457 errors have `title` and `detail` in place of `message`.
    return text(found.get("message")) or text(found.get("detail")) or text(found.get("title"))
