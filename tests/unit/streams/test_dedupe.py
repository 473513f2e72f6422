"""Dedupe: whatever is replayed, repeated or lost in a crash, each message is passed on, and no repeat is."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.forgetting import CLAIMS_MS, SIGHTINGS_MS, VIEW_MS
from streams.dedupe import (
    Again,
    Conflict,
    Duplicate,
    FirstUnreadableError,
    New,
    Place,
    Sighting,
    forgotten,
    judge,
)

FORGET_AT = 1_000_000
GONE = FORGET_AT + SIGHTINGS_MS
FIRST = Sighting(Place(3, 70, 500), "1:abc", FORGET_AT)


@pytest.mark.parametrize(
    ("sighting", "verdict"),
    [
        (FIRST, Again()),
        (Sighting(Place(3, 71, 501), "1:abc", FORGET_AT), Duplicate()),
        (Sighting(Place(3, 71, 501), "1:xyz", FORGET_AT), Conflict()),
        # A topic made anew: the same offset is another record there.
        (Sighting(Place(3, 70, 900), "1:abc", FORGET_AT), Duplicate()),
        (Sighting(Place(2, 70, 500), "1:abc", FORGET_AT), Duplicate()),
        # A fingerprint of another version is other content: it cannot be compared.
        (Sighting(Place(3, 71, 501), "2:abc", FORGET_AT), Conflict()),
    ],
)
def test_a_sighting_is_judged_by_its_place_and_content(sighting: Sighting, verdict: object) -> None:
    assert judge(FIRST.encode(), sighting, now_ms=600) == verdict


def test_what_is_not_remembered_or_forgotten_is_new() -> None:
    later = Sighting(Place(3, 99, FORGET_AT), "1:xyz", FORGET_AT * 2)
    assert judge(None, FIRST, now_ms=600) == New()
    assert judge(FIRST.encode(), later, now_ms=GONE - 1) == Conflict()
    assert judge(FIRST.encode(), later, now_ms=GONE) == New()
    assert not forgotten(FIRST.encode(), GONE - 1)
    assert forgotten(FIRST.encode(), GONE)


def test_a_key_that_is_new_again_finds_no_claim_and_no_row_outlives_what_it_answers() -> None:
    """Else the new message would be taken for sent, or its answer would be the old one's fate."""
    assert CLAIMS_MS < SIGHTINGS_MS < VIEW_MS


@given(
    st.builds(
        Sighting,
        st.builds(Place, st.integers(0, 2**31), st.integers(0, 2**63), st.integers(0, 2**48)),
        st.text(max_size=80),
        st.integers(0, 2**48),
    )
)
def test_a_row_holds_the_whole_sighting(sighting: Sighting) -> None:
    assert Sighting.decode(sighting.encode()) == sighting


@pytest.mark.parametrize("value", [b"", b"\x01", b"\x02" + FIRST.encode()[1:]])
def test_a_row_of_another_version_is_refused(value: bytes) -> None:
    with pytest.raises(FirstUnreadableError):
        Sighting.decode(value)


Judge = Callable[[bytes | None, Sighting], bool]


def by_place(seen: bytes | None, sighting: Sighting) -> bool:
    return isinstance(judge(seen, sighting, now_ms=0), New | Again)


def by_flag(seen: bytes | None, _sighting: Sighting) -> bool:
    """The naive one: what has been seen is a repeat."""
    return seen is None


@dataclass
class Crashing:
    """A worker whose table outlives a crash although the outputs of its last records do not."""

    passes: Judge
    log: list[str]
    table: dict[str, bytes] = field(default_factory=dict)
    delivered: list[tuple[int, str]] = field(default_factory=list)

    def run(self, crashes: list[tuple[int, int]]) -> None:
        """`crashes`: it dies after so many records, of which the outputs of the last so many are lost."""
        committed = 0
        for length, lost in crashes:
            outputs, reached = self._handle(committed, min(committed + length, len(self.log)))
            kept = max(committed, reached - lost)
            self.delivered += [output for output in outputs if output[0] < kept]
            committed = kept
        outputs, _ = self._handle(committed, len(self.log))
        self.delivered += outputs

    def _handle(self, start: int, end: int) -> tuple[list[tuple[int, str]], int]:
        outputs = []
        for offset in range(start, end):
            message = self.log[offset]
            sighting = Sighting(Place(0, offset, offset), "1:same", FORGET_AT)
            if self.passes(self.table.get(message), sighting):
                outputs.append((offset, message))
                self.table.setdefault(message, sighting.encode())
        return outputs, end


LOGS = st.lists(st.sampled_from("abcde"), min_size=1, max_size=25)
CRASHES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=5)


def check(passes: Judge, log: list[str], crashes: list[tuple[int, int]]) -> None:
    worker = Crashing(passes, log)
    worker.run(crashes)
    assert {message for _, message in worker.delivered} == set(log), "a message was lost"
    firsts = {message: log.index(message) for message in log}
    assert all(offset == firsts[message] for offset, message in worker.delivered), "a repeat was passed on"


@given(LOGS, CRASHES)
def test_no_crash_loses_a_message_or_passes_a_repeat_on(
    log: list[str], crashes: list[tuple[int, int]]
) -> None:
    check(by_place, log, crashes)


def test_a_flag_in_place_of_the_first_place_loses_messages() -> None:
    with pytest.raises(AssertionError, match="lost"):
        check(by_flag, ["a"], [(1, 1)])
