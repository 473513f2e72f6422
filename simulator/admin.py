"""What tests ask of the simulator itself: handsets, faults, counts."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from simulator.courier import Courier
from simulator.faults import FaultBook, Rule
from simulator.network import Network
from simulator.numbers import plus
from simulator.posts import PostLog

_RULES: TypeAdapter[list[Rule]] = TypeAdapter(list[Rule])


@dataclass(frozen=True, slots=True)
class Admin:
    """Handlers of the simulator's own paths. They have no credentials: keep the port private."""

    network: Network
    courier: Courier
    faults: FaultBook
    posts: PostLog

    def routes(self) -> list[web.RouteDef]:
        """The paths."""
        return [
            web.get("/livez", self.livez),
            web.get("/handsets", self.handsets),
            web.get("/handsets/{number}", self.handset),
            web.get("/faults", self.show_faults),
            web.put("/faults", self.replace_faults),
            web.post("/faults", self.add_fault),
            web.delete("/faults", self.clear_faults),
            web.delete(r"/faults/{id:\d+}", self.remove_fault),
            web.get("/requests", self.requests),
            web.get("/stats", self.stats),
        ]

    async def livez(self, _: web.Request) -> web.Response:
        """200 while the process serves."""
        return _json({"status": "ok"})

    async def handsets(self, request: web.Request) -> web.Response:
        """What all handsets got, oldest first; `since=` a time in ISO 8601 leaves out the rest."""
        return self._texts(request, None)

    async def handset(self, request: web.Request) -> web.Response:
        """What one handset got; the number with or without its plus."""
        return self._texts(request, plus(request.match_info["number"].strip()))

    def _texts(self, request: web.Request, number: str | None) -> web.Response:
        since = request.query.get("since")
        try:
            start = None if since is None else _seconds(since)
        except ValueError:
            return _refused(f"since is not a time in ISO 8601: {since}")
        return _json({"texts": self.network.texts(number, start)})

    async def show_faults(self, _: web.Request) -> web.Response:
        """The rules, in the order in which they are tried."""
        return _json({"faults": self.faults.shown()})

    async def replace_faults(self, request: web.Request) -> web.Response:
        """Put a list of rules in the place of all others. None is changed if one is wrong."""
        try:
            rules = _RULES.validate_json(await request.read())
        except ValidationError as error:
            return _invalid(error)
        self.faults.clear()
        return _json({"faults": [self.faults.add(rule) for rule in rules]})

    async def add_fault(self, request: web.Request) -> web.Response:
        """Add a rule behind the others."""
        try:
            rule = Rule.model_validate_json(await request.read())
        except ValidationError as error:
            return _invalid(error)
        return _json(self.faults.add(rule), status=201)

    async def clear_faults(self, _: web.Request) -> web.Response:
        """Forget every rule."""
        self.faults.clear()
        return web.Response(status=204)

    async def remove_fault(self, request: web.Request) -> web.Response:
        """Forget one rule."""
        if self.faults.remove(int(request.match_info["id"])):
            return web.Response(status=204)
        return _json({"detail": "there is no such fault"}, status=404)

    async def requests(self, request: web.Request) -> web.Response:
        """The latest send requests, oldest first; filtered by to, from, account, provider."""
        unknown = set(request.query) - {"to", "from", "account", "provider"}
        if unknown:
            return _refused(f"unknown filter {min(unknown)}: to, from, account, provider")
        wanted = {
            name: plus(value.strip()) if name in {"to", "from"} else value
            for name, value in request.query.items()
        }
        shown = [post.shown() for post in self.posts.latest()]
        return _json({"requests": [p for p in shown if all(p[k] == v for k, v in wanted.items())]})

    async def stats(self, _: web.Request) -> web.Response:
        """Counts since the start of the process; `texts` since the start of the state file."""
        texts = sum(message.reaches_handset for message in self.network.messages())
        return _json(
            {
                "posts": self.posts.counts(),
                "texts": texts,
                "callbacks": {**self.courier.counts, "waiting": self.courier.waiting()},
            }
        )


def _seconds(moment: str) -> float:
    """Seconds since the epoch; a time without a zone is UTC. A plus may have become a space."""
    parsed = datetime.fromisoformat(moment.replace(" ", "+"))
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json")


def _refused(detail: str) -> web.Response:
    return _json({"detail": detail}, status=422)


def _invalid(error: ValidationError) -> web.Response:
    """422 with every mistake: where, what, and what is allowed there."""
    detail: list[dict[str, Any]] = [
        {"at": ".".join(str(part) for part in mistake["loc"]), "message": mistake["msg"]}
        for mistake in error.errors(include_url=False, include_context=False)
    ]
    return _json({"detail": detail}, status=422)
