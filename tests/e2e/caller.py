"""The API and the simulator as a test calls them: over HTTP, with nothing of ours in between."""

import asyncio
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp

T = TypeVar("T")
#: Longer than anything takes that works; a machine under load is slow.
DEADLINE = 60.0
#: Between two looks at what another process does.
LOOK_SECONDS = 0.05
CATALOGUE = Path(__file__).parents[2] / "docs" / "errors.md"
CODES = frozenset(re.findall(r"^\| `([a-z_]+)` \| \d{3} \|", CATALOGUE.read_text(), re.MULTILINE))
ENDED = frozenset({"delivered", "undelivered", "failed", "cancelled"})


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, whole."""

    status: int
    raw: bytes
    headers: Mapping[str, str]

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found

    @property
    def replayed(self) -> bool:
        return self.headers.get("Idempotent-Replayed") == "true"


def accepted(answer: Answer) -> str:
    """The id of a message that was taken."""
    assert answer.status == 200, answer
    assert answer.body["success"] is True
    return str(answer.body["message_id"])


def problem(answer: Answer, status: int, code: str, detail: str | None = None) -> dict[str, Any]:
    """Check an error as every error must be; its body.

    Args:
        answer: what came.
        status: of HTTP, also in the body.
        code: of the catalogue.
        detail: the documented sentence, where there is one.
    """
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    body = answer.body
    assert body["code"] == code, answer
    assert code in CODES
    assert isinstance(body["detail"], str)
    assert body["detail"]
    assert detail is None or body["detail"] == detail
    assert body["status"] == status or body["status"] == "failed"  # the word of a message that failed
    assert body["type"] == f"urn:heliograph:error:{code}"
    assert isinstance(body["title"], str)
    assert body["title"]
    assert body["instance"] == f"urn:uuid:{uuid.UUID(body['instance'].removeprefix('urn:uuid:'))}"
    return body


async def eventually(
    look: Callable[[], Awaitable[T]], done: Callable[[T], bool], seconds: float = DEADLINE
) -> T:
    """Look at another process until what it shows is `done`; what it showed then."""
    end = time.monotonic() + seconds
    while not done(seen := await look()):
        assert time.monotonic() < end, f"not within {seconds:g} s; at last: {seen}"
        await asyncio.sleep(LOOK_SECONDS)
    return seen


class Api:
    """One caller of the API: an address and a key."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self.session = session
        self.url = url
        self.key = key

    def as_(self, key: str) -> "Api":
        """The same with another key."""
        return Api(self.session, self.url, key)

    def at(self, url: str) -> "Api":
        """The same at another process."""
        return Api(self.session, url, self.key)

    async def call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Answer:
        """Any request. `headers` are beside the key, or in its place."""
        sent = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        async with self.session.request(method, f"{self.url}{path}", headers=sent, **more) as response:
            return Answer(response.status, await response.read(), response.headers)

    async def post(self, body: bytes, **headers: str) -> Answer:
        """`POST /sms/send` with exactly these bytes. `Idempotency_Key` is a header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.call(
            "POST", "/sms/send", data=body, headers={"Content-Type": "application/json", **named}
        )

    async def send(self, sender: str, to: str, text: str, **more: Any) -> Answer:
        """`POST /sms/send`."""
        fields = {"from_phone_number": sender, "to_phone_number": to, "message": text, **more}
        return await self.post(json.dumps(fields).encode())

    async def status(self, message_id: str) -> Answer:
        return await self.call("GET", f"/sms/{message_id}/status")

    async def whole(self, message_id: str) -> Answer:
        return await self.call("GET", f"/sms/{message_id}")

    async def cancel(self, message_id: str) -> Answer:
        return await self.call("DELETE", f"/sms/{message_id}")

    async def queue(self, provider: str) -> dict[str, Any]:
        """The figures of one provider."""
        answer = await self.call("GET", "/sms/queue/stats")
        assert answer.status == 200, answer
        found: dict[str, Any] = answer.body["queues"][provider]
        return found

    async def until(self, message_id: str, *states: str, seconds: float = DEADLINE) -> dict[str, Any]:
        """Wait until a message is in one of `states`; what `GET /sms/{message_id}/status` then says."""

        def there(answer: Answer) -> bool:
            state = answer.body.get("state")
            assert state in states or state not in ENDED, answer  # no ending becomes another one
            return state in states

        return (await eventually(lambda: self.status(message_id), there, seconds)).body

    async def delivered(self, message_id: str) -> dict[str, Any]:
        """Wait until it is."""
        return await self.until(message_id, "delivered")

    async def behind(self, sender: str, to: str) -> None:
        """Send one more from `sender` and see it delivered: what its line held before has had its turn."""
        await self.delivered(accepted(await self.send(sender, to, f"the last in line {uuid.uuid4().hex}")))

    async def known(self) -> None:
        """Wait until the key is known: the directory is followed a moment behind."""
        nobody = uuid.uuid4()
        await eventually(lambda: self.status(str(nobody)), lambda answer: answer.status == 404)


class Phones:
    """Handsets, and what is made to go wrong at the providers."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def texts(self, number: str) -> list[dict[str, Any]]:
        """What a handset got, oldest first."""
        return (await self._get(f"/handsets/{quote(number)}"))["texts"]  # type: ignore[no-any-return] # JSON

    async def all(self) -> list[dict[str, Any]]:
        """What all handsets got."""
        return (await self._get("/handsets"))["texts"]  # type: ignore[no-any-return] # JSON

    async def requests(self, to: str) -> list[dict[str, Any]]:
        """The send requests that providers had for a handset, of the latest ten thousand."""
        found = await self._get(f"/requests?to={quote(to)}")
        return found["requests"]  # type: ignore[no-any-return] # JSON

    async def posts(self, provider: str) -> int:
        """How many send requests a provider has ever had."""
        accounts = (await self._get("/stats"))["posts"].get(provider, {})
        return sum(counts.get("total", 0) for counts in accounts.values())

    async def until(self, number: str, many: int) -> list[dict[str, Any]]:
        """Wait until a handset has that many texts."""
        return await eventually(lambda: self.texts(number), lambda texts: len(texts) >= many)

    @asynccontextmanager
    async def fault(self, match: Mapping[str, str], kind: str, **more: Any) -> AsyncIterator[None]:
        """A rule (docs/simulator.md) for as long as the block lasts. `times` and `every` are the rule's."""
        rule: dict[str, Any] = {name: more.pop(name) for name in ("times", "every") if name in more}
        rule |= {"match": match, "fault": {"kind": kind, **more}}
        async with self._session.post(f"{self._url}/faults", json=rule) as response:
            assert response.status < 300, await response.text()
            made = (await response.json())["id"]
        try:
            yield
        finally:
            async with self._session.delete(f"{self._url}/faults/{made}") as response:
                assert response.status < 300, await response.text()

    async def text_us(self, handset: str, **fields: Any) -> Answer:
        """Have a handset send a text to one of our numbers."""
        url = f"{self._url}/handsets/{quote(handset)}/texts"
        async with self._session.post(url, json=fields) as response:
            return Answer(response.status, await response.read(), response.headers)

    async def _get(self, path: str) -> dict[str, Any]:
        async with self._session.get(f"{self._url}{path}") as response:
            found: dict[str, Any] = await response.json()
            return found
