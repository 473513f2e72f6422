"""Tokens for SASL OAUTHBEARER, had for client credentials (RFC 6749, 4.4) and had anew before they expire."""

import asyncio
import json
import logging
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import quote_plus, urlencode
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaError

from broker.refusal import RefusedError

_LOG: Final = logging.getLogger(__name__)
_ANSWER_SECONDS: Final = 10.0
_ANSWER_BYTES: Final = 65_536
#: A token is had anew when so much of its life is over: what the endpoint says late is still in time.
_LIFE_USED: Final = 0.8


class NoTokenError(KafkaError):  # type: ignore[misc]  # untyped upstream
    """The token endpoint does not answer as it should now. It may later."""

    def __str__(self) -> str:
        """The message alone: aiokafka's errors begin with their names."""
        return " ".join(map(str, self.args))


class _NoRedirect(HTTPRedirectHandler):
    """The secret goes to the address that was configured, and to no other."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Tokens(AbstractTokenProvider):  # type: ignore[misc]  # untyped upstream
    """One token for all clients of a process, whatever loops and threads they live in.

    It is asked for when a connection is made. Brokers end connections whose token has expired where
    `connections.max.reauth.ms` says so; the next connection then shows a fresh one.

    Args:
        url: the token endpoint.
        client_id, client_secret: sent as HTTP Basic (RFC 6749, 2.3.1), never logged.
        scope: asked for where given.
        context: how an https endpoint is trusted.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        *,
        scope: str | None = None,
        context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        # Both are form-encoded before they are joined, as 2.3.1 says.
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
        self._authorization = "Basic " + b64encode(pair.encode()).decode()
        self._body = urlencode({"grant_type": "client_credentials"} | ({"scope": scope} if scope else {}))
        self._opener = _opener(context)
        self._clock = clock
        self._asking = threading.Lock()
        self._token = ""
        self._stale_at = self._expires_at = float("-inf")

    def __repr__(self) -> str:
        return f"Tokens({self._url!r})"

    async def token(self) -> str:
        """A token that has not expired.

        Raises:
            RefusedError: the endpoint does not take the client; says what to do.
            NoTokenError: it does not answer as it should.
        """
        return await asyncio.to_thread(self._fresh)

    def _fresh(self) -> str:
        with self._asking:
            if self._clock() < self._stale_at:
                return self._token
            asked_at = self._clock()
            try:
                answer = self._asked()
            except NoTokenError as error:
                if self._clock() >= self._expires_at:
                    raise
                _LOG.warning("token.kept: the token at hand is used until it expires: %s", error)
                return self._token
            self._token = answer[0]
            self._stale_at = asked_at + answer[1] * _LIFE_USED
            self._expires_at = asked_at + answer[1]
            return self._token

    def _asked(self) -> tuple[str, float]:
        """A new token, and for how many seconds it lives; 0 where the endpoint does not say."""
        headers = {
            "Authorization": self._authorization,
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        # S310: the operator's own address; the settings take http and https alone.
        request = Request(self._url, self._body.encode(), headers)  # noqa: S310 - as above
        try:
            with self._opener.open(request, timeout=_ANSWER_SECONDS) as response:
                return _read(response.read(_ANSWER_BYTES))
        except HTTPError as error:
            with error:
                raise self._no(error.code, error.read(_ANSWER_BYTES)) from None
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            # Whatever was wrong with an answer is named by its kind: the answer may hold a token.
            reason = error.reason if hasattr(error, "reason") else type(error).__name__
            raise NoTokenError(f"no token from {self._url}: {reason}") from None

    def _no(self, status: int, body: bytes) -> KafkaError:
        try:
            code = str(json.loads(body)["error"])[:100]
        except (ValueError, KeyError, TypeError):
            code = ""
        said = f"the token endpoint {self._url} answered {status}" + (f" ({code})" if code else "")
        if status in {400, 401, 403}:
            return RefusedError(
                f"{said}: correct HELIO_KAFKA__OAUTH_CLIENT_ID, _CLIENT_SECRET and _SCOPE, or what the "
                "endpoint lets this client do"
            )
        if status in {301, 302, 303, 307, 308, 404, 405}:
            return RefusedError(f"{said}: set HELIO_KAFKA__OAUTH_TOKEN_URL to the endpoint itself")
        return NoTokenError(said)


def _read(body: bytes) -> tuple[str, float]:
    answer = json.loads(body)
    token = answer["access_token"]
    if not isinstance(token, str) or not token:
        raise TypeError("access_token")
    return token, float(answer.get("expires_in") or 0)


def _opener(context: ssl.SSLContext | None) -> OpenerDirector:
    handlers: list[Any] = [_NoRedirect()]
    if context is not None:
        handlers.append(HTTPSHandler(context=context))
    return build_opener(*handlers)
