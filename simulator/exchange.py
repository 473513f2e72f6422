"""One send request from its arrival to its end: the one place where faults are performed."""

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, assert_never

from aiohttp import web

from simulator.conduct import Answer, Closed, Conduct, Failure, Page, Silence, conduct
from simulator.config import Account
from simulator.courier import Courier
from simulator.faults import FaultBook
from simulator.idempotency import IdempotencyKeys, Verdict
from simulator.messages import Draft, Message
from simulator.network import Network
from simulator.posts import Post, PostLog
from simulator.provider import Call, Provider, Reply
from simulator.receipts import plan
from simulator.telnyx import errors as telnyx_errors

_LOOK_SECONDS: Final = 0.25
"""How often a request that is never answered looks whether its client is still there."""
_HTML: Final = b"<html><body><h1>Bad gateway</h1></body></html>"
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: closing sends RST."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Everything that a send request meets."""

    network: Network
    courier: Courier
    faults: FaultBook
    keys: IdempotencyKeys
    posts: PostLog
    accounts: Mapping[str, Account]
    clock: Callable[[], float]
    stopping: asyncio.Event

    async def send(self, provider: Provider, request: web.Request) -> web.StreamResponse:
        """Take a send request, and end it as its fault wants."""
        post = self.posts.arrived(self.clock(), provider.name)
        draft = await self._read(provider, request, post)
        if isinstance(draft, Reply):
            return self._refuse(post, draft)
        known = self.keys.begin(draft, self.clock())
        match known:
            case Message():
                post.message, reply = known, provider.accepted(known)
                self.posts.ended(post, "replayed")
                return _answered(post, reply)
            case Verdict.IN_PROGRESS:
                return self._refuse(post, telnyx_errors.in_progress())
            case Verdict.REUSED:
                return self._refuse(post, telnyx_errors.key_reused())
            case Verdict.FRESH:
                return await self._perform(provider, request, post, draft)

    async def _read(self, provider: Provider, request: web.Request, post: Post) -> Draft | Reply:
        call = await read_call(request)
        account = provider.authenticate(call, self.clock())
        if isinstance(account, Reply):
            return account
        self.posts.identified(post, account)
        draft = provider.read(account, call)
        if not isinstance(draft, Reply):
            post.draft = draft
        return draft

    async def _perform(
        self, provider: Provider, request: web.Request, post: Post, draft: Draft
    ) -> web.StreamResponse:
        fault = self.faults.answer_fault(draft)
        way = conduct(fault)
        post.fault = None if fault is None else fault.kind
        remembered = None
        try:
            await self._wait(way.wait_before)
            message = self._accept(provider, draft, way) if way.accept else None
            post.message = message
            self.posts.ended(post, "accepted" if message else "refused")
            remembered = message if way.remember_key else None
            if message is not None and message.early:
                await self.courier.tell_now(message)
            latency = self.accounts[draft.account].answer_latency_ms / 1000
            await self._wait(way.wait_after + latency)
        finally:
            self.keys.end(draft, remembered)
        return await self._end(provider, request, post, way)

    def _accept(self, provider: Provider, draft: Draft, way: Conduct) -> Message:
        """Accept the text: from here on the handset has it, whatever is answered."""
        fault = self.faults.receipt_fault(draft)
        delay = self.accounts[draft.account].receipt_delay_ms / 1000
        message = Message(
            id=provider.new_id(draft),
            draft=draft if way.remember_key else replace(draft, idempotency_key=None),
            at=self.clock(),
            reaches_handset=fault is None or fault.final in {"delivered", "none"},
            receipts=plan(provider.statuses(draft, fault), fault, delay),
            early=fault is not None and fault.when == "early",
        )
        self.network.accept(message)
        if not message.early:
            self.courier.schedule([message])
        return message

    async def _end(
        self, provider: Provider, request: web.Request, post: Post, way: Conduct
    ) -> web.StreamResponse:
        ending = way.ending
        match ending:
            case Answer(hold_body=hold):
                if post.message is None:
                    raise RuntimeError("an ordinary answer to a message that was not accepted")
                reply = provider.accepted(post.message)
                return await self._held(request, post, reply, hold) if hold else _answered(post, reply)
            case Failure():
                reply = provider.failure(ending.status, ending.code, ending.message)
                if ending.retry_after is not None:
                    reply = replace(reply, headers={"Retry-After": str(ending.retry_after)})
                return _answered(post, reply)
            case Page():
                return _answered(post, _page(provider, post, ending))
            case Closed(reset=reset):
                return _close(request, reset=reset)
            case Silence():
                return await self._silence(request, ending.max_seconds)
            case _:
                assert_never(ending)

    async def _held(
        self, request: web.Request, post: Post, reply: Reply, seconds: float
    ) -> web.StreamResponse:
        """Headers and one byte at once, the rest of the body later."""
        post.status = reply.status
        response = web.StreamResponse(status=reply.status)
        response.content_type = reply.content_type
        response.content_length = len(reply.body)
        await response.prepare(request)
        await response.write(reply.body[:1])
        await self._wait(seconds)
        await response.write(reply.body[1:])
        await response.write_eof()
        return response

    async def _silence(self, request: web.Request, seconds: float) -> web.StreamResponse:
        """Say nothing until the client has left, the time is over or the simulator stops."""
        until = self.clock() + seconds
        while request.transport is not None and self.clock() < until and not self.stopping.is_set():
            await self._wait(_LOOK_SECONDS)
        return _close(request, reset=False)

    async def _wait(self, seconds: float) -> None:
        """Wait, but not beyond the simulator's stop."""
        if seconds > 0:
            try:
                # Not `wait_for`: Python 3.11's forgets a cancel that comes together with the event.
                async with asyncio.timeout(seconds):
                    await self.stopping.wait()
            except TimeoutError:
                return

    def _refuse(self, post: Post, reply: Reply) -> web.Response:
        self.posts.ended(post, "refused")
        return _answered(post, reply)


async def read_call(request: web.Request) -> Call:
    """The request, read whole."""
    return Call(
        method=request.method,
        path=request.rel_url.raw_path,
        query=request.rel_url.raw_query_string,
        params=request.match_info,
        headers=request.headers,
        body=await request.read(),
    )


def respond(reply: Reply) -> web.Response:
    """The reply as the server sends it."""
    return web.Response(
        status=reply.status,
        body=reply.body,
        content_type=reply.content_type,
        headers=reply.headers,
    )


def _answered(post: Post, reply: Reply) -> web.Response:
    post.status = reply.status
    return respond(reply)


def _page(provider: Provider, post: Post, page: Page) -> Reply:
    status = page.status
    if status is None:
        if post.message is None:
            raise RuntimeError("a success without a message")
        status = provider.accepted(post.message).status
    match page.body:
        case "empty":
            return Reply(status, b"")
        case "object":
            return Reply(status, b"{}")
        case "html":
            return Reply(status, _HTML, "text/html")


def _close(request: web.Request, *, reset: bool) -> web.Response:
    """End the connection; what is returned is never sent."""
    transport = request.transport
    if transport is not None and reset:
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    elif transport is not None:
        transport.close()
    return web.Response()
