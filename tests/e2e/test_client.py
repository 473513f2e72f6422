"""Every example of docs/client.md does what it says, as it stands there, on a running stack."""

import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from cli.local.stack import Stack
from heliograph import Client, State, StatusRecord
from heliograph.kafka import StatusStream

pytestmark = pytest.mark.e2e
PAGE = Path(__file__).parents[2] / "docs" / "client.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
SECRET = "whsec_YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyAtLS0="
SECONDS = 120
EVENT = """
import sys
print(received(sys.stdin.buffer.read(), dict(one.split("=", 1) for one in sys.argv[1:])))
"""


def block(part: str) -> str:
    """The one example with `part` in it."""
    (found,) = (text for text in BLOCKS if part in text)
    return str(found)


def run(stack: Stack, part: str, *arguments: str, more: str = "", told: bytes = b"") -> list[str]:
    """What that example prints, in a process of its own."""
    script = block(part).replace("127.0.0.1:9092", stack.run.kafka) + more
    environment = {
        **os.environ,
        "HELIOGRAPH_URL": stack.run.ingress,
        "HELIOGRAPH_API_KEY": stack.run.api_key,
        "WEBHOOK_SECRETS": SECRET,
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *arguments],
        env=environment, input=told, capture_output=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().splitlines()


def utc(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def test_one_key_is_one_message_and_other_content_a_conflict(stack: Stack) -> None:
    message_id, state = run(stack, "again.message_id")[0].split()
    assert state in set(State)
    assert run(stack, "ConflictError") == [f"422 conflict {message_id}"]


def test_a_use_case_is_rehearsed_and_sent_through(stack: Stack) -> None:
    rehearsed, sent = run(stack, "ORDERS")
    assert rehearsed.startswith("+14155550102 geomatch")
    with Client(stack.run.ingress, stack.run.api_key) as client:
        assert client.get(sent.split()[0]).to_phone_number == "+14155550162"


def test_many_at_once_are_answered_with_the_providers_word(stack: Stack) -> None:
    assert [line.split()[1] for line in run(stack, "queue=False")] == ["sent"] * 3


def test_figures_are_numbers(stack: Stack) -> None:
    assert int(run(stack, "queue_stats()")[0]) >= 0


def test_the_rest_of_the_api_is_read_as_it_answers(stack: Stack) -> None:
    """What the page names and shows no example of."""
    number = "+14155550167"
    with Client(stack.run.ingress, stack.run.api_key) as client:
        assert client.can_send("+14155550102").can_send
        assert client.can_send("+14155550100").reason_code == "campaign_not_verified"
        assert client.opt_out(number, note="by phone").consent == "out"
        assert [one.note for one in client.opt_outs(number).items] == ["by phone"]
        assert client.opt_in(number).consent == "in"
        held = client.send(
            from_phone_number="+14155550100",
            to_phone_number=number,
            message="Later",
            send_at=utc(int(time.time()) + 24 * 3600),
        )
        assert client.cancel(held.message_id).success
        assert client.get(held.message_id).state is State.CANCELLED


def test_a_post_is_verified_and_dropped_when_it_comes_again(stack: Stack) -> None:
    data = json.loads((PAGE.parent / "contracts" / "sms.status.v1.schema.json").read_text())["examples"][0]
    event = {"type": "message.delivered", "timestamp": "2026-04-30T10:15:02.400Z", "data": data}
    body = json.dumps(event)
    at = int(time.time())
    signature = Webhook(SECRET).sign("n-1", utc(at), body)
    headers = ["Webhook-Id=n-1", f"Webhook-Timestamp={at}", f"Webhook-Signature={signature}"]
    good = run(stack, "webhooks.verify", *headers, more=EVENT, told=body.encode())
    assert good == [f"{data['reference']} delivered", "204"]
    assert run(stack, "webhooks.verify", *headers, more=EVENT, told=body.encode() + b" ") == ["401"]


async def test_a_request_on_kafka_is_followed_to_its_end_and_in_the_table(stack: Stack) -> None:
    assert run(stack, "Requests")[0].startswith("greeting:166 ")
    followed = run(stack, 'group="billing"')
    assert [line.split()[0] for line in followed] == [str(n + 1) for n in range(len(followed))]
    assert followed[-1].split()[1] == "delivered"
    assert "customer 166 delivered" in run(stack, "follow=False")


async def test_the_table_of_the_topic_is_what_the_api_says(stack: Stack) -> None:
    table: dict[str, StatusRecord] = {}
    async with StatusStream(stack.run.kafka, group=None, follow=False) as stream:
        async for record in stream:
            assert record.sequence == (
                table[record.message_id].sequence + 1 if record.message_id in table else 1
            )
            table[record.message_id] = record
    (ours,) = (record for record in table.values() if record.reference == "customer 166")
    with Client(stack.run.ingress, stack.run.api_key) as client:
        shown = client.get(ours.message_id)
    assert (shown.state, shown.message, shown.provider) == (ours.status, ours.text, ours.provider)
    assert shown.provider_message_id == ours.provider_message_id
    assert [step.at for step in shown.history] == [step.at for step in ours.history]
