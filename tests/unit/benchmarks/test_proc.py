"""What /proc says of a process."""

import os
import time

import pytest

from benchmarks.proc import cpu_seconds, fixed_work, resident, used

STAT = "42 (a) name) (b) S 1 42 42 0 -1 4194560 1 2 3 4 250 50 7 8 20 0 1 0 99 1000 10 18446744073709551615"


def test_user_and_system_time_are_found_behind_any_name() -> None:
    assert cpu_seconds(STAT, ticks=100) == 3.0


def test_resident_memory_is_told_in_mib() -> None:
    assert resident("Name:\tVmRSS\nVmHWM:\t  4096 kB\nVmRSS:\t  2048 kB\nThreads:\t1\n") == 2.0
    assert resident("Name:\tgone\nState:\tZ (zombie)\n") == 0.0


def test_this_process_uses_cpu_and_memory() -> None:
    before = used({"this": os.getpid()})["this"]
    spun = time.process_time()
    while time.process_time() - spun < 0.1:
        pass
    after = used({"this": os.getpid()})["this"]
    assert after.cpu - before.cpu >= 0.05
    assert after.memory > 5


def test_a_process_that_has_ended_is_no_zero() -> None:
    with pytest.raises(FileNotFoundError):
        used({"none": 2**22 + 1})


def test_the_gauge_tells_a_time() -> None:
    assert fixed_work() > 0
