"""Which topics one app can read together."""

from streams.engine.topics import misfit, missing


def test_equal_counts_as_declared_fit() -> None:
    assert misfit({"in": 4, "app-rows-changelog": 4}, {"app-rows-changelog": 4}) is None


def test_missing_topics_are_named() -> None:
    assert missing({"b": 0, "in": 4, "a": 0}) == ["a", "b"]
    assert misfit({"b": 0, "in": 4, "a": 0}, {}) == "missing: a, b"


def test_a_changelog_must_be_of_the_declared_size() -> None:
    assert misfit({"in": 4, "log": 8}, {"log": 4}) == "log has 8 partitions, declared are 4"


def test_sources_must_be_of_one_size() -> None:
    assert misfit({"in": 4, "too": 8}, {}) == "unequal partition counts: in 4, too 8"
