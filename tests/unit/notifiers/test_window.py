"""How far a partition may be committed."""

from hypothesis import given
from hypothesis import strategies as st

from notifiers.window import Window


def test_nothing_read_nothing_to_commit() -> None:
    assert Window().due() is None


@given(st.permutations(range(10)))
def test_nothing_is_passed_over(order: list[int]) -> None:
    window, unfinished = Window(), set(range(10))
    for offset in range(10):
        window.open(offset)
    for offset in order:
        window.finish(offset)
        unfinished.discard(offset)
        lowest = min(unfinished, default=10)
        assert window.due() == lowest
        assert window.span == 10 - lowest


def test_what_is_committed_is_not_committed_again() -> None:
    window = Window()
    window.open(5)
    window.finish(5)
    window.committed(6)
    assert window.due() is None
    window.open(9)
    assert window.due() == 9
