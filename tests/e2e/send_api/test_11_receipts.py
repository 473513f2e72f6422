"""11. Receipts (P7): told thrice, backwards, before the answer to the send or instead of it: one end."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import pytest

from cli.local.stack import Stack
from schemas.settings import KafkaSettings
from tests.e2e.caller import Api, Phones, accepted
from tests.e2e.following import following
from tests.e2e.watch import ENDED

pytestmark = pytest.mark.e2e
PROVIDERS = ["twilio", "telnyx", "vonage"]
COPIES = 3
#: How the send itself is answered: at once; long after its receipts; never.
ANSWERS: dict[str, dict[str, Any] | None] = {
    "prompt": None,
    "late": {"kind": "slow", "ms": 2_000, "accepted": "before"},
    "lost": {"kind": "drop", "accepted": True},
}
#: How far a message is: no record takes it back, and none repeats a state.
RANKS = {"queued": 0, "unknown": 1, "sent": 2} | dict.fromkeys(ENDED, 3)
#: How long all of them may take.
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Case:
    """What becomes of one message's receipts."""

    provider: str
    answer: str
    when: str
    order: str
    final: str
    to: str

    async def arrange(self, phones: Phones, until: AsyncExitStack) -> None:
        told = {"when": self.when, "order": self.order, "final": self.final, "copies": COPIES}
        await until.enter_async_context(phones.fault({"to": self.to}, "receipts", **told))
        if (answer := ANSWERS[self.answer]) is not None:
            await until.enter_async_context(phones.fault({"to": self.to}, **answer))


def cases(handset: Callable[[], str]) -> list[Case]:
    return [
        Case(*case, handset())
        for case in product(
            PROVIDERS,
            ANSWERS,
            ("normal", "early"),
            ("normal", "reversed"),
            ("delivered", "undelivered", "failed"),
        )
    ]


async def test_receipts_end_the_same_in_any_order(
    stack: Stack,
    api: Api,
    phones: Phones,
    senders: dict[str, str],
    handset: Callable[[], str],
) -> None:
    all_of_them, ids = cases(handset), dict[str, Case]()
    async with (
        following(KafkaSettings(bootstrap_servers=stack.run.kafka)) as watch,
        AsyncExitStack() as until,
    ):
        for case in all_of_them:
            await case.arrange(phones, until)
            ids[accepted(await api.send(senders[case.provider], case.to, "once"))] = case

        def ended() -> bool:
            known = ((watch.stories.get(message_id), case) for message_id, case in ids.items())
            return all(story is not None and story.last["status"] == case.final for story, case in known)

        await watch.until(ended, PATIENCE_SECONDS)
        # Repeats follow their ending at once. A message that is sent now has its own receipts after them.
        for provider in PROVIDERS:
            await api.behind(senders[provider], handset())
        stories = {case: watch.stories[message_id] for message_id, case in ids.items()}
    strange = [
        (case, [(record["status"], record["at"]) for _, record in sorted(story.records.items())])
        for case, story in stories.items()
        if not (story.gapless and not story.contradictions and goes_forward(story.records, case.final))
    ]
    assert strange == []


def goes_forward(records: dict[int, dict[str, Any]], final: str) -> bool:
    states = [records[sequence]["status"] for sequence in sorted(records)]
    return states[-1] == final and all(RANKS[one] < RANKS[other] for one, other in pairwise(states))
