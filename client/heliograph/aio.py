"""The asynchronous client. `heliograph.client` is the same without `await`."""

import asyncio
import random
import time
from typing import Any, Self, TypeVar, Unpack
from uuid import UUID

import httpx

from heliograph import answers, calls
from heliograph.calls import Call
from heliograph.judging import Again, Answer, Done, Failed, NoAnswer, judge
from heliograph.requests import Either, FromNumber, ThroughUseCase
from heliograph.retries import Retries
from heliograph.transport import NO_ANSWER, Door, door, received
from heliograph.value import Value

A = TypeVar("A", bound=Value)


class AsyncClient:
    """The REST API, for one API key, on asyncio. Tasks may share one; close it, or use it in `async with`.

    Everything else is as `heliograph.Client` says it.

    Args:
        base_url: where the platform is; `HELIOGRAPH_URL` if not given.
        api_key: `HELIOGRAPH_API_KEY` if not given.
        timeout: seconds for each step of one try: to connect, to write, and between two parts of the answer.
            A `queue=False` send is answered within some 10 seconds, an unacknowledged one likewise.
        retries: how patient a call is.
        http: one of your own, for proxies, certificates or tests. It stays open, and its timeout is not used.

    Raises:
        ValueError: URL or key are missing or wrong.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 30.0,
        retries: Retries | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._door: Door = door(base_url, api_key)
        self._timeout = timeout
        self._retries = Retries() if retries is None else retries
        self._owned = http is None
        self._http = httpx.AsyncClient() if http is None else http

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections, unless they are of a client that was given."""
        if self._owned:
            await self._http.aclose()

    async def send(self, **message: Unpack[FromNumber]) -> answers.Sent:
        """Send a message from a number (`FromNumber` has the fields)."""
        return await self._perform(calls.send(message))

    async def send_through(self, **message: Unpack[ThroughUseCase]) -> answers.ChannelMessage:
        """Send a message through a use case (`ThroughUseCase` has the fields)."""
        return await self._perform(calls.send_through(message))

    async def dry_run(self, **message: Unpack[Either]) -> answers.Rehearsal:
        """What would become of a message of either kind now; nothing is sent."""
        return await self._perform(calls.dry_run(message))

    async def status(self, message_id: str | UUID) -> answers.Status:
        """What became of a message."""
        return await self._perform(calls.status(message_id))

    async def get(self, message_id: str | UUID) -> answers.Message:
        """Everything that is known of a message."""
        return await self._perform(calls.get(message_id))

    async def get_through(self, message_id: str | UUID) -> answers.ChannelMessage:
        """A message that goes through a use case, as `send_through` shows it."""
        return await self._perform(calls.get_through(message_id))

    async def cancel(self, message_id: str | UUID) -> answers.Cancel:
        """Cancel a message that waits; the answer says whether it was, or how far it had got."""
        return await self._perform(calls.cancel(message_id))

    async def queue_stats(self, provider: str | None = None) -> answers.QueueStats:
        """How many of your organization's messages are where."""
        return await self._perform(calls.queue_stats(provider))

    async def opt_outs(
        self, number: str | None = None, *, limit: int | None = None, cursor: str | None = None
    ) -> answers.OptOutPage:
        """All wishes of one handset, or a page of everybody's."""
        return await self._perform(calls.opt_outs(number, limit, cursor))

    async def opt_out(
        self, number: str, *, use_case_id: str | UUID | None = None, note: str = ""
    ) -> answers.OptOut:
        """Note that a handset does not want to hear from a use case, or from all of your organization."""
        return await self._perform(calls.opt_out(number, use_case_id, note))

    async def opt_in(
        self, number: str, *, use_case_id: str | UUID | None = None, note: str = ""
    ) -> answers.OptOut:
        """Take an opt-out back, for its owner."""
        return await self._perform(calls.opt_in(number, use_case_id, note))

    async def can_send(self, number: str) -> answers.CanSend:
        """Whether one of your numbers may send, and what stands in the way."""
        return await self._perform(calls.can_send(number))

    async def _perform(self, call: Call[A]) -> A:
        began, tried = time.monotonic(), 0
        while True:
            left = self._retries.deadline - (time.monotonic() - began)
            got, tried = await self._once(call, min(self._timeout, left)), tried + 1
            elapsed, chance = time.monotonic() - began, random.random()  # noqa: S311  # spreads clients
            match judge(call, got, self._retries, tried=tried, elapsed=elapsed, chance=chance):
                case Done(value):
                    return value
                case Failed(error):
                    raise error
                case Again(pause):
                    await asyncio.sleep(pause)

    async def _once(self, call: Call[Any], seconds: float) -> Answer | NoAnswer:
        url, headers = self._door.url + call.path, self._door.headers
        try:
            got = await self._http.request(
                call.method, url, content=call.body, headers=headers, timeout=max(seconds, 0.001)
            )
        except NO_ANSWER as error:
            return NoAnswer(f"{self._door.url} did not answer: {str(error) or type(error).__name__}")
        return received(got)
