"""A whole stack of its own: what is sent here would move the figures of others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local.kafka import QUICK_JVM
from cli.local.stack import Stack


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    jar_cache: Path,  # noqa: ARG001  it says where the stack finds its jars
) -> Iterator[Stack]:
    """Everything, as `helio up` starts it."""
    with Stack(tmp_path_factory.mktemp("stack"), documented_ports=False, jvm=QUICK_JVM) as running:
        yield running
