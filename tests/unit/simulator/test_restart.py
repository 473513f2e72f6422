"""Nothing is forgotten: what was accepted, and what is still to be told, outlives the process."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest
from pydantic import ValidationError

from simulator.config import Config
from tests.unit.simulator.harness import DEADLINE, HANDSET, NUMBER, Receiver, Sender, Start


async def test_the_handset_log_survives(sender: Sender, start: Start) -> None:
    for provider in ("twilio", "telnyx", "vonage"):
        await sender.over(provider)
    await sender.fault({"kind": "receipts", "final": "failed"})
    await sender.telnyx()
    before = await sender.texts()
    await sender.simulator.close()
    again = Sender(await start(), sender.key)
    assert await again.texts() == before
    assert len(before) == 3


async def test_a_key_that_was_not_remembered_is_not_after_a_restart(sender: Sender, start: Start) -> None:
    await sender.fault({"kind": "server_error", "accepted": True})
    await sender.telnyx(key="nonce-1")
    await sender.simulator.close()
    again = Sender(await start(), sender.key)
    await again.telnyx(key="nonce-1")
    assert len(await again.texts()) == 2


async def test_a_receipt_that_was_not_told_is_told_after_a_restart(
    config: dict[str, Any], start: Start, receiver: Receiver, rsa_key: Any
) -> None:
    config["accounts"][1]["receipt_delay_ms"] = 500
    sender = Sender(await start(), rsa_key)
    await sender.telnyx(webhook_url=f"{receiver.base}/")
    await sender.simulator.close()
    assert receiver.received == []
    await start()
    events = [json.loads(it.body)["data"] for it in await receiver.callbacks(2)]
    assert [it["event_type"] for it in events] == ["message.sent", "message.finalized"]


async def test_a_receipt_that_was_told_is_not_told_again(
    sender: Sender, start: Start, receiver: Receiver
) -> None:
    await sender.telnyx(webhook_url=f"{receiver.base}/before")
    await receiver.callbacks(2)
    async with asyncio.timeout(DEADLINE):
        while (await (await sender.simulator.get("/stats")).json())["callbacks"]["answered"] < 2:
            pass
    await sender.simulator.close()
    again = Sender(await start(), sender.key)
    await again.telnyx(webhook_url=f"{receiver.base}/after")
    urls = [it.url.removeprefix(receiver.base) for it in await receiver.callbacks(4)]
    assert urls == ["/before", "/before", "/after", "/after"]


async def test_a_retry_goes_on_after_a_restart(
    config: dict[str, Any], start: Start, receiver: Receiver, rsa_key: Any
) -> None:
    config["callbacks"]["vonage_first_pause_seconds"] = 600
    receiver.answers = [503]
    sender = Sender(await start(), rsa_key)
    await sender.fault({"kind": "receipts", "final": "none"})
    await sender.vonage(webhook_url=f"{receiver.base}/")
    (first,) = await receiver.callbacks(1)
    await sender.simulator.close()
    await start()
    _, second = await receiver.callbacks(2)
    assert first.body == second.body


async def test_an_unanswered_request_does_not_hold_up_the_end(sender: Sender) -> None:
    await sender.fault({"kind": "hang", "max_seconds": 600})
    pending = asyncio.create_task(sender.telnyx())
    await sender.until_posts(lambda posts: [p["outcome"] for p in posts] == ["accepted"])
    async with asyncio.timeout(DEADLINE):
        await sender.simulator.server.close()
    with pytest.raises(aiohttp.ClientError):
        await pending


class Program:
    """The simulator as a process."""

    def __init__(self, config: Path) -> None:
        self._config = config

    async def __aenter__(self) -> Self:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "simulator",
            "--config",
            str(self._config),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        )
        assert self.process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            line = (await self.process.stdout.readline()).decode()
        self.url = line.removeprefix("simulator on ").strip()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


async def test_sigkill_loses_no_text_and_sigterm_ends_it(tmp_path: Path, config: dict[str, Any]) -> None:
    file = tmp_path / "simulator.json"
    file.write_text(json.dumps(config))
    body = {"to": HANDSET, "from": NUMBER, "text": "hello"}
    headers = {"Authorization": "Bearer KEY1"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with Program(file) as program:
            for _ in range(5):
                async with session.post(f"{program.url}/v2/messages", json=body) as answer:
                    assert answer.status == 200
            program.process.send_signal(signal.SIGKILL)
            await program.process.wait()
        async with Program(file) as program:
            async with session.get(f"{program.url}/handsets/{HANDSET}") as answer:
                assert len((await answer.json())["texts"]) == 5
            program.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(DEADLINE):
                assert await program.process.wait() == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"accounts": []}, "accounts"),
        ({"stat": "x"}, "stat"),
        ({"port": 70_000}, "port"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(config: dict[str, Any], change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Config.model_validate(config | change)


@pytest.mark.parametrize(
    ("place", "change", "told"),
    [
        (0, {"account_sid": "AC1"}, "account_sid"),
        (1, {"signing_seed": "AAAA"}, "3 bytes; an Ed25519 seed has 32"),
        (1, {"signing_seed": "?"}, "not base64"),
        (2, {"public_key": "x"}, "not a PEM public key"),
        (2, {"id": "tw-1"}, "two accounts have the same id: tw-1"),
        (0, {"provider": "acme"}, "'twilio', 'telnyx', 'vonage'"),
    ],
)
def test_a_wrong_account_says_what_is_wrong(
    config: dict[str, Any], place: int, change: dict[str, Any], told: str
) -> None:
    config["accounts"][place] |= change
    with pytest.raises(ValidationError, match=told):
        Config.model_validate(config)
