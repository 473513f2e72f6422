"""The state file forgets nothing that it took, and survives a kill in the middle of a line."""

from pathlib import Path

import pytest

from simulator.journal import Journal, StateInUseError


def test_records_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state.jsonl"
    journal = Journal(path)
    for number in range(3):
        journal.append({"n": number, "text": "line\nbreak €"})
    journal.close()
    again = Journal(path)
    assert [record["n"] for record in again.records()] == [0, 1, 2]
    again.close()


def test_a_torn_last_line_is_dropped_and_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "state.jsonl"
    path.write_bytes(b'{"n":0}\n{"n":1')
    journal = Journal(path)
    assert journal.records() == [{"n": 0}]
    journal.append({"n": 2})
    assert journal.records() == [{"n": 0}, {"n": 2}]
    journal.close()


def test_one_judge_at_a_time(tmp_path: Path) -> None:
    first = Journal(tmp_path / "state.jsonl")
    with pytest.raises(StateInUseError, match="in use"):
        Journal(tmp_path / "state.jsonl")
    first.close()
    Journal(tmp_path / "state.jsonl").close()
