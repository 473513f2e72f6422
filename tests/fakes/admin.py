"""The admin API with the directory in memory: what it writes is judged as every replica judges it."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from textwrap import dedent

import httpx
from starlette.applications import Starlette
from starlette.routing import Route

from directory.changes import Change
from directory.snapshot import Directory
from ingress.admin.routes import routes
from ingress.admin.serving import Subscribing
from ingress.admin.writing import ChangedMeanwhileError, Writing
from ingress.limits import RateLimit
from ingress.ports import NotAcknowledgedError
from schemas.directory import Entry
from schemas.tracing import Headers
from tests.fakes import world
from tests.fakes.ledger import MemoryLedger

NOW = 1_700_000_000_000
OPERATOR, ACME, GLOBEX, SENDER = "helio_operator", "helio_acme_admin", "helio_globex_admin", world.KEY
#: What secrets of subscriptions are derived from, newest first.
ROOTS = ("new root", "old root")
USE_CASE = "5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10"
#: A number of acme's on an account of its own.
OWN = "+14155550110"


def _key(key: str, scopes: str, more: str = "") -> str:
    return f"{{sha256: {world.sha256(key)}, scopes: {scopes}{more}}}"


FILE = dedent(f"""
organizations:
  operator:
    accounts:
      tw:
        base_url: https://secret.example
        credentials: &tw
          provider: twilio
          account_sid: AC00
          api_key_sid: SK00
          api_key_secret: env:TW
          auth_tokens: [env:TW]
      tx:
        credentials: {{provider: telnyx, api_key: "env:TX", public_keys: ["env:TX"]}}
    brands:
      operators: {{name: The operator's}}
    api_keys:
      root: {_key(OPERATOR, "[admin]")}
  acme:
    accounts:
      acme-own: {{credentials: *tw}}
    brands:
      acme-inc: {{name: Acme Inc., registration: verified, day_cap: 2000}}
      acme-new: {{name: Acme}}
    campaigns:
      acme-orders: {{brand: acme-inc, use: orders, registration: verified, rate: 4}}
    numbers:
      "{world.TWILIO}": {{account: tw, campaign: acme-orders, rate: 1, day_cap: 500}}
      "{world.TELNYX}": {{account: tx}}
      "{OWN}": {{account: acme-own}}
    assistants:
      desk: {{name: Desk, numbers: ["{world.TWILIO}"]}}
    use_cases:
      {USE_CASE}: {{name: Orders, numbers: ["{world.TWILIO}", "{world.TELNYX}"]}}
    api_keys:
      acme-admin: {_key(ACME, "[admin, read]", ", rate: 100, burst: 50")}
      demo: {_key(SENDER, "[send, read]")}
  globex:
    brands:
      globex-inc: {{name: Globex}}
    numbers:
      "{world.OTHERS}": {{account: tw}}
    assistants:
      support: {{name: Support, numbers: ["{world.OTHERS}"]}}
    api_keys:
      globex-admin: {_key(GLOBEX, "[admin]")}
""")


@dataclass
class AdminDoor:
    """The routes of the admin API."""

    directory: Directory = field(default_factory=lambda: world.directory(FILE))
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    now: int = NOW
    #: The broker does not answer.
    away: bool = False
    #: Called once, in between what was decided and what is written.
    meanwhile: Callable[[], None] = lambda: None
    written: list[Change] = field(default_factory=list)
    #: What was put on topics: topic, key, value.
    told: list[tuple[str, str, bytes]] = field(default_factory=list)

    async def write(self, change: Change) -> None:
        """As `ingress.admin.live`."""
        self.meanwhile()
        self.meanwhile = lambda: None
        if self.away:
            raise NotAcknowledgedError(change.id)
        if not self.take(change.entry(self.now)):
            raise ChangedMeanwhileError
        self.written.append(change)

    async def publish(self, topic: str, key: str, value: bytes, _headers: Headers) -> None:
        """As `ingress.publishing`."""
        if self.away:
            raise NotAcknowledgedError(key)
        self.told.append((topic, key, value))

    def take(self, entry: Entry) -> bool:
        """Whether replicas take `entry`."""
        self.directory, refused = self.directory.after([entry])
        return not refused

    def routes(self) -> list[Route]:
        """What is served."""
        numbers = itertools.count(1)

        @dataclass
        class Parts:
            writing: Writing = field(default_factory=lambda: Writing(lambda: self.directory, self.write))
            rates: RateLimit = field(default_factory=lambda: RateLimit(self.ledger.allow))
            directory: Callable[[], Directory] = lambda: self.directory
            body_limit_bytes: int = 4000
            clock: Callable[[], int] = lambda: self.now
            subscribing: Subscribing = field(
                default_factory=lambda: Subscribing(roots=ROOTS, private=False, publish=self.publish)
            )
            random: Callable[[int], bytes] = lambda count: next(numbers).to_bytes(count)

        return routes(Parts())

    def client(self, key: str = ACME) -> httpx.AsyncClient:
        """A caller with `key`."""
        transport = httpx.ASGITransport(Starlette(routes=self.routes()))
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.AsyncClient(transport=transport, base_url="http://door", headers=headers)
