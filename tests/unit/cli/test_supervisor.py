"""The supervisor starts again what dies, holds down what is held down, and leaves nothing behind."""

import queue
import signal
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.local.child import Child
from cli.local.process import Process, StartError
from cli.supervisor import (
    HEALTHY_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Event,
    Happening,
    Supervisor,
    pause_before_restart,
)

SLEEPER = (sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)")
STUBBORN_PROGRAM = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").close()
time.sleep(600)
"""
STUBBORN = (sys.executable, "-I", "-S", "-c", STUBBORN_PROGRAM)


class Events:
    """What the supervisor reported, to wait for."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Event] = queue.Queue()
        self.put = self._queue.put

    def next(self, name: str, what: Happening) -> Event:
        while True:
            event = self._queue.get(timeout=20)
            if (event.name, event.what) == (name, what):
                return event

    def all(self) -> list[Event]:
        return [self._queue.get_nowait() for _ in range(self._queue.qsize())]


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def supervisor(events: Events) -> Iterator[Supervisor]:
    keeping = Supervisor(events.put)
    yield keeping
    keeping.stop()


def child(tmp_path: Path, name: str, argv: tuple[str, ...] = SLEEPER, **options: object) -> Child:
    return Child(Process(name, argv, **options), tmp_path / f"{name}.log")  # type: ignore[arg-type]  # each test names its own


def test_what_is_killed_comes_back_as_another_process(
    tmp_path: Path, supervisor: Supervisor, events: Events
) -> None:
    sleeper = child(tmp_path, "sleeper")
    supervisor.start([sleeper])
    first = sleeper.pid
    events.next("sleeper", Happening.READY)
    sleeper.kill()
    assert "(-9)" in events.next("sleeper", Happening.ENDED).detail
    events.next("sleeper", Happening.READY)
    assert sleeper.pid not in (first, None)
    assert supervisor.keepers["sleeper"].restarts == 1


def test_waiting_after_a_kill_waits_for_the_next_life(tmp_path: Path, supervisor: Supervisor) -> None:
    sleeper = child(tmp_path, "sleeper")
    supervisor.start([sleeper])
    lives = {sleeper.pid}
    for _ in range(3):
        sleeper.kill()
        supervisor.keepers["sleeper"].wait_ready()
        assert sleeper.pid not in lives
        lives.add(sleeper.pid)


def test_what_is_held_down_stays_down_until_it_is_let_up(
    tmp_path: Path, supervisor: Supervisor, events: Events
) -> None:
    sleeper = child(tmp_path, "sleeper")
    supervisor.start([sleeper])
    keeper = supervisor.keepers["sleeper"]
    keeper.hold_down()
    assert events.next("sleeper", Happening.ENDED).detail == "ended (-15)"
    with pytest.raises(StartError, match="not ready"):
        keeper.wait_ready(0.5)
    assert sleeper.pid is None
    keeper.let_up()
    keeper.wait_ready()
    assert sleeper.alive


def test_a_process_that_ends_before_it_is_ready_fails_the_start_with_its_last_words(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    argv = (sys.executable, "-I", "-S", "-c", "raise SystemExit('no such topic')")
    with pytest.raises(StartError, match="no such topic"):
        supervisor.start([child(tmp_path, "broken", argv, ready=lambda: False)])


def test_a_start_that_fails_once_is_tried_again(tmp_path: Path, supervisor: Supervisor) -> None:
    once = (
        "import pathlib, sys, time; seen = pathlib.Path(sys.argv[1])\n"
        "if not seen.exists(): seen.touch(); raise SystemExit('busy')\n"
        "seen.with_suffix('.up').touch(); time.sleep(600)"
    )
    argv = (sys.executable, "-I", "-S", "-c", once, str(tmp_path / "seen"))
    supervisor.start([child(tmp_path, "late", argv, ready=(tmp_path / "seen.up").exists)])
    assert supervisor.keepers["late"].restarts == 1


def test_the_first_failure_of_a_group_fails_its_start_at_once(tmp_path: Path, supervisor: Supervisor) -> None:
    never = child(tmp_path, "never", ready=lambda: False, ready_seconds=600)
    argv = (sys.executable, "-I", "-S", "-c", "raise SystemExit(3)")
    with pytest.raises(StartError, match=r"broken ended \(3\)"):
        supervisor.start([never, child(tmp_path, "broken", argv, ready=lambda: False)])


def test_a_program_that_does_not_exist_fails_the_start(tmp_path: Path, supervisor: Supervisor) -> None:
    with pytest.raises(StartError, match="absent"):
        supervisor.start([child(tmp_path, "absent", ("/absent",), ready=lambda: False)])


def test_ready_is_what_the_check_says(tmp_path: Path, supervisor: Supervisor, events: Events) -> None:
    open_ = threading.Event()
    starting = threading.Thread(
        target=supervisor.start, args=([child(tmp_path, "slow", ready=open_.is_set)],)
    )
    starting.start()
    events.next("slow", Happening.STARTED)
    assert starting.is_alive()
    open_.set()
    events.next("slow", Happening.READY)
    starting.join(20)
    assert not starting.is_alive()


def test_groups_end_in_reverse_and_the_deaf_are_killed(tmp_path: Path, events: Events) -> None:
    supervisor = Supervisor(events.put)
    marker = tmp_path / "deaf"
    deaf = child(tmp_path, "deaf", (*STUBBORN, str(marker)), ready=marker.exists, grace_seconds=0.5)
    first, paused = child(tmp_path, "first"), child(tmp_path, "paused")
    supervisor.start([first])
    supervisor.start([deaf, paused])
    paused.pause()
    supervisor.stop()
    ended = [event.name for event in events.all() if event.what is Happening.ENDED]
    assert sorted(ended[:2]) == ["deaf", "paused"]
    assert ended[2:] == ["first"]
    assert [first.exit_code, deaf.exit_code, paused.exit_code] == [-15, -signal.SIGKILL, -15]


def test_the_next_start_of_a_replaced_process_runs_the_other_argv(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    proof = tmp_path / "proof"
    sleeper = child(tmp_path, "sleeper")
    supervisor.start([sleeper])
    sleeper.process = Process("sleeper", (*STUBBORN, str(proof)), ready=proof.exists, grace_seconds=0.1)
    sleeper.kill()
    supervisor.keepers["sleeper"].wait_ready()
    assert proof.exists()


@given(st.lists(st.floats(0, HEALTHY_SECONDS - 0.001), min_size=8, max_size=20))
def test_pauses_double_up_to_the_longest_while_it_keeps_dying(lives: list[float]) -> None:
    pauses, pause = [], 0.0
    for lived in lives:
        pause = pause_before_restart(lived, pause)
        pauses.append(pause)
    assert pauses[0] == 0.2
    assert all(b == min(2 * a, LONGEST_PAUSE_SECONDS) for a, b in pairwise(pauses))
    assert pause_before_restart(HEALTHY_SECONDS, pause) == 0.2
