"""Tokens are had once for all, anew before they expire, and from nobody but the endpoint."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from broker.refusal import RefusedError
from broker.tokens import NoTokenError, Tokens

LIFE = 100


class Endpoint(ThreadingHTTPServer):
    """Answers what it is told to; counts."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.asked = 0
        self.status = 200
        self.body: Any = None
        self.location: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/token"


class _Answers(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        self.server.asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        body = self.server.body
        if body is None:
            body = {"access_token": f"token-{self.server.asked}", "expires_in": LIFE}
        told = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Clock:
    """Seconds, as the test sets them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(endpoint: Endpoint, clock: Clock) -> Tokens:
    return Tokens(endpoint.url, "helio", "hush", clock=clock)


async def test_it_is_had_anew_before_it_expires(tokens: Tokens, endpoint: Endpoint, clock: Clock) -> None:
    assert await tokens.token() == await tokens.token() == "token-1"
    clock.now = LIFE * 0.79
    assert await tokens.token() == "token-1"
    clock.now = LIFE * 0.81
    assert await tokens.token() == "token-2"
    assert endpoint.asked == 2


async def test_while_the_endpoint_is_away_the_one_at_hand_serves(
    tokens: Tokens, endpoint: Endpoint, clock: Clock
) -> None:
    assert await tokens.token() == "token-1"
    endpoint.status = 503
    clock.now = LIFE * 0.9
    assert await tokens.token() == "token-1"
    clock.now = LIFE
    with pytest.raises(NoTokenError, match="answered 503"):
        await tokens.token()


async def test_one_whose_life_is_not_told_is_not_kept(tokens: Tokens, endpoint: Endpoint) -> None:
    endpoint.body = {"access_token": "short"}
    assert await tokens.token() == await tokens.token() == "short"
    assert endpoint.asked == 2


@pytest.mark.parametrize(
    "body", [b"no JSON", {"token": "x"}, {"access_token": ""}, ["x"], {"access_token": 1}]
)
async def test_what_is_no_token_is_not_shown(tokens: Tokens, endpoint: Endpoint, body: Any) -> None:
    endpoint.body = body
    with pytest.raises(NoTokenError) as none:
        await tokens.token()
    assert "no JSON" not in str(none.value)


async def test_the_secret_goes_to_the_endpoint_alone(tokens: Tokens, endpoint: Endpoint) -> None:
    endpoint.status, endpoint.location = 307, endpoint.url
    with pytest.raises(RefusedError, match="answered 307: set HELIO_KAFKA__OAUTH_TOKEN_URL"):
        await tokens.token()
    assert endpoint.asked == 1


async def test_who_is_refused_is_told_what_to_correct(tokens: Tokens, endpoint: Endpoint) -> None:
    endpoint.status, endpoint.body = 400, {"error": "invalid_scope"}
    with pytest.raises(RefusedError, match=r"\(invalid_scope\): correct HELIO_KAFKA__OAUTH_CLIENT_ID"):
        await tokens.token()
    assert "hush" not in repr(tokens)
