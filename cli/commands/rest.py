"""The REST door as a client sees it: one request, sent again safely where the answer did not come."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

from cli.commands.target import Door
from cli.commands.trouble import Exit, TroubleError

TIMEOUT_SECONDS: Final = 30.0
TRIES: Final = 6
_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 5.0
#: 409: the first request with the key is in flight, which may be our own, whose answer was lost.
_AGAIN: Final = frozenset({409, 429, 502, 503, 504})


@dataclass(frozen=True)
class Answer:
    """An HTTP status and the JSON object that came with it."""

    code: int
    body: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.code < 300

    @property
    def detail(self) -> str:
        """The sentence of an error."""
        return str(self.body.get("detail") or f"HTTP {self.code}")

    @property
    def message_id(self) -> str:
        """The id of the message that was taken."""
        return str(self.body.get("message_id") or self.body.get("id"))


class Rest:
    """Requests to one door; a connection for each thread, kept open until the block ends.

    `pause` is asked to wait that many seconds between two tries.
    """

    def __init__(self, door: Door, *, tries: int = TRIES, pause: Callable[[float], Any] = time.sleep) -> None:
        self._door = door
        self._tries = tries
        self._pause = pause
        self._local = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.close()

    def send(self, body: Mapping[str, Any]) -> Answer:
        """`POST /sms/send`, or `POST /v1/sms/` for a body that names a use case.

        `body` must have an `idempotency_key`: the request may go out more than once.

        Raises:
            TroubleError: the key is wrong, or nobody answered in all tries; the message may have been
                accepted then.
        """
        path = "/v1/sms/" if "use_case_id" in body else "/sms/send"
        return self._request("POST", path, json.dumps(body).encode())

    def status(self, message_id: str) -> Answer:
        """`GET /sms/{message_id}/status`.

        Raises:
            TroubleError: the key is wrong, or nobody answered in all tries.
        """
        return self._request("GET", f"/sms/{quote(message_id, safe='')}/status", None)

    def record(self, message_id: str) -> Answer:
        """`GET /sms/{message_id}`: everything that is known of it.

        Raises:
            TroubleError: the key is wrong, or nobody answered in all tries.
        """
        return self._request("GET", f"/sms/{quote(message_id, safe='')}", None)

    def cancel(self, message_id: str) -> Answer:
        """`DELETE /sms/{message_id}`. It may go out more than once; the last answer is told.

        Raises:
            TroubleError: the key is wrong, or nobody answered in all tries; it may be cancelled then.
        """
        return self._request("DELETE", f"/sms/{quote(message_id, safe='')}", None)

    def once(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """One request, and whatever is answered: for what may not be done twice unseen.

        Raises:
            TroubleError: the key is wrong, or nobody answered; it may be done then.
        """
        try:
            answer = self._once(method, path, None if body is None else json.dumps(body).encode())
        except (OSError, http.client.HTTPException) as error:
            self._close()
            said = str(error) or type(error).__name__
            raise TroubleError(
                f"{self._door.url} did not answer ({said}): it may be done all the same", Exit.UNREACHABLE
            ) from None
        self._known(answer)
        return answer

    def _known(self, answer: Answer) -> None:
        if answer.code == 401:
            raise TroubleError(
                f"{self._door.url} does not know this key: give --api-key or set HELIO_API_KEY", Exit.NO
            )

    def _request(self, method: str, path: str, body: bytes | None) -> Answer:
        said = ""
        for attempt in range(self._tries):
            if attempt:
                self._pause(min(_FIRST_PAUSE_SECONDS * 2 ** (attempt - 1), _LONGEST_PAUSE_SECONDS))
            try:
                answer = self._once(method, path, body)
            except (OSError, http.client.HTTPException) as error:
                self._close()
                said = str(error) or type(error).__name__
                continue
            self._known(answer)
            if answer.code not in _AGAIN:
                return answer
            said = answer.detail
        raise TroubleError(
            f"{self._door.url} does not take requests ({said}): is it running? `helio doctor` tells more",
            Exit.UNREACHABLE,
        )

    def _once(self, method: str, path: str, body: bytes | None) -> Answer:
        connection = self._connection()
        prefix = urlsplit(self._door.url).path.rstrip("/")
        headers = {"Authorization": f"Bearer {self._door.api_key}", "Content-Type": "application/json"}
        connection.request(method, prefix + path, body, headers)
        response = connection.getresponse()
        raw = response.read()
        try:
            found = json.loads(raw)
        except ValueError:
            found = {}
        return Answer(response.status, found if isinstance(found, dict) else {})

    def _connection(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if found is None:
            parts = urlsplit(self._door.url)
            secure = parts.scheme == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            found = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
            self._local.connection = found
            self._connections.append(found)
        return found

    def _close(self) -> None:
        self._connection().close()
