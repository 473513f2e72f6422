"""Names become addresses once, and what was checked is what is connected to: no second look-up."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence
from typing import Final

from aiohttp import TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType

from schemas.addresses import is_public

#: Look-ups under way at once. A name server that never answers holds one for half a minute.
_MOST: Final = 256
#: An idle connection is closed before common servers do (Node: 5 s, gunicorn: 2 s): a POST that meets a
#: connection just being closed is a failed try.
_KEEP_ALIVE_SECONDS: Final = 1.5


class AddressRefusedError(OSError):
    """The endpoint has an address that is not public. The operator reads which; its owner, that."""


class Resolver(AbstractResolver):
    """Asks the system in threads of its own: the loop's few would be held by one bad name server.

    Args:
        allow_private: take any address.
    """

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._running = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of `host`, all of them public.

        Raises:
            AddressRefusedError: one of them is not.
            OSError: there are none, or too many look-ups are under way.
        """
        found = [str(info[4][0]) for info in await self._look_up(host, port, family)]
        for address in found:
            check(address, allow_private=self._allow_private)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in dict.fromkeys(found)
        ]

    async def close(self) -> None:
        """Nothing is held."""

    async def _look_up(self, host: str, port: int, family: socket.AddressFamily) -> Sequence[AddrInfoType]:
        if self._running >= _MOST:
            raise OSError("too many name look-ups are under way")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[AddrInfoType]] = loop.create_future()

        def tell(found: Sequence[AddrInfoType] | OSError) -> None:
            self._running -= 1
            if answer.cancelled():
                return
            if isinstance(found, OSError):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        def ask() -> None:
            found: Sequence[AddrInfoType] | OSError
            try:
                found = socket.getaddrinfo(
                    host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG
                )
            except OSError as error:
                found = error
            except UnicodeError as error:
                found = OSError(str(error))
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(tell, found)

        self._running += 1
        # A daemon: whoever stops need not wait for a name server.
        threading.Thread(target=ask, daemon=True, name="resolve").start()
        return await answer


def check(address: str, *, allow_private: bool) -> None:
    """Refuse `address` unless it may be connected to.

    Raises:
        AddressRefusedError: it may not.
    """
    if not allow_private and not is_public(address):
        raise AddressRefusedError(f"{address} is not public")


def connector(*, allow_private: bool, most: int) -> TCPConnector:
    """Connections, `most` at once, to what may be connected to."""

    def make(info: AddrInfoType) -> socket.socket:
        # The last word, with the address that is connected to: addresses in URLs ask no resolver.
        check(str(info[4][0]), allow_private=allow_private)
        made = socket.socket(family=info[0], type=info[1], proto=info[2])
        made.setblocking(False)
        return made

    return TCPConnector(
        resolver=Resolver(allow_private=allow_private),
        socket_factory=make,
        limit=most,
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
        enable_cleanup_closed=False,
    )
