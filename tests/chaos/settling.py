"""What is in flight during a run, and when all of it has come to rest."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from schemas.tasks import OnUnknown
from tests.chaos.gather import Subscriber
from tests.chaos.logs import TAKEN, Told
from tests.chaos.plan import Plan

#: Who rests and was not told anew for so long waits for something that this run will not bring. Providers are
#: asked for the first time 20 s after an unknown send.
QUIET_SECONDS: Final = 30.0
#: What has not ended after this is judged as it is.
SETTLE_SECONDS: Final = 300.0
#: Nothing comes after these but the provider's word against a belief of ours.
ENDED: Final = frozenset({"delivered", "undelivered", "failed", "cancelled"})


class Open:
    """Messages that clients were told are taken, and that have not ended."""

    def __init__(self, made: Plan, told: Sequence[Told], subscriber: Subscriber) -> None:
        self._texts = {message.number: message.text for message in made.messages}
        self._held = {m.text for m in made.messages if m.on_unknown is OnUnknown.HOLD}
        self._told = told
        self._subscriber = subscriber
        self._looked_at = [0, 0]
        self._taken: set[str] = set()
        self._states: dict[str, str] = {}
        #: When something was told of it last.
        self._told_at: dict[str, float] = {}

    def states(self) -> dict[str, str]:
        """Text -> state; "nothing" where none was told."""
        told, said = self._looked_at
        self._taken |= {self._texts[one.number] for one in self._told[told:] if one.what in TAKEN}
        # Those of one message lie in one partition, in order; a repeat is followed by what came after it.
        new = {one.record["text"]: one.status for one in self._subscriber.log[said:]}
        self._states |= new
        self._told_at |= dict.fromkeys(new, time.monotonic())
        self._looked_at = [len(self._told), len(self._subscriber.log)]
        states = ((text, self._states.get(text, "nothing")) for text in self._taken)
        return {text: state for text, state in states if state not in ENDED}

    def rest(self, since: float) -> bool:
        """Whether all wait for what may never come, and nothing was told of them since that moment."""
        return all(
            (state == "sent" or (state == "unknown" and text in self._held)) and self._told_at[text] <= since
            for text, state in self.states().items()
        )


async def settle(open_: Open, say: Callable[[str], None]) -> bool:
    """Wait until all has ended, or rests; False if that took too long."""
    began = said = time.monotonic()
    while left := open_.states():
        now = time.monotonic()
        states = Counter(left.values())
        if now - began > SETTLE_SECONDS:
            say(f"not settled after {SETTLE_SECONDS:.0f} s: {dict(states)}")
            return False
        if now - began > QUIET_SECONDS and open_.rest(now - QUIET_SECONDS):
            break
        if now - said > 10:
            said = now
            say(f"  settling: {dict(states)}")
        await asyncio.sleep(0.5)
    return True
