"""Both clients behind one call, so that each test is about both."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import heliograph

#: No pause that anybody notices, and no end of patience that a slow machine could reach.
QUICK = heliograph.Retries(tries=8, deadline=60, first_pause=0.001, longest_pause=0.01)
Perform = Callable[..., Awaitable[Any]]


async def _sync(url: str, method: str, *arguments: Any, patience: dict[str, Any], **named: Any) -> Any:
    def perform() -> Any:
        with heliograph.Client(url, "a-key", **patience) as client:
            return getattr(client, method)(*arguments, **named)

    return await asyncio.to_thread(perform)


async def _async(url: str, method: str, *arguments: Any, patience: dict[str, Any], **named: Any) -> Any:
    async with heliograph.AsyncClient(url, "a-key", **patience) as client:
        return await getattr(client, method)(*arguments, **named)


def performer(kind: str) -> Perform:
    """Performs one call with the client of that kind."""
    shell = {"sync": _sync, "async": _async}[kind]

    async def perform(
        url: str,
        method: str,
        *arguments: Any,
        retries: heliograph.Retries = QUICK,
        timeout_seconds: float = 30.0,
        **named: Any,
    ) -> Any:
        patience = {"retries": retries, "timeout": timeout_seconds}
        return await shell(url, method, *arguments, patience=patience, **named)

    return perform
