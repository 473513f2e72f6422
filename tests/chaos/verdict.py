"""Judges a run by what the world saw: handsets, subscribers, GET, and every record on every topic."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas import topics
from schemas.messages import Lane
from schemas.provider import Provider
from tests.chaos.spine_load import Handed
from tests.chaos.spine_plan import Door, Plan
from tests.chaos.watch import Story

DISPATCH = [topics.dispatch(provider, lane) for provider in Provider for lane in Lane]
JUDGED = [
    topics.REQUESTS,
    topics.MESSAGES,
    topics.EVENTS,
    topics.INTENTS,
    *DISPATCH,
    *topics.WAITING.values(),
]
DEAD = [f"sms.{kind}.dlq.v1" for kind in ("requests", "messages", "dispatch", "waiting", "events")]


@dataclass
class Verdict:
    """What was found. `problems` is empty for a run that held its promises."""

    messages: int = 0
    hand_ins: int = 0
    delivered: int = 0
    lost: int = 0
    doubled: int = 0
    #: Named `unknown` and not on the handset: told truthfully, and held.
    unknown: int = 0
    doubtful: int = 0
    #: What was done to the stack, and how many messages were in flight then.
    kills: Sequence[tuple[str, int]] = ()
    problems: list[str] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        """Note a broken promise."""
        self.problems.append(sentence)

    def table(self) -> str:
        """One line for people."""
        return (
            f"messages {self.messages}, hand-ins {self.hand_ins}, delivered {self.delivered}, "
            f"lost {self.lost}, doubled {self.doubled}, unknown {self.unknown}, "
            f"keyless without an answer {self.doubtful}"
        )


def judge(
    plan: Plan,
    handed: Handed,
    stories: Mapping[str, Story],
    texts: Sequence[Mapping[str, Any]],
    *,
    calm: bool,
) -> Verdict:
    """Compare what was handed in with what handsets and subscribers saw.

    In a `calm` run, where nothing was killed, there is no excuse for anything but `delivered`.
    """
    verdict = Verdict(messages=len(plan.messages), hand_ins=len(plan.order), doubtful=len(handed.doubtful))
    arrived = Counter(text["text"] for text in texts)
    by_text: dict[str, list[Story]] = {}
    for story in stories.values():
        by_text.setdefault(story.last["text"], []).append(story)
    for message in plan.messages:
        count = arrived.pop(message.text, 0)
        told = by_text.pop(message.text, [])
        _judge_one(verdict, message.text, count, told, acknowledged=bool(handed.acknowledged[message.number]))
    for text, count in arrived.items():
        verdict.say(f"a handset has a text that nobody sent: {text!r}, {count} times")
    for text in by_text:
        verdict.say(f"the status topic speaks of a message that nobody sent: {text!r}")
    for story in stories.values():
        _judge_story(verdict, story)
    if handed.given_up:
        verdict.say(f"{len(handed.given_up)} requests were never acknowledged")
    if calm and (verdict.unknown or handed.doubtful):
        verdict.say(
            f"nothing was killed, yet {verdict.unknown} unknown and {len(handed.doubtful)} unanswered"
        )
    return verdict


def _judge_one(verdict: Verdict, text: str, count: int, told: Sequence[Story], *, acknowledged: bool) -> None:
    if count > 1:
        verdict.doubled += 1
        verdict.say(f"doubled: {text!r} is on the handset {count} times")
    if len(told) > 1:
        verdict.say(f"{text!r} has {len(told)} message ids")
    status = told[0].last["status"] if told else None
    if status == "delivered":
        verdict.delivered += 1
        if count == 0:
            verdict.say(f"{text!r} is told to be delivered and is on no handset")
    elif count == 0 and status == "unknown":
        verdict.unknown += 1
    elif count == 0 and acknowledged:
        verdict.lost += 1
        verdict.say(f"lost: {text!r} was acknowledged, is on no handset, and its status is {status}")
    elif count or status:
        verdict.say(f"{text!r} is on the handset {count} times and its status is {status}")


def _judge_story(verdict: Verdict, story: Story) -> None:
    verdict.problems += story.contradictions
    if not story.gapless:
        verdict.say(f"{story.last['message_id']}: sequences {sorted(story.records)} have a gap")


def judge_records(
    verdict: Verdict,
    records: Mapping[str, Sequence[Mapping[str, Any]]],
    stories: Mapping[str, Story],
    hand_ins: Mapping[Door, int],
    *,
    calm: bool,
) -> None:
    """Explain every record of every topic, or say which cannot be.

    Repeats have one excuse, a process that died between an output and its commit; a `calm` run has none.
    """
    for name in DEAD:
        if records[name]:
            verdict.say(f"{len(records[name])} dead letters in {name}")
    for name in JUDGED:
        strangers = {i for record in records[name] for i in _ids(name, record) if i not in stories}
        if strangers:
            verdict.say(f"{name} has records of {len(strangers)} messages of which no status was ever told")
    if calm:
        _judge_repeats(verdict, records, hand_ins)


def _judge_repeats(
    verdict: Verdict, records: Mapping[str, Sequence[Mapping[str, Any]]], hand_ins: Mapping[Door, int]
) -> None:
    if len(records[topics.REQUESTS]) != hand_ins["kafka"]:
        verdict.say(f"{len(records[topics.REQUESTS])} requests for {hand_ins['kafka']} hand-ins over Kafka")
    _once(verdict, "dispatch topics", [r["message_id"] for name in DISPATCH for r in records[name]])
    intents = [i["message_id"] for batch in records[topics.INTENTS] for i in batch.get("intents", ())]
    voids = Counter(v["message_id"] for batch in records[topics.INTENTS] for v in batch.get("voids", ()))
    _once(verdict, topics.INTENTS, list((Counter(intents) - voids).elements()))
    for kind in ("routed.v1", "outcome.v1"):
        told = [r["message_id"] for r in records[topics.EVENTS] if r["type"] == kind]
        _once(verdict, f"{topics.EVENTS} ({kind})", told)
    for name in topics.WAITING.values():
        if records[name]:
            verdict.say(f"{len(records[name])} records in {name}, though nothing had to wait")


def _once(verdict: Verdict, where: str, ids: Sequence[str]) -> None:
    repeated = [message_id for message_id, count in Counter(ids).items() if count > 1]
    if repeated:
        verdict.say(f"{where}: {len(repeated)} messages have more than one record, such as {repeated[0]}")


def _ids(name: str, record: Mapping[str, Any]) -> list[str]:
    if name == topics.REQUESTS:
        return []
    if name == topics.INTENTS:
        return [one["message_id"] for one in (*record.get("intents", ()), *record.get("voids", ()))]
    return [record["message_id"]]
