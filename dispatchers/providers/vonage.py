"""Vonage: Messages API, one `POST /v1/messages`. Its SDK is synchronous, so sends run in threads."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from vonage_http_client import Auth, HttpClient, HttpClientOptions
from vonage_messages import Messages
from vonage_messages.models import BaseMessage, Sms

from directory.secrets import resolve
from dispatchers.port import Answer, Handover, NoAnswer, Question
from dispatchers.providers.answers import json_object, refusal, seconds_left, text, unreadable
from dispatchers.providers.exchange import Exchange, NotWrittenError, Reply, current, under_way
from dispatchers.providers.vonage_mms import mms
from schemas.directory import Account, VonageCredentials
from schemas.provider import Accepted, Outcome, Provider
from schemas.settings import DispatchSettings

#: Seconds that `ttl` may say, for a text and for an MMS.
_SMS_TTL: Final = (20, 604_800)
_MMS_TTL: Final = (300, 259_200)
#: The SDK's tokens live for 15 minutes.
_TOKEN_SECONDS: Final = 600


class CachedAuth(Auth):  # type: ignore[misc] # the SDK has no types
    """Makes a token every ten minutes: made for each send it costs 34 ms of the whole process."""

    def __init__(self, application_id: str, private_key: str) -> None:
        super().__init__(application_id=application_id, private_key=private_key)
        self._lock = threading.Lock()
        self._token = b""
        self._until = 0.0

    def create_jwt_auth_string(self) -> bytes:
        """The value of `Authorization`. Blocks while the one who comes first makes it."""
        with self._lock:
            if time.time() > self._until:
                self._token = super().create_jwt_auth_string()
                self._until = time.time() + _TOKEN_SECONDS
            return self._token


class _Claiming:
    """Asks for leave when the connection is there: urllib3 connects in the middle of a plain request."""

    sock: Any
    connect: Callable[[], None]

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()
        current().leave()
        super().request(*args, **kwargs)  # type: ignore[misc] # a mix-in of urllib3's connections


class _Connection(_Claiming, HTTPConnection):
    pass


class _TlsConnection(_Claiming, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class OncePost(HTTPAdapter):
    """Writes one POST, if the claim still holds; the answer goes to the exchange."""

    def __init__(self, http: DispatchSettings, threads: int, base_url: str | None) -> None:
        self._timeout = (http.connect_timeout_seconds, http.http_timeout_seconds)
        self._base_url = base_url
        super().__init__(pool_maxsize=threads, max_retries=urllib3.Retry(0, read=False))
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        """Send `request`; what is returned is an empty success, whatever came (`exchange`)."""
        if self._base_url:
            # The SDK insists on https://host.
            request.url = self._base_url.rstrip("/") + request.path_url
        exchange = current()
        try:
            came = super().send(request, **(options | {"timeout": self._timeout, "stream": False}))
            exchange.reply = Reply(came.status_code, came.headers, came.content)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, NotWrittenError) as error:
            exchange.failed(error)
        answer = requests.Response()
        answer.status_code = 202
        answer.request = request
        answer._content = b'{"message_uuid":""}'  # noqa: SLF001 - requests has no other way to make one
        return answer


class VonagePort:
    """Sends through one Vonage application."""

    def __init__(
        self,
        account: Account,
        credentials: VonageCredentials,
        http: DispatchSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        # At WARNING it writes whole bodies, at DEBUG texts and tokens.
        logging.getLogger("vonage").setLevel(logging.ERROR)
        self._clock = clock
        self._total = http.http_timeout_seconds
        # As many as may be in flight: whoever waited for a thread would outlive its claim.
        threads = http.max_in_flight
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=f"vonage-{account.id}")
        auth = CachedAuth(credentials.application_id, resolve(credentials.private_key))
        auth.create_jwt_auth_string()
        # It POSTs as often as its pool is large when the server closes the connection: the pool says 1, and
        # the adapter that is mounted in its place has the real size.
        options = HttpClientOptions(max_retries=0, pool_maxsize=1)
        client = HttpClient(auth, options, version("vonage"))
        self._session: requests.Session = client._session  # noqa: SLF001 - the SDK is pinned for this
        self._session.mount("https://", OncePost(http, threads, account.base_url))
        # Proxies, certificates and passwords of the environment would override ours.
        self._session.trust_env = False
        self._messages = Messages(client)

    async def send(self, handover: Handover) -> Outcome:
        """See `ProviderPort.send`."""
        message = compose(handover, self._clock())
        exchange = Exchange(handover.still_mine)
        loop = asyncio.get_running_loop()
        try:
            # Requests bounds the wait for each part of an answer, not for the whole.
            async with asyncio.timeout(self._total):
                await loop.run_in_executor(self._threads, self._post, exchange, message)
        except TimeoutError:
            exchange.failure = f"nothing within {self._total:g} s"
        finally:
            exchange.end()
        return exchange.outcome(lambda reply: read(reply, self._clock()))

    async def ask(self, question: Question) -> Answer:
        """See `ProviderPort.ask`. The Messages API shows none; the Reports API is a product of its own."""
        del question
        return NoAnswer("Vonage's Messages API cannot be asked")

    async def close(self) -> None:
        """See `ProviderPort.close`."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    def _post(self, exchange: Exchange, message: BaseMessage) -> None:
        with under_way(exchange):
            self._messages.send(message)


def compose(handover: Handover, now: float) -> BaseMessage:
    """The message in Vonage's words: numbers without the plus."""
    task = handover.task
    common = {
        "to": task.to_number.removeprefix("+"),
        "from_": task.sender.removeprefix("+"),
        "client_ref": task.message_id,
        "webhook_url": handover.callback_url,
        "webhook_version": "v1",
    }
    if task.media:
        return mms(task.media, task.text, ttl=seconds_left(task.valid_until, now, _MMS_TTL), **common)
    return Sms(text=task.text, ttl=seconds_left(task.valid_until, now, _SMS_TTL), **common)


def read(reply: Reply, now: float) -> Outcome:
    """What Vonage's answer means."""
    found = json_object(reply.body)
    if not 200 <= reply.status < 300:
        return refusal(
            Provider.VONAGE,
            reply,
            code=text(found.get("type")).rpartition("#")[2],
            detail=text(found.get("detail")) or text(found.get("title")),
            parameter=_invalid(found.get("invalid_parameters")),
            now=now,
        )
    uuid = text(found.get("message_uuid"))
    return Accepted(provider_message_id=uuid) if uuid else unreadable(Provider.VONAGE, reply)


def _invalid(parameters: object) -> str:
    """The name of the first field that the answer calls invalid."""
    if isinstance(parameters, list) and parameters and isinstance(parameters[0], dict):
        return text(parameters[0].get("name"))
    return ""
