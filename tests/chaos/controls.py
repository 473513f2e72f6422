"""For each guarantee the smallest thing that breaks without its guard, done to a running stack.

Each experiment is done to the system as it is, where the checker must find nothing, and to the system without
the guard, where it must find what the guard is there to prevent. Those of dispatchers run side by side, on
two providers; those of `route` beside them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from schemas import topics
from schemas.failpoints import Point
from schemas.lanes import Lane
from schemas.provider import Provider
from tests.chaos.cases import Kind
from tests.chaos.checker import Verdict
from tests.chaos.experiment import Experiment, experiment
from tests.chaos.lab import Lab, eventually

#: No end, but where it is held: somebody may have acted.
MOVED: Final = ("delivered", "failed", "unknown")


@dataclass(frozen=True)
class Subject:
    """One run of an experiment: on which provider, and without which guards (none: as it is)."""

    lab: Lab
    provider: str
    without: tuple[str, ...]

    @property
    def name(self) -> str:
        """The provider's dispatcher."""
        return f"dispatchers-{self.provider}"


Run = Callable[[Subject, Experiment], Awaitable[None]]


@dataclass(frozen=True)
class Control:
    """An experiment: what is done, and what is found without the guard of its name."""

    run: Run
    finds: Kind
    #: In which words, so that it is not found for another reason.
    says: str


async def both(lab: Lab, guard: str, control: Control) -> tuple[Verdict, Verdict]:
    """The verdicts of the system as it is, and without the guard."""
    whole, broken = Subject(lab, "telnyx", ()), Subject(lab, "twilio", (guard,))
    if control.run in STREAMS:
        return await _verdict(guard, control, whole), await _verdict(guard, control, broken)
    return await asyncio.gather(_verdict(guard, control, whole), _verdict(guard, control, broken))


async def _verdict(guard: str, control: Control, subject: Subject) -> Verdict:
    async with experiment(subject.lab, guard) as made:
        await control.run(subject, made)
        return await made.verdict()


# -- dispatchers


async def killed_amid_a_call(subject: Subject, sent: Experiment) -> None:
    """The provider has the text, its dispatcher dies before that is told. Who reads the task next?"""
    await _killed_at(Point.DISPATCH_ANSWERED, subject, sent, wiped=False)


async def killed_and_wiped(subject: Subject, sent: Experiment) -> None:
    """As before, and the ledger is lost as well: only the intent in Kafka tells of the hand-over."""
    await _killed_at(Point.DISPATCH_ANSWERED, subject, sent, wiped=True)


async def wiped_before_the_commit(subject: Subject, sent: Experiment) -> None:
    """Handed over, told and closed; but the task's record is read again, when the ledger knows nothing."""
    await _killed_at(Point.DISPATCH_CLOSED, subject, sent, wiped=True)


async def _killed_at(point: Point, subject: Subject, sent: Experiment, *, wiped: bool) -> None:
    lab = subject.lab
    await lab.start(subject.name, *subject.without)
    killed = lab.at(subject.name, point, "kill")
    message = await sent.hand_in(provider=subject.provider)
    await killed.done()
    if wiped:
        await lab.wipe()
    await sent.until(message, *MOVED)
    await _behind(subject, sent)


async def one_waits_others_finish(subject: Subject, sent: Experiment) -> None:
    """A task is refused for now, the next one of its line is finished; then the process dies."""
    lab = subject.lab
    await lab.start(subject.name, *subject.without)
    async with lab.fault({"to": sent.handset(0)}, kind="throttle", retry_after_seconds=None):
        waiting = await sent.hand_in(provider=subject.provider)
        await eventually(lambda: lab.requests(waiting.to))
        after = await sent.hand_in(provider=subject.provider)
        await sent.until(after, *MOVED)
        if subject.without:  # it commits what it must not
            queued = topics.dispatch(Provider(subject.provider), Lane.QUEUED)
            group = topics.dispatch_group(Provider(subject.provider))
            await lab.reached(group, await lab.ends([queued]))
        await lab.kill(subject.name, *subject.without)
    await _behind(subject, sent)
    if not subject.without:
        await sent.until(waiting, *MOVED)


async def stopped_with_a_claim(subject: Subject, sent: Experiment) -> None:
    """Stopped between claim and call, until another has taken over and the policy has acted; then woken."""
    lab = subject.lab
    await lab.start(subject.name, *subject.without)
    stopped = lab.at(subject.name, Point.DISPATCH_CLAIMED, "stop")
    message = await sent.hand_in(provider=subject.provider, tenant="strict")
    await stopped.done()
    async with lab.another(subject.name):
        await sent.until(message, "failed")
    called = lab.at(subject.name, Point.DISPATCH_ANSWERED, "kill")
    lab.stack.child(subject.name).resume()
    await called.done()  # it has tried
    await lab.ready(subject.name)


async def _behind(subject: Subject, sent: Experiment) -> None:
    """One more message in the same line: what was before it has had its turn."""
    await subject.lab.ready(subject.name)
    last = await sent.hand_in(provider=subject.provider)
    await sent.until(last, "delivered")


# -- streams


async def other_content(subject: Subject, sent: Experiment) -> None:
    """One key, two contents."""
    await subject.lab.start("streams-route", *subject.without)
    key = sent.key
    await sent.until(await sent.hand_in("kafka", key=key), *MOVED)
    await sent.hand_in("kafka", key=key)


#: Others are beside it, on other topics.
_REFUSED: Final = Provider.VONAGE


async def refused_by_the_broker(subject: Subject, sent: Experiment) -> None:
    """A topic has become too small for its records; it is mended when the alarm is heard, or too late."""
    lab, route = subject.lab, "streams-route"
    await lab.start(route, *subject.without)
    deaths = lab.stack.keeper(route).restarts
    async with lab.topic_of_small_records(topics.dispatch(_REFUSED, Lane.QUEUED)):
        message = await sent.hand_in(provider=_REFUSED)
        if subject.without:
            await lab.drained()
        else:
            await lab.restarted(route, deaths)
    await lab.ready(route)
    if not subject.without:
        await sent.until(message, "delivered")


async def killed_before_it_told(subject: Subject, sent: Experiment) -> None:
    """The row is written, its transition has not left, the process dies."""
    lab, fold = subject.lab, "streams-fold"
    await lab.start(fold, "outputs_held")
    rows = topics.changelog(topics.FOLD_APP, topics.ROWS_TABLE)
    before = await lab.ends([rows])
    message = await sent.hand_in(provider=subject.provider)
    await sent.arrived(message, 1)
    await _written(lab, rows, before)
    await lab.kill(fold, *subject.without)
    if not subject.without:
        await sent.until(message, "delivered")


async def _written(lab: Lab, changelog: str, before: object) -> None:
    async def look() -> bool:
        return await lab.ends([changelog]) != before

    await eventually(look)


_TWICE: Final = "it is on the handset 2 times"
CONTROLS: Final = {
    "claim": Control(killed_amid_a_call, Kind.DOUBLED, _TWICE),
    "intent": Control(killed_and_wiped, Kind.DOUBLED, _TWICE),
    "epoch": Control(wiped_before_the_commit, Kind.DOUBLED, _TWICE),
    "lowest_commit": Control(one_waits_others_finish, Kind.LOST, "queued to the end"),
    "until": Control(
        stopped_with_a_claim, Kind.WRONG, "an earlier hand-over left after its policy gave it up"
    ),
    "dedupe": Control(other_content, Kind.LOST, "no status was ever told"),
    "delivery": Control(refused_by_the_broker, Kind.LOST, "queued to the end"),
    "repeat": Control(killed_before_it_told, Kind.WRONG, "on the handset, and no status was ever told"),
}
#: Those of dispatchers take as long as a session and a claim; where they do not meet, others run beside them.
BESIDE: Final = (
    ("claim", "dedupe"),
    ("intent", "delivery"),
    ("epoch",),
    ("lowest_commit",),
    ("until",),
    ("repeat",),
)
STREAMS: Final = (other_content, refused_by_the_broker, killed_before_it_told)

#: Guards of the engine that no run of the whole system reaches at will, or that another one stands behind:
#: each has its control on the real broker, where the moment can be made.
ELSEWHERE: Final = {
    "changelog": "test_recovery.py::test_without_that_its_row_is_silently_an_old_one",
    "flow": "test_reading.py::test_without_stopping_the_flow_records_come_before_their_position_is_known",
    "gap": "test_reading.py::test_without_the_check_a_gap_is_committed_over",
    "give_back": "test_reading.py::test_without_giving_back_a_fetch_after_the_seek_leaves_a_gap",
    "handler": "test_failures.py::test_without_stopping_at_an_exception_its_record_is_lost",
    "lease": "test_membership.py::test_without_the_lease_it_puts_rows_back_for_good",
    "member": "test_membership.py::test_without_ending_the_member_it_hangs",
    "prepared": "test_preparing.py::test_without_looking_again_whose_they_are_some_are_handled_twice",
    "seek": "test_reading.py::test_without_the_gap_check_as_well_it_is_lost",
    "stopping": "test_membership.py::test_without_waiting_while_it_stops_rows_of_the_next_owner_are_put_back",
    "topics": "test_topics.py::test_without_the_check_a_worker_is_ready_without_its_source",
}
