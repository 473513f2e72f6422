"""A platform on a real socket that answers by a script: it may take a message and lose the answer."""

import json
import socket
import struct
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Says:
    """It answers; `takes` says whether it has taken the message before that. b"": as a send is answered."""

    status: int
    body: Mapping[str, Any] | bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    takes: bool = False


@dataclass(frozen=True)
class Drops:
    """It ends the connection: before an answer, or (`halfway`) amid one."""

    takes: bool = False
    halfway: bool = False
    resets: bool = False


@dataclass(frozen=True)
class Hangs:
    """It does not answer until the platform is closed."""

    takes: bool = False


#: What it does with one request.
Step = Says | Drops | Hangs


def problem(status: int, code: str, headers: Mapping[str, str] | None = None, **more: Any) -> Says:
    """An error as the platform says it."""
    body = {
        "detail": f"It is {code}", "code": code, "type": f"urn:heliograph:error:{code}", "title": code,
        "status": status, "instance": f"urn:uuid:{uuid.uuid4()}",
    }  # fmt: skip
    return Says(status, body | more, headers or {})


def sent(message_id: str) -> dict[str, Any]:
    """What a send is answered."""
    return {
        "success": True, "message_id": message_id, "message": "SMS queued successfully via twilio",
        "provider": "twilio", "status": "queued", "num_segments": 1,
    }  # fmt: skip


@dataclass
class Platform:
    """What runs, and what it has seen."""

    url: str
    script: list[Step]
    requests: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)
    #: Message ids by idempotency key: one key is one message; without a key each request is one.
    messages: dict[str, str] = field(default_factory=dict)
    closed: threading.Event = field(default_factory=threading.Event)

    @property
    def keys(self) -> list[str | None]:
        return [json.loads(body).get("idempotency_key") for _, _, _, body in self.requests]

    def take(self, body: bytes) -> str:
        key = json.loads(body).get("idempotency_key") or str(uuid.uuid4())
        return self.messages.setdefault(key, str(uuid.uuid4()))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    platform: Platform


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        running = self.server.platform
        running.requests.append((self.command, self.path, dict(self.headers), body))
        step = running.script.pop(0) if running.script else Says(200, b"", takes=True)
        message_id = running.take(body) if step.takes else ""
        match step:
            case Says(status, told, headers):
                found = told or sent(message_id)
                self.answer(
                    status, found if isinstance(found, bytes) else json.dumps(found).encode(), headers
                )
            case Hangs():
                running.closed.wait(60)
                self.close_connection = True
            case Drops():
                self.drop(step)

    do_GET = do_POST = do_DELETE = handle_any  # noqa: N815  # the names of http.server

    def drop(self, step: Drops) -> None:
        if step.halfway:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
        if step.resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def platform(*script: Step) -> Iterator[Platform]:
    """A platform that goes through `script`, and then takes all that comes."""
    server = _Server(("127.0.0.1", 0), _Handler)
    running = server.platform = Platform(f"http://127.0.0.1:{server.server_port}", list(script))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield running
    finally:
        running.closed.set()
        server.shutdown()
        thread.join()
        server.server_close()


def nobody() -> str:
    """A URL where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
