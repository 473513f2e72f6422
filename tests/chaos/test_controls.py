"""Positive controls: the checker catches the system without any one of its guards, and not as it is."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.engine import guards
from tests.chaos.controls import BESIDE, CONTROLS, ELSEWHERE, both
from tests.chaos.experiment import experiment
from tests.chaos.lab import Lab, lab
from tests.chaos.plan import plan

ENGINE = Path(guards.__file__).parent


@pytest.fixture(scope="module")
def laboratory(
    tmp_path_factory: pytest.TempPathFactory,
    jar_cache: Path,  # noqa: ARG001  it says where the stack finds its jars
) -> Iterator[Lab]:
    """One stack for all of them."""
    with lab(tmp_path_factory.mktemp("lab")) as made:
        yield made


@pytest.mark.chaos
async def test_in_peace_there_is_no_excuse_for_anything(laboratory: Lab) -> None:
    async with experiment(laboratory, "peace") as sent:
        await sent.do(plan(seed=3, seconds=5, rate=30))
        await sent.ended()
        verdict = await sent.verdict()
    assert verdict.findings == []
    assert (verdict.unknown, verdict.doubtful) == ([], 0)
    assert verdict.ended["delivered"] > 0.9 * verdict.texts


@pytest.mark.chaos
@pytest.mark.parametrize("beside", BESIDE, ids=" and ".join)
async def test_the_checker_catches_the_system_without_its_guard(
    laboratory: Lab, beside: tuple[str, ...]
) -> None:
    verdicts = await asyncio.gather(*(both(laboratory, guard, CONTROLS[guard]) for guard in beside))
    for guard, (whole, broken) in zip(beside, verdicts, strict=True):
        control = CONTROLS[guard]
        assert whole.findings == [], guard
        assert any(control.says in found.sentence for found in broken.of(control.finds)), broken.findings


def test_every_control_is_run() -> None:
    assert sorted(guard for beside in BESIDE for guard in beside) == sorted(CONTROLS)


@pytest.mark.parametrize("guard", guards.REMOVALS)
def test_every_guard_of_the_engine_has_a_control(guard: str) -> None:
    if guard in CONTROLS:
        return
    file, _, test = ELSEWHERE[guard].partition("::")
    assert f"def {test}(" in (ENGINE / file).read_text()
