"""One request on the wire, a hand-over or a question: at most one, and an honest account of how far it got.

The SDKs write the requests; their answers are read here, at the transport that we plug into each of them.
What an SDK makes of an answer is not told apart well enough (docs/providers.md: an unreadable 2xx is a
`TypeError`, a `ValidationError`, a `str` or a model of Nones; a dropped connection is sent again ten
times), so it gets none to interpret: the transport keeps what came and hands the SDK an empty success.
Whatever an SDK still raises is a fault of ours, and escapes.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from pydantic import ValidationError

from dispatchers.port import Answer, NoAnswer
from schemas.provider import Ambiguous, Outcome, Unavailable

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reply:
    """A provider's whole answer. Header names compare without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotWrittenError(Exception):
    """The request may not leave: the claim is lost, its time is over, or it has left already."""


class Exchange:
    """What one request did on the wire. May be used from the event loop and one worker thread."""

    def __init__(self, still_mine: Callable[[], bool]) -> None:
        self._still_mine = still_mine
        self._lock = threading.Lock()
        self._over = False
        self._left = False
        #: The answer, once it is there in full.
        self.reply: Reply | None = None
        #: What went wrong on the wire, in words for operators.
        self.failure = "no answer"

    def leave(self) -> None:
        """Called when the connection is there, last before anything is written to it.

        Raises:
            NotWrittenError: nothing may be written. So an SDK or a library that tries twice sends once.
        """
        with self._lock:
            if self._left:
                raise NotWrittenError("it has left already")
            if self._over:
                raise NotWrittenError("its time was over before it could leave")
            if not self._still_mine():
                raise NotWrittenError("the claim was lost before it could leave")
            self._left = True

    def end(self) -> None:
        """From here on nothing leaves any more."""
        with self._lock:
            self._over = True

    def failed(self, error: BaseException) -> None:
        """Keep what went wrong; a refused second try does not hide the first one's end."""
        if not (self._left and isinstance(error, NotWrittenError)):
            self.failure = _said(error)

    def outcome(self, read: Callable[[Reply], Outcome]) -> Outcome:
        """What it came to: by the answer if there is one, else by whether anything left."""
        self.end()
        if self.reply is not None:
            try:
                return read(self.reply)
            except Exception as e:
                # It has left, and an answer that we cannot read says neither yes nor no.
                log.exception("an answer of status %d could not be read", self.reply.status)
                return Ambiguous(detail=f"sent, but the answer could not be read: {type(e).__name__}")
        if self._left:
            return Ambiguous(detail=f"sent, but not answered: {self.failure}")
        return Unavailable(detail=f"not sent: {self.failure}")

    def answer(self, read: Callable[[Reply], Answer]) -> Answer:
        """What a question came to."""
        self.end()
        if self.reply is None:
            return NoAnswer(detail=f"not answered: {self.failure}")
        try:
            return read(self.reply)
        except Exception as e:
            log.exception("an answer of status %d could not be read", self.reply.status)
            return NoAnswer(detail=f"the answer could not be read: {type(e).__name__}")


def _said(error: BaseException) -> str:
    """What went wrong, without what was to be sent: an SDK's models complain with it."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error) or type(error).__name__


_current: ContextVar[Exchange] = ContextVar("exchange")


def current() -> Exchange:
    """The exchange of the request that this task or thread is making."""
    return _current.get()


@contextmanager
def under_way(exchange: Exchange) -> Iterator[None]:
    """Make `exchange` the current one; SDKs have no place to carry it through."""
    token = _current.set(exchange)
    try:
        yield
    finally:
        exchange.end()
        _current.reset(token)
