"""The admin API against its own OpenAPI document: schemathesis, with all its checks but one, finds nothing.

In memory, and by a key that may all it can: on a stack it would take away what other tests lean on.
"""

from collections import Counter
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import AuthContext, Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from ingress.app import make_app
from tests.fakes import admin, world
from tests.fakes.doors import MemoryDoor

# The tests of its operations all have one name, of which a parallel run would take only some.
pytestmark = [pytest.mark.e2e, pytest.mark.alone]
#: For each operation, and each key.
EXAMPLES: Final = 10
#: Why a request that the schema allows is not taken: no schema knows which fields a kind has, what there
#: is to be named, nor by which version.
REFUSALS: Final = {403, 404, 409, 412, 422}

DOOR: Final = MemoryDoor(directory=world.directory(admin.FILE), body_limit_bytes=20_000)
SCHEMA: Final = schemathesis.openapi.from_asgi("/openapi.json", make_app(DOOR.parts())).include(tag="Admin")
ANSWERED: Final = Counter[int]()


@SCHEMA.auth()
class Key:
    """The operator's, which may write what there is of every organization."""

    def get(self, _: Case[Any], __: AuthContext) -> str:
        """The header."""
        return f"Bearer {admin.OPERATOR}"

    def set(self, case: Case[Any], data: str, _: AuthContext) -> None:
        """Have `case` say it."""
        case.headers["Authorization"] = data


@SCHEMA.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_schemathesis_finds_nothing(case: Case[Any]) -> None:
    found = case.call_and_validate(excluded_checks=[positive_data_acceptance])
    ANSWERED[found.status_code] += 1


@pytest.mark.parametrize("status", [200, 201, *sorted(REFUSALS - {403}), 400, 401])
def test_it_went_beyond_refusals(status: int) -> None:
    """Nothing found among refusals alone would say little."""
    if not ANSWERED:
        pytest.skip("only after the requests above")
    assert ANSWERED[status] > 0, ANSWERED
