"""The model knows each state, fact, script and step of the code: a new one fails here until it does."""

from typing import Any, get_args

import pytest

from dispatchers import policy
from ledger import claims, history
from ledger.server import SCRIPTS
from schemas import facts, provider, tasks
from schemas.failpoints import Point
from schemas.status import State
from tests.model import decisions
from tests.model.world import At, Kind, Said

#: Every fact, and the kinds that stand for it; none: it says nothing that another one does not.
_FACTS: dict[type, set[Kind]] = {
    facts.Routed: set(),  # known from the start
    facts.Rerouted: set(),  # says which sender the next attempt takes, and of hand-overs nothing
    facts.Rejected: set(),  # by us, before any hand-over
    facts.OutcomeFact: {Kind.ACCEPTED, Kind.REJECTED, Kind.REFUSED},
    facts.AmbiguousFact: {Kind.AMBIGUOUS},
    facts.Receipt: {Kind.DELIVERED},
    facts.Reported: set(),  # a receipt that was fetched
    facts.CancelAsked: {Kind.CANCEL_ASKED},
    facts.Closed: {Kind.CANCELLED, Kind.EXPIRED, Kind.OPTED_OUT},
    facts.Deadline: {Kind.FAILED, Kind.RESENT},
}

#: Endings of what was not sent and may not be any more: to the protocol each is another word for `expired`.
_AS_EXPIRED = {
    "sender_not_found", "sender_suspended", "assistant_suspended", "use_case_not_found", "use_case_suspended",
    "account_unavailable", "campaign_not_verified", "brand_suspended",
}  # fmt: skip

#: Every script that reads or writes claims, and the function that stands for it.
_SCRIPTS = {
    "look": "dispatcher._look",
    "claim": "scripts.claim",
    "expire": "scripts.expire",
    "refuse": "scripts.expire",  # the same, by another word
    "close": "scripts.close",
    "lose": "scripts.lose",
    "reopen": "scripts.reopen",
    "take_over": "scripts.take_over",
    "cancel": "scripts.cancel",
    "ask": "scripts.may_send_again",
}

#: Every place between two steps of a hand-over, and what a hand does next there; None: nothing of its own.
_POINTS = {
    Point.DISPATCH_LOOKED: At.INTENT,
    Point.DISPATCH_INTENDED: At.CLAIM,
    Point.DISPATCH_CLAIMED: At.POST,
    Point.DISPATCH_ANSWERED: At.WRITE,
    Point.DISPATCH_TOLD: At.CLOSE,
    Point.DISPATCH_CLOSED: None,
    Point.DISPATCH_LOST: At.WRITE,
    Point.DISPATCH_AMBIGUOUS_TOLD: At.DEADLINE,
    Point.DISPATCH_REOPENED: At.WRITE,
    Point.DISPATCH_RETRY_TOLD: At.LOOK,
    Point.DISPATCH_FAILED_OVER: None,  # a copy is on its way, as after a retry that waits
    Point.DISPATCH_TAKEN_OVER: At.WRITE,
    Point.DISPATCH_DEFERRED: None,  # the same task comes again, as after a retry
    Point.DISPATCH_ASKED: None,  # `asking`
    Point.REBUILD_LOCKED: None,  # `rebuilds`
    Point.REBUILD_WRITTEN: None,
    Point.REBUILD_PUBLISHED: None,
    Point.API_CANCEL_ASKED: None,  # `others`
    Point.API_CANCEL_DECIDED: None,
    Point.API_CANCEL_TOLD: None,
}


def test_facts() -> None:
    assert set(_FACTS) == set(get_args(facts.AnyFact))
    assert set().union(*_FACTS.values()) == set(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_is_made_into_the_fact_that_it_stands_for(kind: Kind) -> None:
    assert kind in _FACTS[type(decisions.fact(_said(kind)))]


@pytest.mark.parametrize(
    ("code", "known"),
    [
        (get_args(claims.Claim), {claims.Absent, claims.Open, claims.Sending, claims.Closed}),
        (get_args(history.Rebuilt), {claims.Absent, claims.Open, claims.Closed}),
        (get_args(claims.Why), {"sent", "unknown", "cancelled", "expired", "opted_out"} | _AS_EXPIRED),
        (
            get_args(history.ClaimFact),
            {facts.OutcomeFact, facts.AmbiguousFact, facts.CancelAsked, facts.Closed},
        ),
        (
            get_args(policy.Step),
            {
                policy.Go, policy.ComeBack, policy.TakeOver, policy.SayUnknown, policy.SayClosed,
                policy.RetryAgain, policy.Done,
            },
        ),
        (
            get_args(get_args(provider.Certain)[0]),
            {provider.Accepted, provider.Rejected, provider.Throttled, provider.Unavailable},
        ),
        (facts.ClosedWhy, {"cancelled", "expired", "opted_out"} | _AS_EXPIRED),
        (tasks.How, {"plain", "after_unknown", "resend"}),
        (tasks.OnUnknown, {"hold", "resend", "fail"}),
        (State, {"queued", "unknown", "sent", "delivered", "undelivered", "failed", "cancelled"}),
    ],
    ids=[
        "claims", "rebuilt claims", "whys", "facts of claims", "steps", "outcomes", "endings", "hows",
        "policies", "states",
    ],
)  # fmt: skip
def test_states(code: Any, known: set[Any]) -> None:
    assert set(code) == known


def test_scripts() -> None:
    assert {name for name, parts in SCRIPTS.items() if "claims" in parts} == set(_SCRIPTS)


def test_steps() -> None:
    of_hand_overs = {point for point in Point if point.startswith(("dispatch.", "rebuild.", "api.cancel"))}
    assert of_hand_overs == set(_POINTS)


def _said(kind: Kind) -> Said:
    return Said(kind, 1, ("first",), "t:0:0")
