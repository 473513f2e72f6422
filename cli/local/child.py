"""A process that we started: run it, wait for it, pause it, end it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from cli.local.process import Process, StartError

LIFELINE = Path(__file__).with_name("lifeline.py")
READY_POLL_SECONDS = 0.05
LOG_KEPT_BYTES = 20_000_000
TAIL_BYTES = 2_000


@cache
def _spawner() -> ThreadPoolExecutor:
    """The one thread that forks. The kernel ties a child to the thread that made it, not to the process.

    Without it a child started from a short-lived thread (`asyncio.to_thread`) would die with that thread.
    """
    return ThreadPoolExecutor(1, thread_name_prefix="spawner")


class Child:
    """One `Process` under our hand. It can be started again after it ended: same arguments, same log.

    All methods may be called from any thread. `start` does not wait; `wait_ready` does.
    """

    def __init__(self, process: Process, log: Path) -> None:
        self.process = process
        self.log = log
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs (also while paused), else None."""
        return self._popen.pid if self._popen is not None and self.alive else None

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the last run ended: negative for a signal; None while it runs or before the first start."""
        return None if self._popen is None else self._popen.poll()

    def prepare(self) -> Process:
        """The process to run, with the files that it needs written. Called before each start."""
        return self.process

    def start(self) -> None:
        """Run it, in a session of its own (Ctrl-C reaches us alone) and tied to our life."""
        if self.alive:
            raise StartError(f"{self.process.name} runs already")
        process = self.prepare()
        if process.ready_file is not None:
            process.ready_file.parent.mkdir(parents=True, exist_ok=True)
            process.ready_file.unlink(missing_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_KEPT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self._popen = _spawner().submit(self._spawn, process, log.fileno()).result()

    @staticmethod
    def _spawn(process: Process, log: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(LIFELINE), str(os.getpid()), *process.argv],
            env={**os.environ, **process.env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def wait_ready(self, stopped: threading.Event | None = None) -> None:
        """Return when its ready check says yes, or when `stopped` is set.

        Raises:
            StartError: it ended, or was not ready in time. The end of its log is in the message.
        """
        stopped = stopped or threading.Event()
        deadline = time.monotonic() + self.process.ready_seconds
        while not stopped.is_set():
            if not self.alive:
                raise StartError(f"{self.process.name} ended ({self.exit_code}): {self.tail()}")
            if self.process.is_ready():
                return
            if time.monotonic() > deadline:
                raise StartError(
                    f"{self.process.name} is not ready after {self.process.ready_seconds:g} s: {self.tail()}"
                )
            stopped.wait(READY_POLL_SECONDS)

    def wait(self) -> int:
        """Block until it ends, and say how: its exit code, negative for a signal."""
        return 0 if self._popen is None else self._popen.wait()

    def stop(self) -> None:
        """SIGTERM; after its grace SIGKILL. Returns when it has ended. A paused process is woken first."""
        popen = self._popen
        if popen is None:
            return
        popen.send_signal(signal.SIGTERM)
        popen.send_signal(signal.SIGCONT)
        try:
            popen.wait(self.process.grace_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL, to its whole session. Returns when it has ended."""
        if self._popen is None:
            return
        if self._popen.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()

    def pause(self) -> None:
        """SIGSTOP: it stands still wherever it is."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: it goes on as if no time had passed."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._popen is not None:
            self._popen.send_signal(number)

    def tail(self) -> str:
        """The last lines of its log, to show beside an error."""
        if not self.log.exists():
            return "no log"
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - TAIL_BYTES))
            return f"{self.log}\n{log.read().decode(errors='replace').strip()}"
