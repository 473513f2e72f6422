"""API keys: who asks, and what they may do."""

import pytest

from directory.snapshot import Directory
from ingress.codes import Code
from ingress.keys import authenticate
from ingress.problems import Problem
from schemas.directory import ApiKey, Entry, Former, Scope
from tests.fakes import world
from tests.fakes.doors import NOW

DIRECTORY = world.directory()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_key_speaks_for_its_organization(scheme: str) -> None:
    key = authenticate(f"{scheme} {world.KEY}", DIRECTORY, Scope.SEND, NOW)
    assert isinstance(key, ApiKey)
    assert key.organization == "acme"


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", world.KEY, f"Basic {world.KEY}", "Bearer nobody",
     f"Bearer {world.SUSPENDED_KEY}", f"Bearer {world.sha256(world.KEY)}", "Bearer \xff"],
)  # fmt: skip
def test_who_is_not_known(header: str | None) -> None:
    problem = authenticate(header, DIRECTORY, Scope.SEND, NOW)
    assert isinstance(problem, Problem)
    assert problem.code is Code.UNAUTHENTICATED
    assert problem.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_does_only_what_it_may() -> None:
    assert isinstance(authenticate(f"Bearer {world.READ_KEY}", DIRECTORY, Scope.READ, NOW), ApiKey)
    problem = authenticate(f"Bearer {world.READ_KEY}", DIRECTORY, Scope.SEND, NOW)
    assert isinstance(problem, Problem)
    assert problem.code is Code.MISSING_SCOPE
    assert "send" in problem.detail


def rotated(until: int) -> Directory:
    """Acme's key was replaced by a new one."""
    key = DIRECTORY.api_key(world.sha256(world.KEY))
    assert key is not None
    former = (Former(sha256=key.sha256, until=until),)
    new = key.model_copy(update={"sha256": world.sha256("helio_new"), "former": former})
    entry = Entry(kind=key.kind, id=key.id, organization="acme", version=2, at=NOW, entity=new)
    directory, refused = DIRECTORY.after([entry])
    assert not refused
    return directory


def test_a_key_that_was_replaced_is_good_for_its_time_and_no_longer() -> None:
    for key in (world.KEY, "helio_new"):
        assert isinstance(authenticate(f"Bearer {key}", rotated(NOW + 1), Scope.SEND, NOW), ApiKey)
    assert isinstance(authenticate("Bearer helio_new", rotated(NOW), Scope.SEND, NOW), ApiKey)
    late = authenticate(f"Bearer {world.KEY}", rotated(NOW), Scope.SEND, NOW)
    assert isinstance(late, Problem)
    assert late.code is Code.UNAUTHENTICATED
