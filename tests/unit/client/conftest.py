"""Both clients, for every test of a call."""

import pytest

from tests.unit.client.calling import Perform, performer


@pytest.fixture(params=["sync", "async"])
def perform(request: pytest.FixtureRequest) -> Perform:
    """One call, by either client."""
    return performer(request.param)
