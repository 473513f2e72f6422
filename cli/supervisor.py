"""Keeps processes running: starts them, starts again what dies, ends them in order.

A `Keeper` keeps one child; a `Supervisor` keeps many, in groups. Neither holds state that matters: when
it dies, its children die with it (see `cli.local.lifeline`), and the next one starts them anew.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cli.local.child import READY_POLL_SECONDS, Child
from cli.local.process import StartError

FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0
HEALTHY_SECONDS: Final = 10.0
"""What lived that long had started well: its next pause is the first again."""


class Happening(StrEnum):
    """What befalls a process."""

    STARTED = "started"
    READY = "ready"
    ENDED = "ended"


@dataclass(frozen=True)
class Event:
    """Something that befell the process `name`."""

    name: str
    what: Happening
    detail: str


STARTS_TRIED: Final = 3
"""A process that ended so often without ever being ready makes the start fail; once may be chance."""

Report = Callable[[Event], None]
"""Told of each event, from any thread. It must not wait for a keeper."""


def pause_before_restart(lived: float, previous: float) -> float:
    """Seconds to wait before a process that lived `lived` seconds is started again.

    `previous` is the pause before its last start, 0 for the first.
    """
    if previous == 0 or lived >= HEALTHY_SECONDS:
        return FIRST_PAUSE_SECONDS
    return min(previous * 2, LONGEST_PAUSE_SECONDS)


class Keeper:
    """Keeps one child running, until `end`. All methods may be called from any thread."""

    def __init__(self, child: Child, report: Report) -> None:
        self.child = child
        self.name = child.process.name
        self.restarts = 0
        self._report = report
        self._changed = threading.Condition()
        self._wanted = True
        self._ended = False
        self._ready = False
        self._was_ready = False
        self._failure: StartError | None = None
        self._thread = threading.Thread(target=self._keep, name=f"keeper-{self.name}", daemon=True)

    def begin(self) -> None:
        """Start the child and keep it running. Does not wait: see `wait_ready`."""
        self._thread.start()

    def wait_ready(self, seconds: float | None = None) -> None:
        """Return when it is ready, also after a restart; `seconds` defaults to the process' own limit.

        Raises:
            StartError: it ended `STARTS_TRIED` times without ever being ready, or was not ready in time.
        """
        began = time.monotonic()
        while not self.became_ready(time.monotonic() - began, seconds):
            time.sleep(READY_POLL_SECONDS)

    def became_ready(self, after: float, limit: float | None = None) -> bool:
        """Whether it is ready, `after` seconds of waiting for it.

        Raises:
            StartError: as `wait_ready`.
        """
        if self._ready and self.child.alive:
            return True
        if self._failure is not None:
            raise self._failure
        limit = self.child.process.ready_seconds if limit is None else limit
        if after > limit:
            raise StartError(f"{self.name} is not ready after {limit:g} s: {self.child.tail()}")
        return False

    def hold_down(self) -> None:
        """Stop it, and do not start it again until `let_up`."""
        with self._changed:
            self._wanted = False
        self.child.stop()

    def let_up(self) -> None:
        """The opposite of `hold_down`."""
        with self._changed:
            self._wanted = True
            self._changed.notify_all()

    def end(self) -> None:
        """Stop it for good."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self.child.stop()
        self._thread.join()

    def _keep(self) -> None:
        pause = 0.0
        while self._wait_wanted():
            began = time.monotonic()
            end = self._run_once()
            with self._changed:
                pause = pause_before_restart(time.monotonic() - began, pause)
                again = self._wanted and not self._ended
                self._tell(Happening.ENDED, f"{end}; starts again in {pause:g} s" if again else end)
                if self._changed.wait_for(lambda: self._ended, pause):
                    return
                self.restarts += 1

    def _wait_wanted(self) -> bool:
        """True once the child is to run, False when it never will again."""
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or self._ended)
            return not self._ended

    def _run_once(self) -> str:
        """Start the child and return when it has ended, with how it ended."""
        try:
            with self._changed:  # so that `end` finds either a child to stop or none that will come
                if self._ended:
                    return "not started"
                self.child.start()
        except (StartError, OSError) as error:
            self._fail(str(error))
            return f"could not start: {error}"
        self._tell(Happening.STARTED, f"process {self.child.pid}")
        became_ready = self._watch_until_ready()
        end = f"ended ({self.child.wait()})"
        self._ready = False
        if not became_ready:
            self._fail(f"{self.name} {end}: {self.child.tail()}")
        return end

    def _watch_until_ready(self) -> bool:
        """True once the child is ready, False if it ends before."""
        while self.child.alive:
            if self.child.process.is_ready():
                self._ready, self._was_ready, self._failure = True, True, None
                self._tell(Happening.READY, f"process {self.child.pid}")
                return True
            time.sleep(READY_POLL_SECONDS)
        return False

    def _fail(self, reason: str) -> None:
        """Let whoever waits for the first readiness know that it will not come."""
        if not self._was_ready and self.restarts + 1 >= STARTS_TRIED:
            self._failure = StartError(reason)

    def _tell(self, what: Happening, detail: str) -> None:
        self._report(Event(self.name, what, detail))


class Supervisor:
    """Keeps groups of children. Groups start one after the other, each at once, and end in reverse."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._groups: list[list[Keeper]] = []

    @property
    def keepers(self) -> dict[str, Keeper]:
        """By the name of their process, in the order of their start."""
        return {keeper.name: keeper for group in self._groups for keeper in group}

    def start(self, children: Sequence[Child]) -> None:
        """Start a group and return when all of it is ready.

        Raises:
            StartError: one of them did not get ready. Those that run are kept; call `stop`.
        """
        group = [Keeper(child, self._report) for child in children]
        self._groups.append(group)
        for keeper in group:
            keeper.begin()
        began, waiting = time.monotonic(), group
        while waiting:
            waiting = [keeper for keeper in waiting if not keeper.became_ready(time.monotonic() - began)]
            time.sleep(READY_POLL_SECONDS)

    def stop(self) -> None:
        """End everything, last group first. Takes no longer than the longest grace of each group."""
        while self._groups:
            threads = [threading.Thread(target=keeper.end) for keeper in self._groups[-1]]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self._groups.pop()
