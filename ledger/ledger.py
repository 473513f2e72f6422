"""The ledger: claims, pacing, the status view, used keys and limits; one script call for each batch."""

import asyncio
import logging
from collections.abc import Collection, Coroutine, Sequence
from typing import Final, Literal, Self
from uuid import uuid4

from ledger import (
    asking,
    claims,
    days,
    expiring,
    health,
    holds,
    landlines,
    limits,
    optouts,
    places,
    queues,
    sticky,
    view,
)
from ledger.asking import Leave, Query, encode_queries
from ledger.claims import Again, Ask, Cancel, Claim, Looked, Own, Sending, Verdict
from ledger.errors import LedgerUnavailableError
from ledger.expiring import Early, Ended, Late, encode_ended, encode_lates
from ledger.health import Health
from ledger.holds import Answer, Found, Hold
from ledger.limits import Limit
from ledger.optouts import Noted, Reach
from ledger.places import Place, Wish
from ledger.queues import Queues
from ledger.server import Server
from ledger.sticky import Pair, Remembered
from ledger.view import First, Seen
from schemas.base import Millis
from schemas.caps import Cap
from schemas.forgetting import VIEW_MS
from schemas.optouts import OptOut
from schemas.provider import Provider
from schemas.public import StatusRecord
from schemas.settings import RedisSettings

log = logging.getLogger(__name__)

#: From when to when, in milliseconds since the epoch.
Span = tuple[Millis, Millis]
#: What is written from `sms.status.v1`, and read again when the server has lost it.
Reading = Literal["view", "sticky"]
_LEASE_MS: Final = 60_000
#: Scopes of one organization: more than it has use cases.
_SCOPES: Final = 500


class Ledger:
    """The ledger's API. Every method is one round trip, and may be repeated if its answer is lost.

    Methods about claims raise `LedgerNotReadyError` while there is no valid epoch; all of them raise
    `LedgerUnavailableError` when the server does not answer or takes no writes.
    """

    def __init__(self, settings: RedisSettings) -> None:
        self.server = Server(settings)
        self._tending: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Say in the log if the server does not answer yet; calls then raise until it does."""
        try:
            await self.server.ping()
        except LedgerUnavailableError as e:
            log.warning("the ledger does not answer yet: %s", e)

    async def stop(self) -> None:
        """Close the connections; what is tended to stops."""
        for work in self._tending:
            work.cancel()
        await asyncio.gather(*self._tending, return_exceptions=True)
        await self.server.stop()

    def tend(self, work: Coroutine[None, None, None]) -> None:
        """Do `work` beside everything else, until `stop`. Nobody waits for it; failure goes to the log."""
        task = asyncio.create_task(work)
        self._tending.add(task)
        task.add_done_callback(self._tended)

    def _tended(self, task: asyncio.Task[None]) -> None:
        self._tending.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("the ledger could not be tended to: %r", error)

    # Claims: see docs/protocol.md.

    async def look(self, ids: Sequence[str]) -> list[Looked]:
        """The claims of these messages, by Redis' clock."""
        if not ids:
            return []
        now, *lines = await self.server.run("look", *ids)
        found = map(claims.parse, lines)
        return [Looked(claim, isinstance(claim, Sending) and claim.until < now) for claim in found]

    async def claim(self, asks: Sequence[Ask], midnights: Sequence[Millis] = ()) -> list[Verdict]:
        """Decide each claim together with the slots of all its paces, in order.

        `midnights` are `days.midnights`, by which the days of caps go; () where no ask has a cap.

        Intents come first: each must be acknowledged by the broker before its claim is asked for. A claim
        that could be won after `valid_until` is closed as `expired` instead.
        """
        if not asks:
            return []
        work = claims.encode_asks(asks, midnights)
        return [claims.verdict(answer) for answer in await self.server.run("claim", work)]

    async def expire(self, late: Sequence[Late]) -> list[Early | Looked]:
        """Close as `expired` what is too late by Redis' clock and was certainly never handed over.

        `Early` where it may still go; otherwise the claims as they now are.
        """
        if not late:
            return []
        return [expiring.answer(found) for found in await self.server.run("expire", encode_lates(late))]

    async def refuse(self, ended: Sequence[Ended]) -> list[Looked]:
        """Close what may not go any more, and was certainly never handed over, as what it says.

        What each could still win becomes `closed` so, or `closed(unknown)` where an earlier attempt may have
        been sent; the claims as they now are.
        """
        if not ended:
            return []
        return [expiring.looked(found) for found in await self.server.run("refuse", encode_ended(ended))]

    async def used_up(self, caps: Sequence[Cap]) -> frozenset[str]:
        """The names of those day caps that have no room left today."""
        if not caps:
            return frozenset()
        return days.used_up(caps, await self.server.run("used_up", days.encode_caps(caps)))

    async def close(self, done: Sequence[Own]) -> None:
        """Settled, and the fact is acknowledged: `sending` or `closed(unknown)` of its own becomes `sent`."""
        if done:
            await self.server.run("close", claims.encode_own(done))

    async def lose(self, lost: Sequence[Own]) -> list[bool]:
        """The outcome is not known: own `sending` becomes `closed(unknown)`.

        True where it is `closed(unknown)` of that nonce now; False where the claim is no longer its own.
        """
        if not lost:
            return []
        return [answer == 1 for answer in await self.server.run("lose", claims.encode_own(lost))]

    async def take_over(self, ids: Sequence[str]) -> list[Claim]:
        """Any `sending` past its `until` becomes `closed(unknown)`; the claims as they now are."""
        if not ids:
            return []
        return [claims.parse(line) for line in await self.server.run("take_over", *ids)]

    async def reopen(self, again: Sequence[Again]) -> list[bool]:
        """Provably not handed over: own `sending` becomes `open` to the next attempt, asked by that record.

        True where it is so now; False where the claim is no longer its own, and nothing may be said of it.
        Whoever gets the message sees the attempt among its tries.
        """
        if not again:
            return []
        return [answer == 1 for answer in await self.server.run("reopen", claims.encode_again(again))]

    async def cancel(self, asks: Sequence[Cancel]) -> list[Claim]:
        """Close what was certainly never handed over and waits for that attempt; the claims as they now are.

        `Closed("cancelled")`: it is never sent. `Open` to another attempt: ask again, of that one. Each
        `CancelAsked` must be acknowledged by the broker before.
        """
        if not asks:
            return []
        return [claims.parse(line) for line in await self.server.run("cancel", claims.encode_cancels(asks))]

    async def health(self) -> Health:
        """What all processes know together of the providers: open breakers, slowed paces."""
        return health.health(await self.server.run("healthy"))

    async def may_ask(self, queries: Sequence[Query]) -> list[Leave]:
        """Whether each question may be put to its provider now; if so, its slots are taken."""
        if not queries:
            return []
        return [asking.leave(answer) for answer in await self.server.run("ask", encode_queries(queries))]

    # The status view: see docs/ledger.md.

    async def first(self, rows: Sequence[First]) -> None:
        """The ingress' own rows, as sequence 0: never over another."""
        if rows:
            await self.server.run("view_first", *view.first_args(rows))

    async def put(self, rows: Sequence[StatusRecord]) -> None:
        """Rows of `sms.status.v1`, in any order and repetition: only a higher sequence replaces."""
        if rows:
            await self.server.run("view_put", *view.put_args(rows))

    async def get(self, message_id: str) -> Seen:
        """What is known of a message. Needs no epoch: without one its claim is absent."""
        [found] = await self.get_many([message_id])
        return found

    async def get_many(self, ids: Sequence[str]) -> list[Seen]:
        """What is known of each of these messages, as of one moment."""
        if not ids:
            return []
        whole, *found = await self.server.run("view_get", *ids)
        return [view.seen(known, whole) for known in found]

    async def without_receipt(self, provider: Provider, sent: Span, most: int) -> list[StatusRecord]:
        """Messages that were `sent` in that time and have had no receipt since, oldest first.

        Each is given out to one caller, who says `polled`, else again after a minute. Older ones are let go.
        """
        after, before = sent
        rows = await self.server.run("poll", provider, before, after, most, _LEASE_MS)
        return [StatusRecord.decode(row) for row in rows]

    async def polled(self, provider: Provider, ids: Sequence[str]) -> None:
        """They have been asked for, and are not given out again."""
        if ids:
            await self.server.run("polled", provider, *ids)

    async def queues(self, organization: str, now: Millis) -> Queues:
        """How many of the organization's messages are where, by provider; `now` says which failures count."""
        whole, *found = await self.server.run("queues", view.owner(organization), now, *Provider)
        return queues.queues(whole, found)

    async def missing_partitions(self, partitions: Collection[int], of: Reading = "view") -> set[int]:
        """Those of `sms.status.v1` that must be read again: the server may have lost what was put of them."""
        if not partitions:
            return set()
        return set(await self.server.run(f"{of}_missing", *partitions))

    async def begin_partition(self, partition: int, of: Reading = "view") -> str:
        """Reading a partition again begins; the token to hand to `mark_whole`."""
        token = uuid4().hex
        await self.server.run(f"{of}_begin", token, partition)
        return token

    async def mark_whole(self, partition: int, token: str, partitions: int, of: Reading = "view") -> bool:
        """The partition was put from its start to the end that it had when reading began.

        `partitions`: how many `sms.status.v1` has. False if the server has lost something since: begin again.
        """
        return bool(await self.server.run(f"{of}_whole", token, partition, partitions))

    # Which number a recipient knows: needs no epoch.

    async def sticky(self, pairs: Sequence[Pair]) -> Remembered:
        """The number that each recipient last saw from the use case."""
        return sticky.remembered(await self.server.run("sticky_get", *sticky.get_args(pairs)))

    async def stick(self, rows: Sequence[StatusRecord], now: Millis) -> None:
        """Remember what `rows` tell of recipients: the newest counts, in whatever order they come."""
        if args := sticky.put_args(rows, now):
            await self.server.run("sticky_put", *args)

    async def landlines(self, numbers: Sequence[str]) -> set[str]:
        """Those of which a provider has said, not long ago, that they are landlines."""
        if not numbers:
            return set()
        known = await self.server.run("landline_get", *numbers)
        return {number for number, is_known in zip(numbers, known, strict=True) if is_known}

    async def note_landlines(self, rows: Sequence[StatusRecord], now: Millis) -> None:
        """Remember the landlines that `rows` tell of; asks the server only where there are some."""
        if args := landlines.put_args(rows, now):
            await self.server.run("landline_put", *args)

    # Used idempotency keys and limits: they need no epoch.

    async def hold(self, asks: Sequence[Hold]) -> list[Found]:
        """Take each key, in order, if it is free; what is known of its message in any case.

        Taken again with the token that has it, it is `own` still.
        """
        if not asks:
            return []
        whole, *answers = await self.server.run("hold", holds.encode_holds(asks))
        return [holds.found(answer, whole) for answer in answers]

    async def release(self, message_id: str, token: str) -> None:
        """Its request is over: one of the same content may take the key at once."""
        await self.server.run("release", message_id, token)

    async def answered(self, message_id: str, token: str, answer: Answer, forget_at: Millis) -> Answer:
        """Keep what is answered to a key, unless something was before; what is kept. The hold is over."""
        expiry, value = forget_at + VIEW_MS, holds.encode_answer(answer)
        return holds.parse_answer(await self.server.run("answered", message_id, token, expiry, value))

    async def allow(self, asks: Sequence[Limit]) -> list[int]:
        """Take one from each limit, in order: 0 where there was one, else in how many ms there may be."""
        return await self.server.run("allow", *limits.limit_args(asks)) if asks else []

    async def place(self, wishes: Sequence[Wish]) -> list[Place]:
        """A place in line for each, in order. Asked twice, two are taken: one of them stays empty."""
        if not wishes:
            return []
        return places.places(await self.server.run("place", places.encode_wishes(wishes)))

    # What recipients want (docs/optouts.md): to note and to ask it needs no epoch.

    async def opted_out(self, reaches: Sequence[Reach]) -> list[bool]:
        """Whether each recipient does not want what is of these scopes, as far as the ledger knows.

        Claims decide it again, and with certainty: they need an epoch, and so all opt-outs to be there.
        """
        if not reaches:
            return []
        return [one == 1 for one in await self.server.run("wish_ask", optouts.encode_reaches(reaches))]

    async def note_optouts(self, noted: Sequence[Noted]) -> None:
        """Records of `sms.optouts.v1`, in any order and repetition: only a higher offset replaces."""
        if noted:
            await self.server.run("wish_note", optouts.encode_noted(noted))

    async def wishes_of(self, organization: str, number: str) -> list[OptOut]:
        """All that the handset `number` has ever wanted of the organization: the latest for each scope.

        Without an epoch the ledger may have lost some.
        """
        return await self._wishes(organization, f"[{number} ", f"({number}!", _SCOPES)

    async def wishes(self, organization: str, after: str, most: int) -> list[OptOut]:
        """What the organization's recipients want, by number; from after the cursor `after`, "" to begin."""
        return await self._wishes(organization, f"({after}" if after else "-", "+", most)

    async def _wishes(self, organization: str, start: str, end: str, most: int) -> list[OptOut]:
        found = await self.server.run("wish_list", organization, start, end, most)
        return [optouts.wish(*pair) for pair in zip(found[::2], found[1::2], strict=True)]
