"""Pacing over four dispatcher processes, their restarts and a restart of the ledger's server (P10).

Two clocks judge. The ledger's append-only file has the moment at which each slot was taken: there the bound
is exact. The handsets have when a text arrived, later by what claim, process and network took; so one second
of theirs may hold what was claimed in a second and the spread of that delay, and the bound there is wider by
what the cap gives in that spread, as measured in this very run.

The use of the cap is measured in spans of time after a disturbance, from when the groups have settled. Only
spans in which the machine held nobody up are judged: on one that never has time for us there may be none, and
then the test is skipped after the bounds have been judged.
`HELIO_TEST_PACING=120` measures for so many seconds, with a disturbance before every span.
"""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import cycle
from pathlib import Path

import aiohttp
import pytest
import yaml
from redis.asyncio import Redis

from broker import clients
from cli.local.kafka import QUICK_JVM
from cli.local.stack import REDIS, Stack
from directory.apply import apply
from schemas.provider import Provider
from schemas.settings import DispatchSettings, KafkaSettings
from schemas.topics import dispatch_group
from tests.e2e.caller import Api, Phones, accepted, eventually
from tests.e2e.guarantees.pacing import Cap, Waits, Went, claims, most_in_a_second, used

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.usefixtures("jar_cache")]
SECONDS = float(os.environ.get("HELIO_TEST_PACING", "10"))
SPAN_SECONDS = 5.0
SPANS = round(SECONDS / SPAN_SECONDS)
#: For how long there is a backlog. Measuring ends well before.
BACKLOG_SECONDS = 100 + 6 * SECONDS
#: A span says nothing when a loop was held up for longer than bursts make up for, or the processes that pace
#: stood ready, without a core, for more than this share of it (at two thirds the caps were still used).
HEARTBEAT_SECONDS, HELD_UP_SECONDS, HELD_UP_SHARE = 0.02, 0.2, 0.5
AT_ONCE = 48
HANDSET = "+12025550177"

CAPS = (
    Cap("one number", ("+16465550132",), 6, 4),
    Cap("a number with long texts", ("+16465550130",), 9, 6, segments=3),
    Cap("a campaign of two numbers", ("+14155550100", "+14155550101"), 8, 8),
    Cap("an account of two numbers", ("+12125550110", "+12125550111"), 8, 6),
)
#: The provider with four processes, and how many each of the others has.
TWILIO, COPIES = "dispatchers-twilio", {"dispatchers-twilio": 4}
HOLD = DispatchSettings().http_timeout_seconds + DispatchSettings().claim_margin_seconds


async def test_within_the_cap_whatever_restarts_and_nearly_all_of_it_used(tmp_path: Path) -> None:
    settings = {"kafka": {"session_timeout_seconds": 6}}
    stack = Stack(tmp_path, settings=settings, copies=COPIES, documented_ports=False, jvm=QUICK_JVM)
    await asyncio.to_thread(stack.start)
    try:
        async with aiohttp.ClientSession() as session:
            run = Run(stack, Api(session, stack.run.ingress, stack.run.api_key))
            await run.prepare()
            await run.keep_the_file()
            await run.queue()
            await run.disturb()
            texts = await Phones(session, stack.run.simulator).texts(HANDSET)
    finally:
        await asyncio.to_thread(stack.stop)
    won = claims(tmp_path / REDIS / "appendonlydir", HOLD)
    arrived = {text["text"].rstrip("x"): datetime.fromisoformat(text["at"]).timestamp() for text in texts}
    assert len(arrived) == len(texts), "one was sent twice"
    delays = sorted(at - won[run.ids[text]] for text, at in arrived.items())
    spread = delays[-1] - delays[0]
    print(f"{len(arrived)} texts, {delays[0]:.3f} to {delays[-1]:.3f} s after their slots; spans {run.spans}")
    for cap in CAPS:
        slots = [Went(won[id_], cap.segments) for id_ in run.of[cap.name] if id_ in won]
        seen = [Went(arrived[t], cap.segments) for t, id_ in run.texts[cap.name].items() if t in arrived]
        sent, allowed = used(slots, cap, run.spans)
        told = [f"{part / whole:.1%}" for part, whole in (used(slots, cap, [span]) for span in run.held_up)]
        most, most_seen = most_in_a_second(slots), most_in_a_second(seen)
        print(
            f"{cap.name}: at most {most} (handsets {most_seen}) of {cap.rate + cap.burst},"
            f" {sent / allowed if run.spans else 0:.1%} used; while held up: {', '.join(told) or 'never'}"
        )
        # Slots are told in whole milliseconds: a second may seem to hold one that lies just beyond it.
        assert most <= cap.rate + cap.burst + cap.segments
        assert most_seen <= cap.rate * (1 + spread) + cap.burst + cap.segments
        assert len(slots) < len(run.of[cap.name]), "there was no backlog at the end"
        assert sent >= 0.95 * allowed
    if not run.spans:
        pytest.skip("the bounds hold; the machine had no time for us, so how much is used cannot be judged")


class Run:
    """One backlog for each cap, and what is done to the processes meanwhile."""

    def __init__(self, stack: Stack, api: Api) -> None:
        self.stack = stack
        self.api = api
        #: By the text without its padding, and by cap: message ids.
        self.ids: dict[str, str] = {}
        self.texts: dict[str, dict[str, str]] = {cap.name: {} for cap in CAPS}
        #: When measuring ends, at the latest.
        self.ends = time.monotonic() + 0.5 * BACKLOG_SECONDS
        #: When nothing was amiss: there the use is measured.
        self.spans: list[tuple[float, float]] = []
        #: When the machine was: told, not judged.
        self.held_up: list[tuple[float, float]] = []
        #: Of each provider's group, when it had settled last.
        self.members: dict[Provider, set[str]] = {}

    @property
    def of(self) -> dict[str, list[str]]:
        """The ids of each cap's messages."""
        return {name: list(texts.values()) for name, texts in self.texts.items()}

    async def prepare(self) -> None:
        """The demo's directory, with the caps in it."""
        wanted = yaml.safe_load((self.stack.home / "directory.yaml").read_text())["organizations"]
        number, long, campaign, account = CAPS
        for cap in (number, long):
            wanted["globex"]["numbers"][cap.senders[0]] |= {"rate": cap.rate, "burst": cap.burst}
        wanted["acme"]["brands"] = {"acme": {"name": "Acme"}}
        wanted["acme"]["campaigns"] = {"spring": {"brand": "acme", "use": "marketing", "rate": campaign.rate}}
        for sender in campaign.senders:
            wanted["acme"]["numbers"][sender]["campaign"] = "spring"
        wanted["operator"]["accounts"]["telnyx-main"] |= {"rate": account.rate, "burst": account.burst}
        kafka = KafkaSettings(bootstrap_servers=self.stack.run.kafka)
        await apply(
            kafka, yaml.safe_dump({"organizations": wanted}), now=time.time_ns() // 1_000_000, variables={}
        )

    async def keep_the_file(self) -> None:
        """When its file grows, the ledger's server must not write it anew, without what had been taken."""
        async with Redis.from_url(self.stack.run.redis) as server:
            await server.config_set("auto-aof-rewrite-percentage", 0)

    async def queue(self) -> None:
        """Hand in so much of each that there is a backlog until the end, come what may."""
        globex = self.api.as_((self.stack.home / "secrets" / "second_api_key").read_text().strip())
        limit = asyncio.Semaphore(AT_ONCE)

        async def send(cap: Cap, n: int, sender: str) -> None:
            text = f"{cap.name} {n} "
            padded = text + "x" * (153 * cap.segments - len(text)) if cap.segments > 1 else text
            caller = globex if sender.startswith("+1646") else self.api
            async with limit:
                id_ = accepted(await caller.send(sender, HANDSET, padded))
            self.ids[text] = self.texts[cap.name][text] = id_

        async with asyncio.TaskGroup() as group:
            for cap in CAPS:
                many = round(cap.rate / cap.segments * BACKLOG_SECONDS)
                for n, sender in zip(range(many), cycle(cap.senders), strict=False):
                    group.create_task(send(cap, n, sender))

    async def disturb(self) -> None:
        """Something befalls a process, then a span is measured; more of them till enough can be judged."""
        names = cycle([TWILIO, f"{TWILIO}-2", f"{TWILIO}-3", "dispatchers-telnyx", f"{TWILIO}-4"])
        acts = cycle([self._kill, self._lose_the_ledger, self._restart])
        await self._all_go("")
        for _ in range(SPANS):
            name = next(names)
            await next(acts)(name)
            await self._all_go(name)
            await self._measure()
        while len(self.spans) < SPANS and time.monotonic() < self.ends:
            await self._measure()

    async def _measure(self) -> None:
        """Measure a span, and whether the machine held somebody up meanwhile."""
        start, pids = time.time(), [self.stack.child(name).pid for name in self._pacing]
        slowest, waited = 0.0, Waits(pids)
        while (now := time.time()) < start + SPAN_SECONDS:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            slowest = max(slowest, time.time() - now - HEARTBEAT_SECONDS)
        end, share = time.time(), waited.share()
        good = slowest < HELD_UP_SECONDS and share < HELD_UP_SHARE
        print(
            f"a span of {end - start:.1f} s: a loop late by {slowest:.3f} s, processes by {share:.0%}: {good}"
        )
        (self.spans if good else self.held_up).append((start, end))

    @property
    def _pacing(self) -> list[str]:
        return [name for name in self.stack.run.pids if name.startswith("dispatchers-") or name == REDIS]

    async def _restart(self, name: str) -> None:
        await self._ended(name, self.stack.child(name).stop)

    async def _kill(self, name: str) -> None:
        await self._ended(name, self.stack.child(name).kill)

    async def _lose_the_ledger(self, _: str) -> None:
        await self._ended(REDIS, self.stack.child(REDIS).kill)
        await self.keep_the_file()
        self.members.clear()  # nobody has to leave

    async def _ended(self, name: str, end: Callable[[], None]) -> None:
        before = self.stack.keeper(name).restarts
        await asyncio.to_thread(end)

        async def again() -> bool:
            return self.stack.keeper(name).restarts > before

        await eventually(again, bool)
        await asyncio.to_thread(self.stack.keeper(name).wait_ready)

    async def _all_go(self, ended: str) -> None:
        """Until the groups have settled without who has `ended`, and texts of each cap arrive after that."""
        for provider, many in ((Provider.TWILIO, 4), (Provider.TELNYX, 1)):
            settled = partial(self._settled, provider, many, other=provider in ended)
            await eventually(settled, bool)
        phones, since = Phones(self.api.session, self.stack.run.simulator), time.time()

        async def all_arrive() -> bool:
            new = [
                t for t in await phones.texts(HANDSET) if datetime.fromisoformat(t["at"]).timestamp() > since
            ]
            return all(any(t["text"].startswith(cap.name) for t in new) for cap in CAPS)

        await eventually(all_arrive, bool)

    async def _settled(self, provider: Provider, many: int, *, other: bool) -> bool:
        """Whether the group is stable with so many members; `other`: not those of the last time."""
        kafka = KafkaSettings(bootstrap_servers=self.stack.run.kafka)
        async with clients.admin(kafka) as admin:
            (response,) = await admin.describe_consumer_groups([dispatch_group(provider)])
        (found,) = response.groups  # error, name, state, kind, protocol, members, ...
        members = {member[0] for member in found[5]}
        if found[2] != "Stable" or len(members) != many or (other and members == self.members.get(provider)):
            return False
        self.members[provider] = members
        return True
