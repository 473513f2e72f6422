"""The doctor's look at subscriptions: whose endpoints take what they are told."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from cli.commands.findings import Finding
from directory.snapshot import Directory
from ledger import Ledger, LedgerUnavailableError
from ledger.subscriptions import Failing, endpoint
from schemas.base import Millis
from schemas.directory import Active, Subscription
from schemas.settings import Settings

_CHECK: Final = "subscriptions"
#: Who has failed for less is being tried again, and most often takes it then.
_PASSING_MS: Final = 3_600_000


async def of_subscriptions(directory: Directory, settings: Settings) -> list[Finding]:
    """Those that were switched off, and those that fail: since when, and when they will be switched off."""
    active = [one.id for one in _all(directory) if one.status is Active.ACTIVE]
    names = [endpoint(one, directory.version("subscription", one)) for one in active]
    try:
        async with Ledger(settings.redis) as ledger:
            since = await Failing(ledger.server).since(names)
    except LedgerUnavailableError:
        since = [0] * len(names)  # that it is away is said once, by its own check
    after = round(settings.notifiers.switch_off_seconds * 1000)
    failing = {one: at for one, at in zip(active, since, strict=True) if at}
    return list(judged(directory, failing, after, time.time_ns() // 1_000_000))


def judged(
    directory: Directory, failing: Mapping[str, Millis], after_ms: int, now: Millis
) -> Iterator[Finding]:
    """As `of_subscriptions`.

    Args:
        directory: as it is.
        failing: since when each has only failed, by id; those that do not fail are not there.
        after_ms: after so long they are switched off.
        now: the wall clock.
    """
    found = sorted(_all(directory), key=lambda one: one.id)
    if found:
        active = sum(1 for one in found if one.status is Active.ACTIVE)
        yield Finding(check=_CHECK, said=f"{len(found)} subscriptions, {active} of them active")
    for one in found:
        name = f"subscription {one.id} of {one.organization}"
        if one.switched_off_at is not None:
            yield Finding(
                check=_CHECK,
                said=f"{name} took nothing: switched off {_moment(one.switched_off_at)}",
                todo=f"mend its endpoint, then `helio subscription on {one.id}`; or remove it",
            )
        elif (since := failing.get(one.id)) is not None:
            off = _moment(since + after_ms)
            yield Finding(
                check=_CHECK,
                said=f"{name} has only failed since {_moment(since)}: unless mended, switched off {off}",
                todo=""
                if now - since < _PASSING_MS
                else "mend its endpoint; the notifiers' log says how it "
                f"fails (notifier.failed subscription={one.id})",
            )


def _all(directory: Directory) -> list[Subscription]:
    return [one for one in directory.entities() if isinstance(one, Subscription)]


def _moment(at: Millis) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds")
