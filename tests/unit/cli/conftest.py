"""A door that speaks the send API's wire contract, on loopback: what `helio send` and `status` talk to."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.commands import register
from tests.fakes.served import Served, serving

KEY = "helio_test"


class Door:
    """Accepts each idempotency key once. `trouble` may answer a request instead; `after` moves states."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.ids: dict[str, str] = {}
        self.bodies: list[dict[str, Any]] = []
        self.most_at_once = 0
        self.states: dict[str, list[str]] = {}
        self.trouble: Callable[[dict[str, Any]], tuple[int, str] | None] = lambda _body: None
        self.journey: list[str] = ["queued", "sent", "delivered"]
        self.url = ""

    def send(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self.lock:
            self.bodies.append(body)
            if (answer := self.trouble(body)) is not None:
                return answer[0], {"detail": answer[1]}
            key = body["idempotency_key"]
            message_id = self.ids.setdefault(key, f"id-{len(self.ids) + 1}")
            self.states.setdefault(message_id, list(self.journey))
        return 200, {
            "success": True,
            "message_id": message_id,
            "message": "SMS queued successfully via telnyx",
            "provider": "telnyx",
            "status": "queued",
        }

    def channel(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """`POST /v1/sms/`: the channel's words, ours beside them."""
        if body.get("dry_run"):
            said = {"from_number": "+12125550101", "num_segments": 2, "reason": "geomatch: area code 212"}
            return 200, {"success": True, "dry_run": True, "to_number": body["to_phone_number"], **said}
        code, answer = self.send(body)
        if code != 200:
            return code, answer
        shown = {"id": answer["message_id"], "use_case_id": body["use_case_id"], "status": "pending"}
        return 201, {**shown, "state": "queued", "send_at": body.get("send_at")}

    def status(self, message_id: str) -> tuple[int, dict[str, Any]]:
        with self.lock:
            states = self.states.get(message_id)
            if states is None:
                return 404, {"detail": f"Message {message_id} not found"}
            state = states.pop(0) if len(states) > 1 else states[0]
        return 200, {"message_id": message_id, "status": "sent", "state": state, "error": None}

    def cancel(self, message_id: str) -> tuple[int, dict[str, Any]]:
        """Moves `queued` ones alone; `trouble` comes after, as an answer that is lost does."""
        with self.lock:
            states = self.states.get(message_id)
            if states is None:
                return 404, {"detail": f"Message {message_id} not found"}
            done = states[0] == "queued"
            state = "cancelled" if done else states[0]
            self.states[message_id] = [state]
            if (answer := self.trouble({})) is not None:
                return answer[0], {"detail": answer[1]}
        message = "SMS cancelled successfully" if done else f"Message is already {state}"
        return 200, {"success": done, "message_id": message_id, "message": message, "state": state}

    def record(self, message_id: str) -> tuple[int, dict[str, Any]]:
        code, body = self.status(message_id)
        past = {
            "history": [
                {"status": "queued", "at": "2026-01-02T03:04:05.000Z"},
                {"status": "unknown", "at": "2026-01-02T03:04:09.000Z"},
            ],
            "attempts": [
                {
                    "number": 1,
                    "at": "2026-01-02T03:04:06.000Z",
                    "provider": "telnyx",
                    "account": "telnyx-main",
                    "sender": "+12125550101",
                    "outcome": "throttled",
                    "provider_code": "10011",
                    "detail": "Too many requests.",
                }
            ],
        }
        return (code, body | past) if code == 200 else (code, body)


@pytest.fixture
def door() -> Iterator[Door]:
    found = Door()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not self._known():
                self._answer(401, {"detail": "Unknown API key"})
                return
            known = {"/sms/send": found.send, "/v1/sms/": found.channel}
            self._answer(*known[self.path](body))

        def do_DELETE(self) -> None:
            self._answer(*found.cancel(self.path.split("/")[2]))

        def do_GET(self) -> None:
            _, _, message_id, *rest = self.path.split("/")
            self._answer(*(found.status(message_id) if rest == ["status"] else found.record(message_id)))

        def _known(self) -> bool:
            return self.headers["Authorization"] == f"Bearer {KEY}"

        def _answer(self, code: int, body: dict[str, Any]) -> None:
            raw = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        found.url = f"http://127.0.0.1:{server.server_port}"
        yield found
        server.shutdown()


@pytest.fixture
def helio(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Callable[..., Result]:
    """Runs a command, with no stack of this machine in sight."""
    for name in ("HELIO_URL", "HELIO_API_KEY", "HELIO_KAFKA__BOOTSTRAP_SERVERS", "HELIO_REDIS__URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HELIO_HOME", str(tmp_path / "home"))
    app = typer.Typer()
    register(app)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def served() -> Iterator[Served]:
    """The admin API on loopback, with the directory in memory."""
    with serving() as made:
        yield made
