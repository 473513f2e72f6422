"""What a task does about each claim that it may find, and how long it waits before it is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchers import policy
from ledger.claims import Absent, Claim, Closed, Looked, Open, Sending
from schemas.lanes import Lane
from schemas.provider import Provider, Throttled, Unavailable
from schemas.settings import DispatchSettings
from schemas.tasks import How, RecordId, Task

RECORD = RecordId(topic="t", partition=0, offset=7)
OURS, OTHERS = str(RECORD), "t:0:8"


def task(attempt: int = 1, how: How = How.PLAIN) -> Task:
    return Task(
        message_id="m",
        organization="acme",
        attempt=attempt,
        how=how,
        lane=Lane.QUEUED,
        provider=Provider.TWILIO,
        account="tw",
        sender="+15550001",
        to_number="+15559999",
        text="hello",
        segments=1,
        valid_until=1,
        forget_at=1,
    )


def step(task: Task, claim: Claim, *, until_passed: bool = False) -> policy.Step:
    return policy.step(task, RECORD, Looked(claim, until_passed))


SENDING = Sending(1, OTHERS, "n", 100, maybe_sent=False)


@pytest.mark.parametrize(
    ("asked", "claim", "expected"),
    [
        (task(), Absent(), policy.Go()),
        (task(2), Absent(), policy.Done()),
        (task(2), Open(2, OURS, maybe_sent=False), policy.Go()),
        (task(2), Open(2, OTHERS, maybe_sent=False), policy.Go()),
        (task(1), Open(3, OURS, maybe_sent=False), policy.RetryAgain(Open(3, OURS, maybe_sent=False))),
        (task(1), Open(3, OTHERS, maybe_sent=False), policy.Done()),
        (task(3), Open(2, OURS, maybe_sent=False), policy.Done()),
        (task(), Closed("sent", 1), policy.Done()),
        (task(), Closed("unknown", 1, "n"), policy.SayUnknown(Closed("unknown", 1, "n"))),
        (task(2), Closed("unknown", 1, "n"), policy.SayUnknown(Closed("unknown", 1, "n"))),
        (task(2, How.RESEND), Closed("unknown", 1, "n"), policy.Go()),
        (task(3, How.RESEND), Closed("unknown", 1, "n"), policy.SayUnknown(Closed("unknown", 1, "n"))),
        (task(2, How.AFTER_UNKNOWN), Closed("unknown", 1), policy.SayUnknown(Closed("unknown", 1))),
        (task(), Closed("expired", 1), policy.SayClosed(Closed("expired", 1))),
        (task(), Closed("cancelled", 0), policy.SayClosed(Closed("cancelled", 0))),
        (task(), SENDING, policy.ComeBack()),
    ],
)
def test_step(asked: Task, claim: Claim, expected: policy.Step) -> None:
    assert step(asked, claim) == expected


def test_anothers_hand_over_is_taken_over_only_when_its_time_is_over() -> None:
    assert step(task(), SENDING, until_passed=False) == policy.ComeBack()
    assert step(task(), SENDING, until_passed=True) == policy.TakeOver(SENDING)


SETTINGS = DispatchSettings(retry_first_seconds=1, retry_longest_seconds=600)
REFUSED = Unavailable(detail="refused")
NOW = 1_000_000


@given(st.integers(1, 60), st.floats(0, 1))
def test_pauses_grow_and_stay_within_their_step(attempt: int, chance: float) -> None:
    pause = policy.retry_pause_ms(REFUSED, attempt, SETTINGS, chance)
    step_ms = min(1000 * 2 ** (attempt - 1), 600_000)
    assert step_ms / 2 <= pause <= step_ms


@pytest.mark.parametrize(
    ("told", "expected"), [(None, 4000), (0.1, 4000), (5, 5000), (8, 8000), (86_400, 8000)]
)
def test_a_providers_retry_after_counts_within_one_to_two_steps(told: float | None, expected: int) -> None:
    assert policy.retry_pause_ms(Throttled(retry_after=told), 3, SETTINGS, 1.0) == expected


@pytest.mark.parametrize(
    ("told", "valid_for", "expected"),
    [
        (None, 60_000, policy.Retry(NOW + 500, stays=True)),
        (1, 60_000, policy.Retry(NOW + 1_000, stays=True)),
        (40, 400, policy.Retry(NOW + 400, stays=True)),  # when its time is over
        (40, -5, policy.Retry(NOW, stays=True)),  # which it is already
    ],
)
def test_a_retry_waits_no_longer_than_it_is_valid(
    told: float | None, valid_for: int, expected: policy.Retry
) -> None:
    asked = task().model_copy(update={"valid_until": NOW + valid_for})
    assert policy.retry(asked, Throttled(retry_after=told), SETTINGS, chance=0, now=NOW) == expected


@pytest.mark.parametrize(("pause", "stays"), [(10, True), (10.001, False)])
def test_a_long_wait_is_not_spent_in_the_window(*, pause: float, stays: bool) -> None:
    slow = SETTINGS.model_copy(update={"retry_first_seconds": pause})
    asked = task().model_copy(update={"valid_until": NOW + 60_000})
    retry = policy.retry(asked, Throttled(retry_after=pause), slow, chance=0, now=NOW)
    assert retry == policy.Retry(NOW + round(pause * 1000), stays=stays)


@pytest.mark.parametrize(
    ("asked", "claim", "expected"),
    [
        (task(), Closed("expired", 1), policy.SayClosed(Closed("expired", 1))),
        (task(), Closed("cancelled", 0), policy.SayClosed(Closed("cancelled", 0))),
        (task(1), Open(3, OURS, maybe_sent=False), policy.RetryAgain(Open(3, OURS, maybe_sent=False))),
        (task(), SENDING, policy.ComeBack()),
        # A resend that comes too late leaves the message as it is: nobody knows whether it was sent.
        (task(2, How.RESEND), Closed("unknown", 1, "n"), policy.SayUnknown(Closed("unknown", 1, "n"))),
    ],
)
def test_what_is_late_goes_nowhere(asked: Task, claim: Claim, expected: policy.Step) -> None:
    found = Looked(claim, until_passed=False)
    assert policy.step(asked, RECORD, found, late=True) == expected
