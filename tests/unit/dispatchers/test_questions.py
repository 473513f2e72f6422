"""What is asked about earlier hand-overs, when, and what follows from the answers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchers.port import Answer, Found, NoAnswer, NotFound, Refused, Several, Standing
from dispatchers.questions import Again, Enough, Learned, first, follows, is_settled, sends_within
from dispatchers.unknown import follows as follow_ambiguous
from ledger.asking import ASKABLE_MS, twin
from schemas import topics
from schemas.facts import AmbiguousFact, OutcomeFact, ReceiptStatus, Reported, decode_fact
from schemas.lanes import Lane
from schemas.provider import Accepted, Fault, Provider, Rejected
from schemas.public import StatusRecord
from schemas.settings import DispatchSettings
from schemas.status import State
from schemas.tasks import Inquiry, OnUnknown, RecordId, Task

NOW = 1_795_312_000_000
HOUR = 3_600_000
SETTINGS = DispatchSettings()
#: What a hand-over lasts at most, twice: http timeout and margin.
TWICE = 30_000
TAKEN = Accepted(provider_message_id="SM1", segments=2)
REFUSED = Rejected(fault=Fault.RECIPIENT, code="40310", detail="no")


def task(**changes: Any) -> Task:
    return Task(
        message_id="m", organization="acme", attempt=2, record=RecordId(topic="t", partition=0, offset=1),
        lane=Lane.QUEUED, provider=Provider.TWILIO, account="tw", sender="+15550100",
        to_number="+15550199", text="hello", segments=1, valid_until=NOW + HOUR, forget_at=NOW + 72 * HOUR,
    ).model_copy(update=changes)  # fmt: skip


def ambiguous(of: Task, *nonces: str) -> AmbiguousFact:
    return AmbiguousFact(
        message_id="m", organization="acme", at=NOW, forget_at=of.forget_at, attempt=of.attempt,
        provider=of.provider, account=of.account, sender=of.sender, nonces=nonces, detail="lost",
    )  # fmt: skip


def unknown(**changes: Any) -> Inquiry:
    of = task()
    made = first(ambiguous(of, "n"), of, SETTINGS)
    assert made is not None
    return made.model_copy(update=changes)


def sent(**changes: Any) -> Inquiry:
    return unknown(task=None, nonce="", provider_message_id="SM1", ask_until=NOW + 72 * HOUR, **changes)


# -- the first question


def test_what_is_held_is_asked_about_for_as_long_as_the_ledger_knows_of_it() -> None:
    found = unknown()
    assert (found.task, found.nonce, found.attempt) == (task(), "n", 2)
    assert (found.not_before, found.ask_until) == (NOW + 20_000, NOW + ASKABLE_MS)


@pytest.mark.parametrize("policy", [OnUnknown.FAIL, OnUnknown.RESEND])
def test_what_has_a_policy_is_asked_about_until_a_call_could_last_beyond_it(policy: OnUnknown) -> None:
    of = task(on_unknown=policy)
    found = first(ambiguous(of, "n"), of, SETTINGS)
    assert found is not None
    assert found.ask_until == NOW + 300_000 - TWICE
    hasty = SETTINGS.model_copy(update={"settle_seconds": 40.0})
    assert first(ambiguous(of, "n"), of, hasty) is None


def test_a_question_that_may_send_is_not_put_once_the_message_is_too_late() -> None:
    of = task(provider=Provider.TELNYX, on_unknown=OnUnknown.RESEND, valid_until=NOW + 60_000)
    found = first(ambiguous(of, "n"), of, SETTINGS)
    assert found is not None
    assert found.ask_until == NOW + 60_000
    late = task(provider=Provider.TELNYX, on_unknown=OnUnknown.RESEND, valid_until=NOW + 10_000)
    assert first(ambiguous(late, "n"), late, SETTINGS) is None
    # Twilio's list sends nothing.
    listed = task(valid_until=NOW + 10_000)
    found = first(ambiguous(listed, "n"), listed, SETTINGS)
    assert found is not None
    assert found.ask_until == NOW + ASKABLE_MS


@pytest.mark.parametrize("policy", [OnUnknown.HOLD, OnUnknown.FAIL])
def test_a_question_that_may_send_is_put_only_for_who_takes_a_second_text(policy: OnUnknown) -> None:
    of = task(provider=Provider.TELNYX, on_unknown=policy)
    assert first(ambiguous(of, "n"), of, SETTINGS) is None


def test_a_question_that_may_send_is_put_twice_at_most() -> None:
    of = task(provider=Provider.TELNYX, on_unknown=OnUnknown.RESEND)
    put = first(ambiguous(of, "n"), of, SETTINGS)
    assert put is not None
    again = follows(put, NoAnswer("busy"), NOW + 20_000)
    assert isinstance(again, Again)
    assert follows(again.inquiry, NoAnswer("busy"), NOW + 80_000) == Enough()


@pytest.mark.parametrize(
    ("provider", "nonces"),
    [(Provider.VONAGE, ("n",)), (Provider.TELNYX, ()), (Provider.TWILIO, ("n", "o"))],
)
def test_nobody_can_be_asked_about_what_is_not_known(provider: Provider, nonces: tuple[str, ...]) -> None:
    of = task(provider=provider)
    assert first(ambiguous(of, *nonces), of, SETTINGS) is None


@given(
    st.sampled_from([OnUnknown.FAIL, OnUnknown.RESEND]),
    st.integers(30, 3_000),
    st.integers(0, 15_000),
    st.integers(0, HOUR),
)
def test_a_request_that_may_send_is_over_before_any_deadline(
    policy: OnUnknown, settle: int, called_after: int, since: int
) -> None:
    """However late the hand-over was called unknown, and however often: each time a deadline follows."""
    settings = DispatchSettings(settle_seconds=settle)
    of = task(provider=Provider.TELNYX, on_unknown=policy)
    claimed_at = NOW
    over_at = claimed_at + settings.hold_ms
    within = sends_within(of, settings)
    assert within is not None
    last_leave = over_at + within
    said = ambiguous(of, "n").model_copy(update={"at": claimed_at + called_after})
    again = said.model_copy(update={"at": said.at + since})
    due = [
        decode_fact(later.value).at
        for fact in (said, again)
        for later in follow_ambiguous(fact, of, settings)
        if later.topic == topics.EVENTS
    ]
    assert len(due) == 2
    # It lasts as long as a hand-over, and a process' clock may be as far from the ledger's.
    assert last_leave + 2 * settings.hold_ms <= min(due)


def test_what_is_held_may_be_repeated_for_as_long_as_the_ledger_knows_of_it() -> None:
    assert sends_within(task(provider=Provider.TELNYX), SETTINGS) is None


# -- what follows from an answer


def test_a_found_hand_over_was_accepted_and_is_named_as_asked() -> None:
    found = follows(unknown(), Found(TAKEN, Standing(ReceiptStatus.SENT)), NOW + 1)
    assert isinstance(found, Learned)
    [fact] = found.facts
    assert isinstance(fact, OutcomeFact)
    assert (fact.outcome, fact.nonce, fact.record, fact.attempt) == (TAKEN, "n", task().record, 2)
    assert (fact.at, fact.asked, fact.account) == (NOW + 1, True, "tw")


def test_what_became_of_it_since_is_told_after_that() -> None:
    standing = Standing(ReceiptStatus.UNDELIVERED, "30003", Fault.RETRYABLE, "off")
    found = follows(unknown(), Found(TAKEN, standing), NOW)
    assert isinstance(found, Learned)
    first_, second = found.facts
    assert isinstance(first_, OutcomeFact)
    assert isinstance(second, Reported)
    assert (second.status, second.code, second.fault) == (ReceiptStatus.UNDELIVERED, "30003", Fault.RETRYABLE)
    assert second.provider_message_id == "SM1"


def test_a_refusal_is_the_outcome() -> None:
    found = follows(unknown(), Refused(REFUSED), NOW)
    assert isinstance(found, Learned)
    [fact] = found.facts
    assert isinstance(fact, OutcomeFact)
    assert (fact.outcome, fact.asked) == (REFUSED, True)


@pytest.mark.parametrize("status", [ReceiptStatus.DELIVERED, ReceiptStatus.FAILED])
def test_the_receipt_that_did_not_come_is_told(status: ReceiptStatus) -> None:
    found = follows(sent(), Found(TAKEN, Standing(status)), NOW)
    assert isinstance(found, Learned)
    [fact] = found.facts
    assert isinstance(fact, Reported)
    assert fact.status is status


LATER: list[Answer] = [NotFound(), Several(2), NoAnswer("away")]


@pytest.mark.parametrize("answer", LATER)
def test_nothing_found_proves_nothing_it_is_asked_again_and_again(answer: Answer) -> None:
    pauses, at, now = [], unknown(), NOW + 20_000
    while isinstance(found := follows(at, answer, now), Again):
        at = found.inquiry
        pauses.append(at.not_before - now)
        now = at.not_before
    assert isinstance(found, Enough)
    assert pauses == [60_000, 300_000, 1_800_000, 7_200_000]


@pytest.mark.parametrize("answer", [*LATER, Found(TAKEN), Found(TAKEN, Standing(ReceiptStatus.SENT))])
def test_what_is_still_only_sent_is_asked_about_twice_more(answer: Answer) -> None:
    pauses, at, now = [], sent(), NOW
    while isinstance(found := follows(at, answer, now), Again):
        at = found.inquiry
        pauses.append(at.not_before - now)
        now = at.not_before
    assert pauses == [HOUR, 6 * HOUR]


def test_the_last_question_comes_in_time() -> None:
    """Rather than too late: before a policy acts there is a last chance."""
    found = follows(unknown(asked=1, ask_until=NOW + 270_000), NotFound(), NOW + 80_000)
    assert isinstance(found, Again)
    assert found.inquiry.not_before == NOW + 255_000
    assert isinstance(follows(found.inquiry, NotFound(), NOW + 256_000), Enough)


def test_a_provider_that_wants_a_pause_gets_it_within_reason() -> None:
    found = follows(unknown(), NoAnswer("throttled", 90.0), NOW)
    assert isinstance(found, Again)
    assert found.inquiry.not_before == NOW + 90_000
    found = follows(unknown(), NoAnswer("throttled", 1e9), NOW)
    assert isinstance(found, Again)
    assert found.inquiry.not_before == NOW + HOUR


@given(st.integers(0, 10), st.integers(0, 4 * HOUR), st.none() | st.floats(0, 1e6), st.integers(0, 4 * HOUR))
def test_no_question_is_due_when_its_time_is_over(
    asked: int, until: int, pause: float | None, now: int
) -> None:
    found = follows(unknown(asked=asked, ask_until=NOW + until), NoAnswer("", pause), NOW + now)
    if isinstance(found, Again):
        assert NOW + now < found.inquiry.not_before <= NOW + until
        assert found.inquiry.asked == asked + 1


# -- what is known already


def row(status: State) -> StatusRecord:
    return StatusRecord(
        id="i", message_id="m", organization="acme", sequence=2, status=status, at=NOW, accepted_at=NOW,
        forget_at=NOW, from_number="+1", to_number="+2", text="", segments=1, fingerprint="1:x",
    )  # fmt: skip


def test_what_a_receipt_has_settled_is_not_asked() -> None:
    assert {state for state in State if not is_settled(unknown(), row(state))} == {
        State.QUEUED, State.UNKNOWN,
    }  # fmt: skip
    assert {state for state in State if not is_settled(sent(), row(state))} == {State.SENT}
    assert not is_settled(unknown(), None)


def test_only_twilio_has_twins_and_all_that_it_shows_tells_them_apart() -> None:
    alike = twin(task())
    assert alike == twin(task(message_id="other", attempt=1, segments=9))
    others: list[dict[str, Any]] = [
        {"text": "hello "}, {"to_number": "+15550198"}, {"sender": "+15550101"}, {"account": "x"},
        {"media": ("https://example.com/a.png",)},
    ]  # fmt: skip
    assert len({alike, *(twin(task(**changes)) for changes in others)}) == 1 + len(others)
    assert twin(task(provider=Provider.TELNYX)) == twin(task(provider=Provider.VONAGE)) == ""
