"""How far a group's member is behind is told by topic, and since when its commit stands still."""

from broker.metrics import COMMIT_AGE, LAG
from broker.progress import Behind, Progress, Stand

A, B, OTHER = ("t", 0), ("t", 1), ("u", 0)


def test_lag_is_the_sum_of_its_partitions_and_age_that_of_the_oldest() -> None:
    progress = Progress("group")
    progress.look({A: Stand(5, 10), B: Stand(0, 7)}, 100)
    assert progress.look({A: Stand(5, 12), B: Stand(7, 7)}, 130) == {"t": Behind(7, 30)}
    assert progress.look({A: Stand(6, 12), B: Stand(7, 7)}, 140) == {"t": Behind(6, 0)}


def test_a_commit_with_nothing_beyond_it_does_not_age() -> None:
    progress = Progress("group")
    progress.look({A: Stand(5, 5)}, 100)
    assert progress.look({A: Stand(5, 5)}, 900) == {"t": Behind(0, 0)}
    assert progress.look({A: Stand(5, 6)}, 905) == {"t": Behind(1, 5)}


def test_who_has_committed_nothing_is_behind_by_all_of_it() -> None:
    assert Progress("group").look({A: Stand(None, 4)}, 0) == {"t": Behind(4, 0)}


def test_a_partition_that_comes_back_begins_anew() -> None:
    progress = Progress("group")
    progress.look({A: Stand(5, 9)}, 100)
    progress.look({}, 200)
    assert progress.look({A: Stand(5, 9)}, 300) == {"t": Behind(4, 0)}


def test_a_topic_that_is_given_up_is_shown_as_nothing() -> None:
    progress = Progress("group")
    progress.show({A: Stand(5, 9), OTHER: Stand(4, 5)}, 100)
    progress.show({A: Stand(5, 9), OTHER: Stand(4, 5)}, 102)
    assert [LAG.labels("group", one)._value.get() for one in "tu"] == [4, 1]
    assert [COMMIT_AGE.labels("group", one)._value.get() for one in "tu"] == [2.0, 2.0]
    progress.show({OTHER: Stand(4, 7)}, 103)
    assert [LAG.labels("group", one)._value.get() for one in "tu"] == [0, 3]
    assert [COMMIT_AGE.labels("group", one)._value.get() for one in "tu"] == [0, 3.0]
