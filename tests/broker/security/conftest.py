"""One broker with TLS, logins and rights for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.secured import Secured, secured


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, jar_cache: Path) -> Iterator[Secured]:
    """With the user `ann` (password `plain`) of PLAIN, and `bob` (`scram`) of SCRAM."""
    with secured(tmp_path_factory.mktemp("secured"), jar_cache, {"ann": "plain"}) as found:
        found.add_users({"bob": "scram"})
        yield found
