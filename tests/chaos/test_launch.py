"""Orders reach a process at its next start and while it runs, and are done once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.failpoints import Point
from tests.chaos import orders
from tests.chaos.orders import At, Orders

#: A service in small: it comes to a point three times, and says each time that it went on.
SERVICE = """
import sys
from schemas.failpoints import Point, reached
for n in range(3):
    reached(Point.API_HELD)
    print(n, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "service_in_small.py").write_text(SERVICE)
    return tmp_path / "orders.json"


def start(file: Path) -> "subprocess.Popen[str]":
    paths = os.pathsep.join((str(Path.cwd()), str(file.parent)))
    return subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.launch", "api", "service_in_small"],
        env={**os.environ, orders.FILE: str(file), "PYTHONPATH": paths},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_process_dies_where_it_was_told_to_and_only_once(file: Path) -> None:
    orders.write(file, {"api": Orders(at=(At(Point.API_HELD, "kill", 2, "7"),))})
    with start(file) as first:
        out, _ = first.communicate("\n\n\n")
    assert (out, first.returncode) == ("0\n", -signal.SIGKILL)
    done = orders.done(file, "7")
    assert done is not None
    assert (done.name, done.pid, done.point) == ("api", first.pid, "api.held")
    with start(file) as again:
        out, _ = again.communicate("\n\n\n")
    assert (out, again.returncode) == ("0\n1\n2\n", 0)


def test_an_order_reaches_a_process_that_runs(file: Path) -> None:
    orders.write(file, {})
    with start(file) as service:
        assert service.stdout is not None
        assert service.stdout.readline() == "0\n"
        orders.write(file, {"api": Orders(at=(At(Point.API_HELD, "kill"),))})
        out, _ = service.communicate("\n\n\n")
    assert (out, service.returncode) == ("", -signal.SIGKILL)
