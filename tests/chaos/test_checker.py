"""The checker finds each kind of break in logs that have it, and nothing in logs that have none."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.ids import of_transition
from schemas.tasks import OnUnknown
from tests.chaos.cases import Kind
from tests.chaos.checker import check
from tests.chaos.logs import Logs, Said, Text, Told, Transition, What
from tests.chaos.plan import Cancel, Fate, HandIn, Plan, Planned, plan
from tests.chaos.report import report

SENDER, HANDSET = "+16465554100", "+14155000001"
#: One second for each transition, from here on.
START = 1_700_000_000


class Run:
    """The logs of a made-up run, put together message by message."""

    def __init__(self) -> None:
        self.messages: list[Planned] = []
        self.acts: list[HandIn | Cancel] = []
        self.logs = Logs()

    def message(self, **more: Any) -> Planned:
        """One more message, handed in over REST, of which nothing is logged yet."""
        number = len(self.messages)
        fields = {"organization": "patient", "on_unknown": OnUnknown.HOLD, "sender": SENDER, "to": HANDSET}
        self.messages.append(Planned(number=number, text=f"text {number}", **{**fields, **more}))
        self.acts.append(HandIn(0.0, number, "rest"))
        return self.messages[-1]

    def told(self, message: Planned, what: What = What.QUEUED, detail: str = "") -> None:
        self.logs.told.append(Told(START, message.number, what, ident(message), detail))

    def text(self, message: Planned, after: float = 1.0) -> None:
        self.logs.texts.append(Text(START + after, message.senders[0], message.to, message.text))

    def story(self, message: Planned, *steps: str, message_id: str | None = None, said: bool = True) -> None:
        """Its transitions: a state each, with `:code` of a failure, and `/how` where it was settled."""
        found = message_id or ident(message)
        record: dict[str, Any] = {}
        history: list[dict[str, Any]] = []
        for sequence, step in enumerate(steps, 1):
            word, _, how = step.partition("/")
            status, _, code = word.partition(":")
            at = (START + sequence) * 1000
            history = [*history, {"status": status, "at": at}]
            record = {
                "id": of_transition(found, sequence),
                "message_id": found,
                "organization": message.organization,
                "from_number": message.senders[0],
                "sequence": sequence,
                "status": status,
                "previous": history[-2]["status"] if sequence > 1 else None,
                "at": at,
                "text": message.text,
                "failure": {"code": code} if code else None,
                "settled_by": how or None,
                "history": history,
            }
            self.logs.status.append(Transition(json.dumps(record)))
        if said:
            body = {**{name: record[name] for name in ("failure", "history")}, "message": message.text}
            self.logs.api.append(Said(found, 200, {**body, "state": record["status"]}))

    def change(self, index: int, **changes: Any) -> None:
        """Change a status record that was logged."""
        record = self.logs.status[index].record
        self.logs.status[index] = Transition(json.dumps({**record, **changes}))

    @property
    def plan(self) -> Plan:
        return Plan(1, tuple(self.messages), tuple(self.acts))

    def found(self) -> set[Kind]:
        """The kinds of what the checker finds."""
        return {finding.kind for finding in check(self.plan, self.logs).findings}


def ident(message: Planned) -> str:
    return f"id of {message.number if message.key is None else message.key}"


def delivered(run: Run, **more: Any) -> Planned:
    """A message that went as it should."""
    message = run.message(**more)
    run.told(message)
    run.text(message)
    run.story(message, "queued", "sent", "delivered")
    return message


def unknown(run: Run, *steps: str, policy: OnUnknown = OnUnknown.HOLD, texts: int = 0) -> Planned:
    """A message whose first hand-over was unknown."""
    message = run.message(on_unknown=policy)
    run.told(message)
    for _ in range(texts):
        run.text(message)
    run.story(message, "queued", "unknown", *steps)
    return message


def refused(run: Run) -> None:
    message = run.message(fate=Fate.REFUSED)
    run.told(message)
    run.story(message, "queued", "failed:rejected")


def undelivered(run: Run) -> None:
    message = run.message(fate=Fate.UNDELIVERED)
    run.told(message)
    run.story(message, "queued", "sent", "undelivered:undelivered")


def cancelled(run: Run) -> Planned:
    message = run.message()
    run.acts.append(Cancel(1.0, message.number))
    run.told(message)
    run.told(message, What.CANCELLED)
    run.story(message, "queued", "cancelled")
    return message


def repeated(run: Run) -> None:
    message = delivered(run, key="k")
    run.acts.append(HandIn(1.0, message.number, "kafka"))
    run.told(message)
    run.told(message, What.PRODUCED)
    run.logs.status.append(run.logs.status[1])  # a repeat of a transition, to the letter


def rivals(run: Run) -> None:
    message = delivered(run, key="k")
    rival, by_rest = run.message(key="k"), run.message(key="k")
    run.told(rival, What.PRODUCED)
    run.story(rival, "failed:conflict", message_id="of its own")
    run.change(-1, conflicts_with=ident(message))
    run.logs.told.append(Told(START, by_rest.number, What.CONFLICT))


def doubtful(run: Run) -> None:
    """A keyless request without an answer: one that arrived, and one that did not."""
    message = delivered(run)
    run.logs.told[-1] = Told(START, message.number, What.UNSURE)
    run.told(run.message(), What.UNSURE)


def at_once(run: Run) -> None:
    """`queue: false`: sent, and failed."""
    run.told(delivered(run, queue=False), What.SENT)
    message = run.message(queue=False, fate=Fate.REFUSED)
    run.told(message, What.FAILED, "rejected")
    run.story(message, "queued", "failed:rejected")


def cancelled_twice(run: Run) -> None:
    """The answer to the first DELETE was lost; the second finds what it wishes."""
    message = run.message()
    run.acts.append(Cancel(1.0, message.number))
    run.told(message)
    run.told(message, What.ALREADY, "cancelled")
    run.story(message, "queued", "cancelled")


def undelivered_at_once(run: Run) -> None:
    """`queue: false`, and the receipt is there before the answer."""
    message = run.message(queue=False, fate=Fate.UNDELIVERED)
    run.told(message, What.FAILED, "undelivered")
    run.story(message, "queued", "undelivered:undelivered")


GOOD: dict[str, Callable[[Run], object]] = {
    "cancelled, asked twice": cancelled_twice,
    "undelivered, told at once": undelivered_at_once,
    "delivered": delivered,
    "refused by the provider": refused,
    "undelivered": undelivered,
    "cancelled": cancelled,
    "handed in again": repeated,
    "rivals for a key": rivals,
    "without an answer": doubtful,
    "at once": at_once,
    "held": unknown,
    "held, and on the handset": lambda run: unknown(run, texts=1),
    "settled by receipt": lambda run: unknown(run, "delivered/receipt", texts=1),
    "asked": lambda run: unknown(run, "sent/asked", "delivered", texts=1),
    "given up": lambda run: unknown(run, "failed:unknown_outcome/policy", policy=OnUnknown.FAIL),
    "given up, then a receipt": lambda run: unknown(
        run, "failed:unknown_outcome/policy", "delivered", policy=OnUnknown.FAIL, texts=1
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_nothing_is_found_in_a_run_that_held_its_promises(name: str) -> None:
    run = Run()
    delivered(run)
    GOOD[name](run)
    assert check(run.plan, run.logs).findings == []


def test_what_was_sent_again_by_policy_may_come_twice_and_is_counted() -> None:
    run = Run()
    message = run.message(on_unknown=OnUnknown.RESEND)
    run.told(message)
    run.text(message, after=1.5)
    run.text(message, after=4.0)
    run.story(message, "queued", "unknown", "queued/policy", "sent", "delivered")
    verdict = check(run.plan, run.logs)
    assert verdict.findings == []
    assert (verdict.resent, verdict.resent_arrived, verdict.unknown) == (1, 1, [(0, "policy")])
    run.text(message, after=5.0)
    # Three times; and two of them after the policy had counted on the first hand-over's being over.
    assert run.found() == {Kind.DOUBLED, Kind.WRONG}


def no_status(run: Run) -> None:
    run.told(run.message())


def queued_for_ever(run: Run) -> None:
    message = run.message()
    run.told(message)
    run.story(message, "queued")


def only_said(run: Run) -> None:
    """Told as delivered, and on no handset."""
    message = run.message()
    run.told(message, What.PRODUCED)
    run.story(message, "queued", "sent", "delivered")


def expired(run: Run) -> None:
    message = run.message()
    run.told(message)
    run.story(message, "queued", "failed:expired")


def doubled(run: Run) -> None:
    run.text(delivered(run))


def doubled_untold(run: Run) -> None:
    message = run.message()
    run.text(message)
    run.text(message)


def gap(run: Run) -> None:
    delivered(run)
    del run.logs.status[1]


def told_otherwise(run: Run) -> None:
    delivered(run)
    run.logs.status.append(run.logs.status[-1])
    run.change(-1, at=START)


def another_id(run: Run) -> None:
    delivered(run)
    run.change(-1, id="another")


def backwards(run: Run) -> None:
    message = run.message()
    run.told(message)
    run.text(message)
    run.story(message, "queued", "delivered", "sent")


def other_history(run: Run) -> None:
    delivered(run)
    run.change(-1, history=[])


def cancelled_and_sent(run: Run) -> None:
    run.text(cancelled(run))


def cancelled_by_nobody(run: Run) -> None:
    message = run.message()
    run.told(message)
    run.story(message, "queued", "cancelled")


def cancel_taken_back(run: Run) -> None:
    message = delivered(run)
    run.acts.append(Cancel(1.0, message.number))
    run.told(message, What.CANCELLED)


def cancelled_behind_the_back(run: Run) -> None:
    message = cancelled(run)
    run.logs.told[-1] = Told(START, message.number, What.ALREADY, ident(message), "sending")


def two_ids(run: Run) -> None:
    message = delivered(run)
    run.story(message, "queued", message_id="another")


def another_sender(run: Run) -> None:
    delivered(run)
    run.change(-1, from_number="+18885554100")


def told_another_id(run: Run) -> None:
    message = delivered(run, key="k")
    run.logs.told.append(Told(START, message.number, What.QUEUED, "another"))


def two_holders(run: Run) -> None:
    delivered(run, key="k")
    rival = run.message(key="k")
    run.told(rival, What.PRODUCED)
    run.text(rival)
    run.story(rival, "queued", "sent", "delivered", message_id="of its own")


def conflict_with_nobody(run: Run) -> None:
    message = run.message(key="k")
    run.told(message, What.PRODUCED)
    run.story(message, "failed:conflict")


def conflict_with_a_stranger(run: Run) -> None:
    rivals(run)
    run.change(-1, conflicts_with="somebody")


def api_says_otherwise(run: Run) -> None:
    delivered(run)
    said = run.logs.api[-1]
    run.logs.api[-1] = Said(said.message_id, 200, {**said.body, "state": "sent"})


def api_knows_nothing(run: Run) -> None:
    delivered(run)
    run.logs.api[-1] = replace(run.logs.api[-1], code=404)


def strange_text(run: Run) -> None:
    run.logs.texts.append(Text(START, SENDER, HANDSET, "never sent"))


def strange_story(run: Run) -> None:
    delivered(run)
    run.story(replace(run.messages[-1], text="never sent"), "queued", message_id="strange")


def wrong_handset(run: Run) -> None:
    delivered(run)
    run.logs.texts[-1] = replace(run.logs.texts[-1], to="+14155000009")


def refused_by_us(run: Run) -> None:
    run.told(run.message(), What.REFUSED, "400")


def failed_and_arrived(run: Run) -> None:
    message = run.message()
    run.told(message)
    run.text(message)
    run.story(message, "queued", "failed:rejected")


def told_sent(run: Run) -> None:
    message = run.message(queue=False, fate=Fate.REFUSED)
    run.told(message, What.SENT)
    run.story(message, "queued", "failed:rejected")


def told_failed(run: Run) -> None:
    run.told(delivered(run, queue=False), What.FAILED, "rejected")


def late(run: Run) -> None:
    """What was given up left after all, though its hand-over had to be over by then."""
    message = run.message(on_unknown=OnUnknown.FAIL)
    run.told(message)
    run.text(message, after=9.0)
    run.story(message, "queued", "unknown", "failed:unknown_outcome/policy", "delivered")


def dead_letter(run: Run) -> None:
    run.logs.dead.append("{}")


BAD: dict[Callable[[Run], object], Kind] = {
    no_status: Kind.LOST,
    queued_for_ever: Kind.LOST,
    only_said: Kind.LOST,
    expired: Kind.LOST,
    doubled: Kind.DOUBLED,
    doubled_untold: Kind.DOUBLED,
    **dict.fromkeys(
        (
            gap,
            told_otherwise,
            another_id,
            backwards,
            other_history,
            cancelled_and_sent,
            cancelled_by_nobody,
            cancel_taken_back,
            cancelled_behind_the_back,
            two_ids,
            told_another_id,
            another_sender,
            two_holders,
            conflict_with_nobody,
            conflict_with_a_stranger,
            api_says_otherwise,
            api_knows_nothing,
            strange_text,
            strange_story,
            wrong_handset,
            refused_by_us,
            failed_and_arrived,
            told_sent,
            told_failed,
            late,
            dead_letter,
        ),
        Kind.WRONG,
    ),
}


@pytest.mark.parametrize("broken", BAD, ids=lambda broken: broken.__name__)
def test_each_kind_of_break_is_found(broken: Callable[[Run], object]) -> None:
    run = Run()
    delivered(run)
    broken(run)
    assert BAD[broken] in run.found()


@pytest.mark.parametrize(
    ("steps", "policy"),
    [
        ((), OnUnknown.FAIL),  # it should have been given up
        ((), OnUnknown.RESEND),
        (("failed:unknown_outcome/policy",), OnUnknown.HOLD),
        (("queued/policy", "sent", "delivered"), OnUnknown.HOLD),
        (("queued/policy", "sent", "delivered"), OnUnknown.FAIL),
        (("delivered",), OnUnknown.HOLD),  # nobody says how
    ],
)
def test_a_policy_is_that_of_the_owner_and_acts(steps: tuple[str, ...], policy: OnUnknown) -> None:
    run = Run()
    unknown(run, *steps, policy=policy, texts="delivered" in steps)
    assert run.found() == {Kind.WRONG}


def test_logs_can_be_judged_again_from_their_files(tmp_path: Path) -> None:
    run = Run()
    for good in GOOD.values():
        good(run)
    dead_letter(run)
    run.logs.write(tmp_path)
    again = Logs.read(tmp_path)
    assert again == run.logs
    assert report(check(run.plan, again)) == report(check(run.plan, run.logs))


def test_the_report_names_what_was_found_and_counts_what_was_done() -> None:
    run = Run()
    unknown(run)
    doubled(run)
    shown = report(check(run.plan, run.logs), [("SIGKILL webhooks", 3), ("SIGKILL webhooks", 0)])
    assert "unknown    1; settled: held 1" in shown
    assert "2 SIGKILL webhooks" in shown
    assert "with nothing in flight: 1" in shown
    assert "DOUBLED message 1: it is on the handset 2 times, and may be there 1 times" in shown


def test_a_seed_makes_one_plan_with_something_of_everything() -> None:
    made = plan(7, seconds=60, rate=20)
    assert made == plan(7, seconds=60, rate=20)
    assert made != plan(8, seconds=60, rate=20)
    hand_ins = [act for act in made.acts if isinstance(act, HandIn)]
    assert {act.door for act in hand_ins} == {"rest", "kafka"}
    assert len(hand_ins) > len(made.messages) >= 1200
    assert {message.on_unknown for message in made.messages} == set(OnUnknown)
    assert {message.fate for message in made.messages} == set(Fate)
    assert {message.queue for message in made.messages} == {True, False}
    assert len({message.text for message in made.messages}) == len(made.messages)
    assert any(isinstance(act, Cancel) for act in made.acts)
    keys = [message.key for message in made.messages if message.key is not None]
    assert len(set(keys)) < len(keys) < len(made.messages)  # rivals, and messages without a key
