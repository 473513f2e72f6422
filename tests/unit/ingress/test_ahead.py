"""How far ahead of route the log is."""

from aiokafka import TopicPartition

from ingress.ahead import ahead

A, B = TopicPartition("t", 0), TopicPartition("t", 1)


def test_between_committed_and_end() -> None:
    assert ahead({A: 0, B: 0}, {A: 10, B: 5}, {A: 12, B: 5}) == 2


def test_nothing_committed_is_the_logs_start() -> None:
    assert ahead({A: 3, B: 0}, {A: -1}, {A: 10, B: 2}) == 9


def test_what_retention_took_does_not_count() -> None:
    assert ahead({A: 100}, {A: 10}, {A: 120}) == 20


def test_an_end_older_than_the_commit_is_none() -> None:
    assert ahead({A: 0}, {A: 10}, {A: 8}) == 0
