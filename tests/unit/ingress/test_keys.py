"""API keys: who asks, and what they may do."""

import pytest

from ingress.codes import Code
from ingress.keys import authenticate
from ingress.problems import Problem
from schemas.directory import ApiKey, Scope
from tests.fakes import world

DIRECTORY = world.directory()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_key_speaks_for_its_organization(scheme: str) -> None:
    key = authenticate(f"{scheme} {world.KEY}", DIRECTORY, Scope.SEND)
    assert isinstance(key, ApiKey)
    assert key.organization == "acme"


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", world.KEY, f"Basic {world.KEY}", "Bearer nobody",
     f"Bearer {world.SUSPENDED_KEY}", f"Bearer {world.sha256(world.KEY)}", "Bearer \xff"],
)  # fmt: skip
def test_who_is_not_known(header: str | None) -> None:
    problem = authenticate(header, DIRECTORY, Scope.SEND)
    assert isinstance(problem, Problem)
    assert problem.code is Code.UNAUTHENTICATED
    assert problem.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_does_only_what_it_may() -> None:
    assert isinstance(authenticate(f"Bearer {world.READ_KEY}", DIRECTORY, Scope.READ), ApiKey)
    problem = authenticate(f"Bearer {world.READ_KEY}", DIRECTORY, Scope.SEND)
    assert isinstance(problem, Problem)
    assert problem.code is Code.MISSING_SCOPE
    assert "send" in problem.detail
