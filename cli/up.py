"""`helio up` and `helio down`: a whole stack on this machine."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import httpx
import typer
from aiokafka.errors import KafkaError

from cli import first
from cli.local import run, stack
from cli.local.home import home
from cli.local.process import StartError
from cli.local.run import Run
from cli.local.stack import Stack
from cli.screen import Screen
from directory.file import DirectoryFileError
from schemas.public import StatusRecord
from schemas.status import State

STOP_SECONDS: Final = 90.0
POLL_SECONDS: Final = 0.1


def up(*, detach: bool, fresh: bool, messages: bool, json: bool) -> None:
    """Start broker, ledger, simulator and services here, and show a first message over each provider."""
    screen, where = Screen(as_json=json), home()
    # It logs every retry against a broker that is about to come up; what fails for good is an exception.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        if fresh:
            stack.wipe(where)
        if detach:
            _in_background(where, screen, messages=messages)
        else:
            _in_foreground(where, screen, messages=messages)
    except (StartError, KafkaError, DirectoryFileError) as error:
        screen.say(f"{type(error).__name__}: {error}" if isinstance(error, KafkaError) else str(error))
        raise typer.Exit(1) from None


def down(*, json: bool) -> None:
    """End the stack that runs here. Its state is kept for the next `helio up`."""
    screen, where = Screen(as_json=json), home()
    pid = run.holder(where)
    if pid is None:
        screen.say(f"nothing runs in {where}")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    with screen.busy("stopping"):
        while run.holder(where) == pid:
            if time.monotonic() > deadline:
                screen.say(
                    f"process {pid} has not ended after {STOP_SECONDS:g} s; its logs: {where / 'logs'}"
                )
                raise typer.Exit(1)
            time.sleep(POLL_SECONDS)
    screen.say("stopped")


def _in_foreground(where: Path, screen: Screen, *, messages: bool) -> None:
    running = Stack(where, say=screen.say)
    with _interruptible(), screen.busy("starting"):
        began = time.monotonic()
        running.start()
    try:
        with _interruptible():
            _show(where, running.run, screen, time.monotonic() - began)
            if messages:
                _send_first(running.run, screen)
            screen.say("Ctrl-C ends it")
            threading.Event().wait()
    except KeyboardInterrupt:
        screen.say("stopping")
    finally:
        running.stop()


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, once: what then stops the stack is let finish."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)
    yield


def _in_background(where: Path, screen: Screen, *, messages: bool) -> None:
    """Run `helio up` in a session of its own, show what it says, and return when it is ready."""
    if (pid := run.holder(where)) is not None:
        raise run.RunningError(f"a stack runs in {where} already (process {pid}): helio down")
    log = where / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    run.forget(where)
    began = time.monotonic()
    with log.open("wb") as output:
        argv = [sys.executable, "-m", "cli", "up", "--no-messages"]
        starting = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        with screen.busy("starting"):
            running = _follow(starting, log, where, screen)
    except KeyboardInterrupt:
        starting.terminate()
        starting.wait()
        raise
    _show(where, running, screen, time.monotonic() - began)
    if messages:
        _send_first(running, screen)


def _follow(starting: subprocess.Popen[bytes], log: Path, where: Path, screen: Screen) -> Run:
    """Show the lines of `log` until the stack is ready."""
    with log.open() as lines:
        while True:
            ready, ended = Run.read(where), starting.poll() is not None
            for line in lines:
                screen.say(line.rstrip())
            if ready is not None:
                return ready
            if ended:
                raise StartError("it did not start")
            time.sleep(POLL_SECONDS)


def _show(where: Path, running: Run, screen: Screen, seconds: float) -> None:
    screen.say(f"ready after {seconds:.1f} s; where everything is: {where / 'run.json'}")
    for name in ("ingress", "webhooks", "simulator", "kafka", "redis"):
        screen.say(f"  {name:<10} {getattr(running, name)}")


def _send_first(running: Run, screen: Screen) -> None:
    """Show the way of each message when it has ended, of the others when the time is over."""
    ways: dict[str, list[StatusRecord]] = {}

    def tell(status: StatusRecord) -> None:
        ways.setdefault(status.message_id, []).append(status)
        if status.status is State.DELIVERED:
            _show_way(ways.pop(status.message_id), screen)

    screen.say("a first message over each provider:")
    try:
        arrived = asyncio.run(first.deliver(running, tell))
    except (httpx.HTTPError, KafkaError) as error:
        screen.say(f"it could not be sent: {error}")
        return
    for way in ways.values():
        _show_way(way, screen)
    if not arrived:
        screen.say("not all were delivered within a minute; the logs tell why")


def _show_way(way: Sequence[StatusRecord], screen: Screen) -> None:
    last = way[-1]
    steps = " → ".join(f"{s.status} {s.at - s.accepted_at} ms" for s in way)
    line = f"  {last.provider or 'not routed':<8} {last.from_number} → {last.to_number}: {steps}"
    screen.say(line, way=[status.model_dump(mode="json") for status in way])
