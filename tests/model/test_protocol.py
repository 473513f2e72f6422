"""The hand-over protocol keeps its promises in every state that can be reached; without any one rule not."""

from dataclasses import replace

import pytest

from tests.model.case import Case
from tests.model.controls import CONTROLS, USUAL
from tests.model.rules import WITHOUT, Rule
from tests.model.search import search


@pytest.mark.parametrize("name", USUAL)
def test_no_promise_is_broken(name: str) -> None:
    found = search(USUAL[name])
    assert found.broken is None
    assert found.whole


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_is_needed(rule: Rule) -> None:
    found = search(replace(CONTROLS[rule], without=rule))
    assert found.broken is not None, f"{WITHOUT[rule]}, and no promise is broken in {found.states} states"


def test_a_break_is_told_from_the_start() -> None:
    """The way to a break is one that the model can go, step by step."""
    found = search(replace(CONTROLS[Rule.FACT_FIRST], without=Rule.FACT_FIRST))
    assert found.broken is not None
    assert "queued" in found.broken.promise
    assert found.broken.steps[0] == "owner: reads record 0 (attempt 1)"
    assert any("CRASH of the owner" in step for step in found.broken.steps)


def test_a_search_ends_after_the_states_that_it_may_see() -> None:
    found = search(Case(), most=100)
    assert not found.whole
    assert found.broken is None
