"""Only the versions that the engine was written against are accepted."""

import pytest

from streams.engine.versions import PINNED, check


def test_the_pinned_versions_pass() -> None:
    check(PINNED)


@pytest.mark.parametrize("name", PINNED)
def test_another_version_is_refused_with_what_to_do(name: str) -> None:
    with pytest.raises(ImportError, match=rf"{name} 99\.0 \(needs .*install the locked requirements"):
        check({**PINNED, name: "99.0"})


def test_a_missing_distribution_is_refused() -> None:
    with pytest.raises(ImportError, match="aiokafka missing"):
        check({name: version for name, version in PINNED.items() if name != "aiokafka"})
