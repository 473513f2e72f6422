"""Judges a run by its four logs and its plan, and by nothing that our stores hold.

Pure. What can be found is in `cases.Kind`. A message that its owner's policy had sent again may come twice,
and is counted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from schemas.status import State
from schemas.tasks import OnUnknown
from tests.chaos.answers import answers, api
from tests.chaos.cases import CONFLICT, Case, Finding, Kind
from tests.chaos.ends import end
from tests.chaos.logs import TAKEN, Logs, What
from tests.chaos.plan import Cancel, Plan, rivals
from tests.chaos.stories import BELIEVED, Story, stories

K = TypeVar("K")
V = TypeVar("V")
#: Answers to hand-ins.
_OF_SENDS: Final = TAKEN | {What.CONFLICT, What.REFUSED, What.UNSURE}
#: Clocks of one machine, read by several processes.
_CLOCKS_SECONDS: Final = 0.05


@dataclass
class Verdict:
    """What was found. A run that held its promises is `clean`; all else is only counted."""

    #: Messages that were handed in, and how often all of them were.
    messages: int
    hand_ins: int
    #: Messages that a client was told are taken.
    taken: int
    #: Messages of which no client knows; each may have been taken, once.
    doubtful: int
    texts: int
    findings: list[Finding]
    #: How many messages ended in each state; `failed` by its code.
    ended: Counter[str] = field(default_factory=Counter)
    #: Hand-overs that were unknown, in order: the message's number, and how that was settled: by receipt,
    #: asked, policy, or held.
    unknown: list[tuple[int, str]] = field(default_factory=list)
    #: Sent again by policy; and how many of these came to the handset once more: their owners' choice.
    resent: int = 0
    resent_arrived: int = 0
    #: On the handset, though unknown to the end, or failed by policy: nobody ever told us.
    held_arrived: int = 0
    believed_arrived: int = 0

    def of(self, kind: Kind) -> list[Finding]:
        """The findings of one kind."""
        return [finding for finding in self.findings if finding.kind is kind]

    @property
    def lost(self) -> list[Finding]:
        """See `Kind`."""
        return self.of(Kind.LOST)

    @property
    def doubled(self) -> list[Finding]:
        """See `Kind`."""
        return self.of(Kind.DOUBLED)

    @property
    def wrong(self) -> list[Finding]:
        """See `Kind`."""
        return self.of(Kind.WRONG)

    @property
    def clean(self) -> bool:
        """Nothing was lost, doubled or wrong."""
        return not self.findings


def check(plan: Plan, logs: Logs) -> Verdict:
    """What became of each planned message, and whether that is as promised."""
    cases, findings = _cases(plan, logs)
    findings += [finding for case in cases for rule in _RULES for finding in rule(case)]
    for same in rivals(plan.messages).values():
        findings += _rivals([cases[message.number] for message in same])
    findings += [
        Finding(Kind.WRONG, None, f"a dead letter, though all input was good: {value[:200]}")
        for value in logs.dead
    ]
    verdict = Verdict(
        messages=sum(bool(case.told) for case in cases),
        hand_ins=sum(one.what in _OF_SENDS for one in logs.told),
        taken=sum(case.taken for case in cases),
        doubtful=sum(not case.taken and What.UNSURE in case.whats for case in cases),
        texts=len(logs.texts),
        findings=findings,
    )
    for case in cases:
        _count(verdict, case)
    return verdict


def _cases(plan: Plan, logs: Logs) -> tuple[list[Case], list[Finding]]:
    """Each planned message with what the logs have of it, and what is of none or of two."""
    told = _grouped(logs.told, lambda one: one.number)
    texts = _grouped(logs.texts, lambda text: text.text)
    known = _grouped(stories(logs.status).values(), lambda story: story.text)
    said = {one.message_id: one for one in logs.api}
    cancelled = {act.number for act in plan.acts if isinstance(act, Cancel)}
    cases: list[Case] = []
    findings: list[Finding] = []
    for planned in plan.messages:
        theirs = known.pop(planned.text, [])
        story = theirs[0] if theirs else None
        case = Case(
            planned,
            told.get(planned.number, []),
            texts.pop(planned.text, []),
            story,
            None if story is None else said.get(story.message_id),
            planned.number in cancelled,
        )
        cases.append(case)
        if len(theirs) > 1:
            findings.append(case.wrong(f"it has {len(theirs)} message ids"))
    strangers = [f"a handset has a text that nobody sent: {text!r}" for text in texts]
    strangers += [f"the status topic speaks of a message that nobody sent: {text!r}" for text in known]
    return cases, findings + [Finding(Kind.WRONG, None, sentence) for sentence in strangers]


def _grouped(values: Iterable[V], key: Callable[[V], K]) -> dict[K, list[V]]:
    found: dict[K, list[V]] = {}
    for value in values:
        found.setdefault(key(value), []).append(value)
    return found


# -- rules: each says what is wrong with one message


def _told(case: Case) -> Iterator[Finding]:
    """Its text goes where it should; nobody refuses it; what was taken has a status."""
    for text in case.texts:
        if text.sender not in case.planned.senders or text.to != case.planned.to:
            yield case.wrong(f"it went from {text.sender} to {text.to}")
    for told in case.told:
        if told.what is What.REFUSED:
            yield case.wrong(f"it was refused: {told.detail}")
    if case.story is not None:
        for fault in case.story.faults():
            yield case.wrong(fault)
    elif case.texts:
        yield case.wrong("it is on the handset, and no status was ever told")
        yield from case.doubled(1)
    elif case.taken:
        yield case.lost("it was taken, is on no handset, and no status was ever told")


def _chosen(case: Case) -> Iterator[Finding]:
    """Whom it is told to come from is whom it came from."""
    if case.story is None or len(case.texts) != 1 or case.state not in (State.SENT, State.DELIVERED):
        return
    told = case.story.last.record.get("from_number")
    if told != case.texts[0].sender:
        yield case.wrong(f"its sender is told as {told}, and it came from {case.texts[0].sender}")


def _same_id(case: Case) -> Iterator[Finding]:
    """Whoever was told an id was told the same one; only a conflict has one of its own."""
    if case.story is None or case.failure == CONFLICT:
        return
    others = {told.message_id for told in case.told} - {None, case.story.message_id}
    if others:
        yield case.wrong(f"its clients were told other ids than {case.story.message_id}: {others}")


def _times(case: Case) -> Iterator[Finding]:
    """At most one text for each intent; and none that left after a policy had counted on its being over."""
    if case.story is None:
        return
    acts = case.story.policy_acts
    again = sum(act.again for act in acts)
    yield from case.doubled(1 + again)
    if again and case.planned.on_unknown is not OnUnknown.RESEND:
        yield case.wrong(f"it was sent again, and its policy is {case.planned.on_unknown}")
    for n, act in enumerate(acts):
        later = sum(text.at > act.at + _CLOCKS_SECONDS for text in case.texts)
        if later > sum(one.again for one in acts[n:]):
            did = "had it sent again" if act.again else "gave it up"
            yield case.wrong(f"an earlier hand-over left after its policy {did}")


def _settled(case: Case) -> Iterator[Finding]:
    """Each time that it was unknown, the record that ended this says how."""
    if case.story is not None and "nobody" in case.story.settled:
        yield case.wrong("it was unknown, and no record says how that was settled")


_RULES: Final = (_told, _chosen, _same_id, _times, end, _settled, answers, api)


def _rivals(cases: Sequence[Case]) -> Iterator[Finding]:
    """One key, one message: the others are in conflict with it, and say so."""
    holders = [case for case in cases if case.story is not None and case.failure != CONFLICT]
    if len(holders) > 1:
        yield holders[1].wrong(f"its key is that of {len(holders)} messages")
    for case in cases:
        if case.failure != CONFLICT and What.CONFLICT not in case.whats:
            continue
        others = [other for other in cases if other is not case]
        if not any(other.whats & TAKEN or other.story for other in others):
            yield case.wrong("it is in conflict, and no other message has its key")
        elif case.story is not None and case.failure == CONFLICT and not _names(case.story, holders):
            yield case.wrong("it does not say whom it is in conflict with")


def _names(conflict: Story, holders: Sequence[Case]) -> bool:
    ids = {case.story.message_id for case in holders if case.story is not None}
    return not ids or conflict.last.record.get("conflicts_with") in ids


# -- counting


def _count(verdict: Verdict, case: Case) -> None:
    if case.story is None:
        return
    verdict.ended[case.failure or str(case.state)] += 1
    verdict.unknown += [(case.planned.number, how) for how in case.story.settled]
    again = sum(act.again for act in case.story.policy_acts)
    verdict.resent += again
    verdict.resent_arrived += max(0, min(len(case.texts), 1 + again) - 1)
    verdict.held_arrived += case.state is State.UNKNOWN and bool(case.texts)
    verdict.believed_arrived += case.failure == BELIEVED and bool(case.texts)
