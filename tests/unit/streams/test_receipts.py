"""A message's receipts in any order, however often, before or after the late answer of its send call.

Each is a callback as its provider signs and words it, judged by the webhooks' own code. `HELIO_TEST_RECEIPTS`
is how many orders are tried of each provider's.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directory.snapshot import Directory
from schemas.facts import AmbiguousFact, AnyFact, OutcomeFact, Receipt, Routed
from schemas.messages import Content
from schemas.provider import Accepted, Fault, Provider, Rejected
from schemas.public import StatusRecord
from schemas.status import ENDED, State
from schemas.tasks import RecordId
from streams.fold import fold
from streams.rows import Row
from streams.telling import record
from tests.fakes.callbacks import (
    MAC,
    NOW,
    SECRETS,
    SENT,
    Post,
    account,
    telnyx,
    telnyx_event,
    twilio,
    vonage,
    vonage_body,
)
from tests.unit.streams.facts import Fold
from tests.unit.streams.orders import QUICK, THOROUGH
from webhooks.judgement import Answer, judge
from webhooks.signers import Signer

ORDERS = int(os.environ.get("HELIO_TEST_RECEIPTS", "700"))
#: What each provider calls a message's states on its way, and its endings: ours beside them.
WAYS = {
    Provider.TWILIO: (("queued", "sending", "sent"), {"delivered": "delivered", "undelivered": "undelivered",
                      "failed": "failed"}),
    Provider.TELNYX: (("queued", "sending", "sent"), {"delivered": "delivered",
                      "delivery_failed": "undelivered", "sending_failed": "failed"}),
    Provider.VONAGE: (("submitted",), {"delivered": "delivered", "rejected": "undelivered",
                      "undeliverable": "failed"}),
}  # fmt: skip
SENDER = "+14155550100"
#: Of a hand-over's attempt; the same call's outcome may come late, after all its receipts.
AT = NOW * 1000 - 5_000
BY = {
    "message_id": SENT.message_id,
    "organization": SENT.organization,
    "forget_at": SENT.forget_at,
    "attempt": SENT.attempt,
    "account": SENT.account,
    "sender": SENDER,
}


def callback(provider: Provider, word: str) -> Post:
    match provider:
        case Provider.TWILIO:
            return twilio(MessageStatus=word)
        case Provider.TELNYX:
            return telnyx(telnyx_event(word))
        case Provider.VONAGE:
            return vonage(vonage_body(word))


@cache
def told_by(provider: Provider, word: str) -> tuple[Receipt, ...]:
    """What the webhooks make of a callback: nothing where it moves nothing."""
    signers = [Signer(account(provider), (SECRETS[provider],))]
    found = judge(
        provider,
        callback(provider, word).incoming(),
        signers,
        directory=Directory(),
        macs=[MAC],
        now_ms=NOW * 1000,
    )
    if isinstance(found, Answer):
        assert found.status == 204
        return ()
    assert isinstance(found, Receipt)
    return (found,)


def routed(provider: Provider) -> Routed:
    content = Content(
        use_case_id="u", to_number="+14155552346", text="hi", segments=1, fingerprint="1:x", accepted_at=AT
    )
    return Routed.model_validate(
        BY | {"attempt": 1, "provider": provider, "at": AT, "reason": "hash", "content": content}
    )


def answered(provider: Provider, outcome: Accepted | Rejected) -> OutcomeFact:
    place = RecordId(topic="t", partition=0, offset=1)
    said = {"at": AT + 9_000, "nonce": SENT.nonce, "record": place, "outcome": outcome}
    return OutcomeFact.model_validate(BY | {"provider": provider} | said)


def given_up(provider: Provider) -> AmbiguousFact:
    """Nobody knows what came of the call: until its answer comes late, or a receipt does."""
    said = {"at": AT + 8_000, "nonces": (SENT.nonce,), "detail": "timeout"}
    return AmbiguousFact.model_validate(BY | {"provider": provider} | said)


def folded(facts: Sequence[AnyFact], by: Fold = fold) -> tuple[Row, list[StatusRecord]]:
    row: Row | None = None
    records: list[StatusRecord] = []
    for offset, fact in enumerate(facts):
        row, told = by(row, fact, offset)
        records += told
    assert row is not None
    return row, records


@dataclass(frozen=True)
class Story:
    """What is told of one message, and how it must end."""

    facts: tuple[AnyFact, ...]
    ending: State


def story(provider: Provider, ending: str | None, *, late: bool, unknown: bool) -> Story:
    """`late`: its call was answered at last. `unknown`: it had been given up before."""
    on_its_way, endings = WAYS[provider]
    words = [*on_its_way, *([] if ending is None else [ending])]
    receipts = [receipt for word in words for receipt in told_by(provider, word)]
    ours: list[AnyFact] = [routed(provider)]
    if late:
        ours.append(answered(provider, Accepted(provider_message_id="from-the-answer")))
    if unknown:
        ours.append(given_up(provider))
    return Story((*ours, *receipts), State.SENT if ending is None else State(endings[ending]))


def check(told: Story, facts: Sequence[AnyFact], by: Fold = fold) -> None:
    row, records = folded(facts, by)
    states = [record.status for record in records]
    assert states[-1] is told.ending
    assert row.word is not None
    assert row.word.state is told.ending
    # One record for each real transition: never the same state twice, and never back.
    assert states[0] is State.QUEUED
    assert all(one is not other for one, other in pairwise(states))
    assert len(set(states)) == len(states)
    assert len({record.id for record in records}) == len(records)
    assert [record.sequence for record in records] == list(range(1, len(records) + 1))
    ranks = [(State.QUEUED, State.UNKNOWN, State.SENT).index(s) if s not in ENDED else 3 for s in states]
    assert ranks == sorted(ranks)
    # Whoever told it, it says the same of its hand-over.
    last = records[-1]
    assert (last.from_number, last.account, last.attempt) == (SENDER, SENT.account, SENT.attempt)
    assert (last.failure is None) == (told.ending in {State.SENT, State.DELIVERED})
    # A crash later, all of it is read again: nothing new is told.
    again = row
    for offset, fact in enumerate(facts):
        again, repeats = by(again, fact, offset)
        assert {record.id for record in repeats} <= {record.id for record in records}
    assert again == row


def stories(provider: Provider) -> list[Story]:
    endings = [None, *WAYS[provider][1]]
    how = [(True, False), (True, True), (False, True)]
    return [
        story(provider, ending, late=late, unknown=unknown) for ending in endings for late, unknown in how
    ]


@pytest.mark.parametrize("provider", Provider)
def test_every_order_ends_the_same(provider: Provider) -> None:
    for told in stories(provider):
        for order in permutations(told.facts):
            check(told, order)


def any_order_and_repetition_ends_the_same(provider: Provider, by: Fold, how: settings) -> None:
    @how
    @given(
        st.sampled_from(stories(provider)), st.lists(st.integers(0, 9), max_size=6), st.integers(0, 1 << 32)
    )
    def orders(told: Story, repeats: list[int], seed: int) -> None:
        facts = [*told.facts, *(told.facts[n % len(told.facts)] for n in repeats)]
        Random(seed).shuffle(facts)
        check(told, facts, by)

    orders()


@pytest.mark.parametrize("provider", Provider)
def test_any_order_and_repetition_ends_the_same(provider: Provider) -> None:
    any_order_and_repetition_ends_the_same(provider, fold, settings(THOROUGH, max_examples=ORDERS))


def test_a_refusal_that_comes_late_yields_to_the_handset() -> None:
    """The call was answered with a refusal, and yet the handset has it: its receipt knows better."""
    refused = answered(Provider.TWILIO, Rejected(fault=Fault.RECIPIENT, code="21211", detail="no"))
    facts: list[AnyFact] = [routed(Provider.TWILIO), refused, *told_by(Provider.TWILIO, "delivered")]
    for order in permutations(facts):
        _, records = folded(order)
        assert records[-1].status is State.DELIVERED
        assert len({record.status for record in records}) == len(records)


def believes_the_latest(row: Row | None, fact: AnyFact, offset: int) -> tuple[Row, list[StatusRecord]]:
    """The naive one: what is told last is how it stands."""
    if row is not None and isinstance(fact, Receipt | OutcomeFact) and offset > row.offset:
        row = row._replace(fate=None)
    return fold(row, fact, offset)


def tells_each(row: Row | None, fact: AnyFact, offset: int) -> tuple[Row, list[StatusRecord]]:
    """The naive one: each callback is an event."""
    row, records = fold(row, fact, offset)
    return row, records or ([record(row, len(row.told))] if row.told and isinstance(fact, Receipt) else [])


@pytest.mark.parametrize("naive", [believes_the_latest, tells_each])
@pytest.mark.parametrize("provider", Provider)
def test_naive_folds_are_caught(provider: Provider, naive: Fold) -> None:
    with pytest.raises(AssertionError):
        any_order_and_repetition_ends_the_same(provider, naive, QUICK)
