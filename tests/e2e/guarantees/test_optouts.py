"""A STOP that comes while messages wait behind a slow number stops them all, also after a loss (P9).

They were accepted before it, and wait in windows and waiting topics. The handset writes, its provider tells
the webhooks, and from the confirmation on the handset gets nothing, nor after the ledger was lost.
`HELIO_TEST_OPTOUTS=1000` makes more wait.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from uuid import uuid4

import aiohttp
import pytest
import redis.asyncio
import yaml

from broker import clients
from cli.local.kafka import QUICK_JVM
from cli.local.stack import Stack
from directory.apply import apply
from schemas import topics
from schemas.settings import KafkaSettings
from tests.e2e.caller import Api, Phones
from tests.e2e.following import following
from tests.e2e.watch import Watch

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("jar_cache")]
MANY = int(os.environ.get("HELIO_TEST_OPTOUTS", "300"))
#: Of globex in the demo, at Vonage, which leaves it to us to answer. An assistant's and a use case's.
NUMBER = "+13055550150"
RATE = 10
USE_CASE = "0b7e0000-0000-4000-8000-000000000071"
BYE = "You get no more."
ADA, BOB = "+16172109901", "+16172109902"
#: They are told to have ended at their turn, at the latest.
PATIENCE_SECONDS = 60 + 2 * MANY / RATE
#: Hand-overs that had won their claim when the STOP came, and overtook its confirmation or not.
UNDER_WAY = 5

DIRECTORY = {
    "organizations": {
        "globex": {
            "numbers": {
                NUMBER: {"account": "vonage-main", "number_kind": "toll_free", "rate": RATE, "burst": 1}
            },
            "use_cases": {USE_CASE: {"name": "News", "numbers": [NUMBER], "stop_reply": BYE}},
        }
    }
}


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("optouts")
    with Stack(home, documented_ports=False, jvm=QUICK_JVM) as running:
        yield running


async def hand_in(kafka: KafkaSettings, to: str, texts: list[str]) -> None:
    """As a direct producer: each second one through the use case, the others from the number."""
    ways = ({"use_case_id": USE_CASE}, {"from_phone_number": NUMBER})
    async with clients.producer(kafka) as producer:
        for n, text in enumerate(texts):
            request = {**ways[n % 2], "to_phone_number": to, "message": text, "idempotency_key": uuid4().hex}
            await producer.send(topics.requests_of("globex"), json.dumps(request).encode())
        await producer.flush()


def ends(watch: Watch, texts: list[str]) -> Counter[str]:
    """How the messages with these texts have ended, by state, or by code where they failed."""
    last = [story.last for story in watch.stories.values() if story.last["text"] in set(texts)]
    ended = [one for one in last if one["status"] in {"delivered", "undelivered", "failed", "cancelled"}]
    return Counter(one["failure"]["code"] if one["status"] == "failed" else one["status"] for one in ended)


async def all_end(watch: Watch, texts: list[str]) -> Counter[str]:
    """Wait for it."""
    done = await watch.until(lambda: ends(watch, texts).total() == len(texts), PATIENCE_SECONDS)
    assert done, ends(watch, texts)
    return ends(watch, texts)


async def test_a_stop_stops_all_that_wait_and_so_it_is_after_a_loss(stack: Stack) -> None:
    kafka = KafkaSettings(bootstrap_servers=stack.run.kafka)
    await apply(kafka, yaml.safe_dump(DIRECTORY), now=time.time_ns() // 1_000_000)
    async with aiohttp.ClientSession() as session, following(kafka) as watch:
        await Api(session, stack.run.ingress, stack.run.api_key).known()
        phones = Phones(session, stack.run.simulator)
        texts = [f"waits {n}" for n in range(MANY)]
        await hand_in(kafka, ADA, texts)
        await phones.until(ADA, 5)
        assert (await phones.text_us(ADA, to=NUMBER, text="Stop!")).status == 202

        found = await all_end(watch, texts)
        got = [text["text"] for text in await phones.texts(ADA)]
        after = len(got) - got.index(BYE) - 1
        print(f"{len(got) - 1} of {MANY} were sent, {after} of them after the confirmation")
        # Each of them was handed over once, and told to be; all others were stopped by the opt-out.
        assert found == {"delivered": len(got) - 1, "opted_out": MANY - len(got) + 1}
        assert len(set(got)) == len(got)
        assert after <= UNDER_WAY
        assert len(got) < MANY / 2, "nothing waited any more: this shows nothing"

        await lose_the_ledger(stack)
        more = [f"after the loss {n}" for n in range(20)]
        await hand_in(kafka, ADA, more)
        await hand_in(kafka, BOB, ["for somebody else"])
        assert await all_end(watch, more) == {"opted_out": len(more)}
        await phones.until(BOB, 1)
        assert [text["text"] for text in await phones.texts(ADA)] == got


async def lose_the_ledger(stack: Stack) -> None:
    """All of it."""
    async with redis.asyncio.from_url(stack.run.redis) as client:
        assert await client.flushall()
