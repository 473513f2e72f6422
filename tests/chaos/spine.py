"""The exactly-once run: hands in a plan through both doors, optionally breaks things, and judges.

    python -m tests.chaos.spine --messages 3000            nothing is killed: no excuse for anything
    python -m tests.chaos.spine --messages 3000 --rounds 3 every process of ours is killed, 3 times over

Exits with 1 if a promise was broken.
"""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from cli.local.kafka import QUICK_JVM
from cli.local.stack import Stack
from schemas import topics
from schemas.settings import KafkaSettings
from tests.chaos.disorder import SESSION_SECONDS, Disorder, handsets
from tests.chaos.spine_load import Handed, Turnstile, by_door, hand_in
from tests.chaos.spine_plan import plan
from tests.chaos.verdict import DEAD, JUDGED, Verdict, judge, judge_records
from tests.chaos.watch import ENDED, Watch, read_all

SETTINGS: Mapping[str, Mapping[str, object]] = {
    "kafka": {"session_timeout_seconds": SESSION_SECONDS, "commit_interval_seconds": 0.5},
}
#: How long after the last hand-in a message may take to its end. Beyond it, it counts as not delivered.
PATIENCE_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Run:
    """What to do."""

    messages: int
    seed: int = 1
    #: How often every process is killed.
    rounds: int = 0
    #: Kill all dispatchers and wipe the ledger once, amid unanswered calls.
    interrupted: bool = False
    #: At the most; when things are killed, each of them amid its share of the hand-ins.
    per_second: float = 150.0


async def run(stack: Stack, wanted: Run, say: Callable[[str], None] = print) -> Verdict:
    """One run on a started stack."""
    at = stack.run
    kafka = KafkaSettings(bootstrap_servers=at.kafka)
    calm = not (wanted.rounds or wanted.interrupted)
    made = plan(wanted.messages, at.senders, wanted.seed)
    handed, watch = Handed(), Watch(kafka)
    following = asyncio.create_task(watch.follow())

    def in_flight() -> int:
        """Messages that are acknowledged and have not ended."""
        acknowledged = {made.messages[number].text for number in handed.acknowledged}
        return len(acknowledged - watch.texts(*ENDED))

    disorder = Disorder(stack, in_flight, say)
    turnstile = Turnstile(0 if wanted.rounds else len(made.order))
    hand_ins = by_door(made)
    say(f"handing in {len(made.messages)} messages, {len(made.order)} hand-ins: {dict(hand_ins)}")
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        group.create_task(
            hand_in(
                made,
                ingress=at.ingress,
                api_key=at.api_key,
                kafka=at.kafka,
                topic=topics.REQUESTS,
                per_second=wanted.per_second,
                handed=handed,
                turnstile=turnstile,
            )
        )
        if wanted.rounds:
            group.create_task(disorder.amid(disorder.rounds(wanted.rounds), turnstile, len(made.order)))
        if wanted.interrupted:
            group.create_task(disorder.interrupt(on_handsets=wanted.messages // 3))
    say(f"all handed in after {time.monotonic() - began:.0f} s; answers over REST: {dict(handed.answers)}")
    texts = {message.text for message in made.messages if handed.acknowledged[message.number]}
    if not await watch.until(lambda: texts <= watch.texts("delivered", "unknown"), PATIENCE_SECONDS):
        say("not all ended in time")
    # What is unknown and on a handset has a receipt, which may still be on its way.
    arrived = {str(text["text"]) for text in await handsets(at.simulator)}
    if not await watch.until(lambda: arrived <= watch.texts("delivered"), PATIENCE_SECONDS):
        say("not all receipts came in time")
    say(f"all ended after {time.monotonic() - began:.0f} s")
    verdict = judge(made, handed, watch.stories, await handsets(at.simulator), calm=calm)
    records = await read_all(kafka, [*JUDGED, *DEAD])
    judge_records(verdict, records, watch.stories, hand_ins, calm=calm)
    await ask_back(verdict, watch, at.ingress, at.api_key)
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    verdict.kills = disorder.kills
    if disorder.kills:
        flying = [count for _, count in disorder.kills]
        say(f"kills {len(flying)}, in flight at each: {', '.join(map(str, flying))}")
    say(verdict.table())
    for problem in verdict.problems[:40]:
        say(f"PROBLEM {problem}")
    return verdict


async def ask_back(verdict: Verdict, watch: Watch, ingress: str, api_key: str) -> None:
    """GET every message: the view must say what the status topic says, once it has caught up."""
    limit = asyncio.Semaphore(32)
    words = {"delivered": "sent", "sent": "sent", "unknown": "sending", "queued": "queued"}

    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {api_key}"}) as session:

        async def agrees(message_id: str, status: str) -> bool:
            async with limit, session.get(f"{ingress}/sms/{message_id}/status") as response:
                found = json.loads(await response.text())
                expected = {"state": status, "status": words.get(status, "failed")}
                return all(found.get(name) == word for name, word in expected.items())

        wrong = {message_id: story.last["status"] for message_id, story in watch.stories.items()}
        for _ in range(50):
            told = list(wrong.items())
            right = await asyncio.gather(*(agrees(message_id, status) for message_id, status in told))
            wrong = {i: s for (i, s), agreed in zip(told, right, strict=True) if not agreed}
            if not wrong:
                return
            await asyncio.sleep(0.2)  # the view follows the topic at its own pace
    verdict.say(f"GET disagrees with the status topic about {len(wrong)} messages: {list(wrong.items())[:3]}")


def main() -> None:
    """Start a stack of its own, run, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=0, help="how often every process is killed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-second", type=float, default=150.0)
    parser.add_argument("--home", type=Path, help="keep the stack's state here")
    options = parser.parse_args()
    # A broker that is away is part of the run; what our own clients say about it is not of interest.
    logging.basicConfig(level=logging.ERROR)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    wanted = Run(
        messages=options.messages, seed=options.seed, rounds=options.rounds, per_second=options.per_second
    )
    with tempfile.TemporaryDirectory() as temporary:
        home = options.home or Path(temporary)
        stack = Stack(home, settings=SETTINGS, jvm=QUICK_JVM, documented_ports=False, say=print)
        with stack:
            verdict = asyncio.run(run(stack, wanted))
    sys.exit(1 if verdict.problems else 0)


if __name__ == "__main__":
    main()
