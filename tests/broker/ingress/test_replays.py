"""`helio dlq` on the real broker: replayed once, killed at any step or not, and with its history."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import confluent_kafka
import pytest
from aiokafka import ConsumerRecord
from typer.testing import CliRunner

from cli.__main__ import app
from cli.commands.trouble import Exit
from schemas import ids, topics
from schemas.dead_letters import dead_letter, said
from schemas.failpoints import Point
from schemas.messages import Message
from schemas.replays import Mark, What
from schemas.settings import IntakeSettings, Settings
from tests.broker.ingress.reading import DEAD, Reading
from tests.broker.ingress.test_intake import built, having, running
from tests.conftest import ROOT

pytestmark = pytest.mark.broker
KILLED = Path(__file__).with_name("killed.py")
Told = tuple[int, list[dict[str, Any]], str]


class Desk:
    """An operator's, with letters of one key: those of others lie on the same topic."""

    def __init__(self, settings: Settings, reading: Reading, home: Path) -> None:
        self.settings = settings
        #: Nobody owns the common topic: its records become dead letters, though they could be read.
        self.nobodys = settings.model_copy(update={"intake": IntakeSettings()})
        self.reading = reading
        self.home = home
        self.key = uuid4().hex

    @property
    def environment(self) -> dict[str, str]:
        servers = self.settings.kafka.bootstrap_servers
        return {"HELIO_HOME": str(self.home), "HELIO_KAFKA__BOOTSTRAP_SERVERS": servers}

    def command(self, *argv: object) -> subprocess.CompletedProcess[str]:
        """A process of its own, which can be killed."""
        done = subprocess.run(
            [sys.executable, *map(str, argv)],
            env={**os.environ, **self.environment, "PYTHONPATH": str(ROOT)},
            cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def helio(self, *arguments: object) -> Told:
        """`helio dlq ... --json`: its exit code, the objects that it printed, and its stderr."""
        argv = ["dlq", *map(str, arguments), "--json"]
        with ThreadPoolExecutor(1) as pool:  # it has an event loop of its own
            done = pool.submit(CliRunner().invoke, app, argv, env=self.environment).result()
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    def listed(self, *arguments: object) -> list[dict[str, Any]]:
        """What `helio dlq list` shows of ours."""
        code, found, _ = self.helio("list", "--key", self.key, *arguments)
        assert code == Exit.DONE
        return found

    def replay(self, *arguments: object) -> Told:
        """Ours, or those that are named."""
        return self.helio("replay", *(arguments or ("--key", self.key)), "--yes")

    def produce(self, value: bytes, topic: str = topics.REQUESTS, **more: Any) -> None:
        producer = confluent_kafka.Producer({"bootstrap.servers": self.settings.kafka.bootstrap_servers})
        producer.produce(topic, value, key=self.key.encode(), **more)
        assert producer.flush(30) == 0

    def lay(self, topic: str, **more: Any) -> None:
        """A dead letter of `topic`, for which nobody has to run."""
        put = dead_letter(
            topic=topic, partition=0, offset=0, timestamp_ms=time.time_ns() // 1_000_000,
            key=self.key.encode(), value=having(message="laid"), headers=[], reason="a test",
        )  # fmt: skip
        self.produce(put.value, put.topic, headers=list(put.headers), **more)

    async def bury(self, *values: bytes) -> None:
        """Have intake make dead letters of these."""
        for value in values:
            self.produce(value)
        await self.until_buried(len(self.letters()) + len(values))

    async def until_buried(self, many: int) -> None:
        """Run an intake that serves nobody until there are so many letters."""
        async with running(self.nobodys):
            await self.reading.until(lambda _: len(self.letters()) == many)

    async def let_in(self, many: int) -> list[Message]:
        """Run an intake until it has let in so many records; all that it has."""
        async with running(self.settings):
            await self.reading.until(lambda found: len(found.messages()) >= many)
        await self.reading.to_the_end()
        found = self.reading.messages()
        assert len(found) == many
        assert all(isinstance(message, Message) for message in found)
        return found  # type: ignore[return-value]  # just asserted

    def letters(self) -> list[ConsumerRecord]:
        """Dead letters that intake has made of ours, without marks.

        What another test's intake had no time to commit becomes a letter of this one's.
        """
        dead = [record for record in self.reading.dead() if record.key == self.key.encode()]
        return [record for record in dead if "helio-dlq-topic" in dict(record.headers)]


@pytest.fixture
def desk(settings: Settings, reading: Reading, tmp_path: Path) -> Desk:
    return Desk(settings, reading, tmp_path)


async def test_a_letter_is_replayed_once_and_is_a_message(desk: Desk) -> None:
    await desk.bury(having(message="again"))
    (listed,) = desk.listed("--topic", "requests")
    assert (listed["state"], listed["origin"]["topic"]) == ("open", topics.REQUESTS)
    assert "HELIO_INTAKE__OWNER" in listed["reason"]
    _, (dry,), _ = desk.helio("replay", "--key", desk.key, "--dry-run")
    assert dry == {"dry_run": True, "replayed": [listed["letter"]], "refused": []}
    code, _, said = desk.helio("replay", "--key", desk.key)
    assert (code, "nothing was done" in said) == (Exit.NO, True), "nobody was there to be asked"
    assert desk.listed() == [listed]
    code, (told,), _ = desk.helio("replay", "--key", desk.key, "--yes", "--note", "owner set")
    assert (code, told["replayed"], told["refused"]) == (Exit.DONE, [listed["letter"]], [])
    (message,) = await desk.let_in(1)
    assert message.message_id == id_of(desk.letters()[0])
    assert desk.listed() == []
    (done,) = desk.listed("--state", "replayed")
    assert [mark["what"] for mark in done["marks"]] == ["begun", "replayed"]
    assert {mark["note"] for mark in done["marks"]} == {"owner set"}
    assert desk.replay()[1][0]["replayed"] == []
    code, (again,), _ = desk.replay(listed["letter"])
    assert (code, again["refused"][0]["why"]) == (Exit.NO, "it was replayed before")
    await desk.let_in(1)


def id_of(letter: ConsumerRecord) -> str:
    """The id of the message that a letter of acme's becomes."""
    origin = said(letter.headers)
    assert origin is not None
    at = origin.origin
    return ids.of_record(at.topic, at.partition, at.offset, at.timestamp)


@pytest.mark.parametrize(("point", "replays"), [(Point.DLQ_BEGUN, 1), (Point.DLQ_REPLAYED, 2)])
async def test_a_command_that_is_killed_loses_and_doubles_nothing(
    desk: Desk, point: Point, replays: int
) -> None:
    texts = [f"{desk.key} {n}" for n in range(3)]
    await desk.bury(*(having(message=text) for text in texts))
    killed = desk.command(KILLED, point, "dlq", "replay", "--key", desk.key, "--yes")
    assert killed.returncode == -signal.SIGKILL
    assert [one["state"] for one in desk.listed()] == ["in-doubt"] * 3
    assert (len(desk.listed("--state", "in-doubt")), desk.listed("--state", "open")) == (3, [])
    code, (told,), _ = desk.replay("--key", desk.key, "--state", "in-doubt")
    assert (code, len(told["replayed"])) == (Exit.DONE, 3)
    found = await desk.let_in(3 * replays)
    # One id and one content each: `route` takes the first record of it, whichever that is.
    assert {(one.message_id, one.content.text) for one in found} == {
        (id_of(letter), json.loads(letter.value)["message"]) for letter in desk.letters()
    }
    assert {one.content.text for one in found} == set(texts)
    assert len({(one.message_id, one.content.fingerprint) for one in found}) == 3
    assert desk.listed() == []


async def test_two_operators_at_once_make_one_message_of_each_letter(desk: Desk) -> None:
    await desk.bury(*(having(message=f"{n}") for n in range(5)))
    argv = ("-m", "cli", "dlq", "replay", "--key", desk.key, "--yes", "--json")
    both = await asyncio.gather(*(asyncio.to_thread(desk.command, *argv) for _ in range(2)))
    assert [done.returncode for done in both] == [Exit.DONE] * 2
    many = sum(len(json.loads(done.stdout)["replayed"]) for done in both)
    assert many >= 5
    assert len({message.message_id for message in await desk.let_in(many)}) == 5


async def test_a_letter_that_dies_again_shows_where_it_has_been_and_stays_one_message(desk: Desk) -> None:
    await desk.bury(having(message="thrice"))
    (first,) = desk.listed()
    assert desk.replay()[0] == Exit.DONE
    await desk.until_buried(2)
    (second,) = desk.listed()
    assert second["letter"] != first["letter"]
    assert second["replays"] == [first["letter"].replace("requests", DEAD)]
    assert desk.replay(second["letter"])[0] == Exit.DONE
    (message,) = await desk.let_in(1)
    assert message.message_id == id_of(desk.letters()[0])


async def test_a_mended_value_goes_in_place_of_one_that_cannot_be_read(desk: Desk) -> None:
    good = having(message="secret words")
    await desk.bury(good[:-3])
    (cut,) = desk.listed()
    code, (told,), _ = desk.replay(cut["letter"])
    assert (code, "mend it" in told["refused"][0]["why"]) == (Exit.NO, True)
    file = desk.home / "mended.json"
    file.write_bytes(good)
    assert desk.replay(cut["letter"], "--value-from", file)[0] == Exit.DONE
    (message,) = await desk.let_in(1)
    assert message.content.text == "secret words"
    (shown,) = desk.helio("show", cut["letter"])[1]
    assert (shown["state"], shown["marks"][-1]["mended"]) == ("replayed", True)
    assert "secret" not in json.dumps(shown)
    assert "secret" in json.dumps(desk.helio("show", cut["letter"], "--reveal")[1])


async def test_a_strangers_header_makes_no_mark(desk: Desk) -> None:
    """A dead letter keeps its headers, also one that looks like a mark of somebody else's letter."""
    await desk.bury(having(message="honest"))
    (honest,) = desk.listed()
    _, partition, offset = honest["letter"].split("/")
    mark = Mark(what=What.DROPPED, partition=int(partition), offset=int(offset), at=1)
    desk.produce(mark.encode(), headers=mark.headers)
    await desk.until_buried(2)
    assert [one["state"] for one in desk.listed()] == ["open", "open"]
    assert desk.helio("drop", honest["letter"], "--yes", "--note", "a test")[0] == Exit.DONE
    assert len(desk.listed()) == 1
    assert desk.listed("--state", "dropped")[0]["marks"][0]["note"] == "a test"


async def test_nothing_is_sent_back_to_a_topic_that_nobody_reads(desk: Desk) -> None:
    read, unread = topics.requests_of("globex"), topics.requests_of("initech")
    desk.lay(read)
    desk.lay(unread)
    code, (told,), _ = desk.helio("replay", "--key", desk.key, "--dry-run")
    assert (code, len(told["replayed"]), len(told["refused"])) == (Exit.NO, 1, 1)
    code, (told,), _ = desk.replay("--key", desk.key, "--origin", unread)
    assert (code, told["replayed"]) == (Exit.NO, [])
    assert "`own_topic: true`" in told["refused"][0]["why"]
    assert [one["state"] for one in desk.listed()] == ["open", "open"], "nothing was begun"


async def test_a_mark_that_lies_before_its_letter_is_about_another_one(desk: Desk) -> None:
    """Of a topic that was deleted and made anew while a command was under way."""
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": desk.settings.kafka.bootstrap_servers, "group.id": desk.key}
    )
    _, end = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(DEAD, 0), timeout=30)
    consumer.close()
    mark = Mark(what=What.DROPPED, partition=0, offset=end + 1, at=1)
    desk.produce(mark.encode(), DEAD, headers=mark.headers, partition=0)
    desk.lay(topics.REQUESTS, partition=0)
    (listed,) = desk.listed()
    assert (listed["letter"], listed["state"]) == (f"requests/0/{end + 1}", "open")


async def test_what_lay_unread_until_it_would_be_forgotten_is_a_letter_and_is_sent_when_it_is_replayed(
    desk: Desk,
) -> None:
    """`route` drops what is forgotten: its producer would never be told anything."""
    later = time.time_ns() // 1_000_000 + 1000 * desk.settings.messages.lifetime_seconds
    desk.produce(having(message="late"))
    async with built(desk.settings) as made:
        made._now = lambda: later
        stop = asyncio.Event()
        task = asyncio.create_task(made.run(stop))
        await desk.reading.until(lambda _: len(desk.letters()) == 1)
        stop.set()
        await task
    assert desk.reading.messages() == []
    (listed,) = desk.listed("--reason", "too old")
    for named in (("--key", desk.key), (listed["letter"],)):
        code, (told,), _ = desk.replay(*named)
        assert (code, told["replayed"], len(told["refused"])) == (Exit.NO, [], 1)
        assert "--include-old" in told["refused"][0]["why"]
    code, (told,), warned = desk.replay("--key", desk.key, "--include-old")
    assert (code, told["replayed"], told["refused"]) == (Exit.DONE, [listed["letter"]], [])
    assert "1 of 1 are too old" in warned
    (message,) = await desk.let_in(1)
    assert message.message_id == id_of(desk.letters()[0])
    (done,) = desk.listed("--state", "replayed")
    assert message.content.accepted_at >= moment(done["marks"][0]["at"])
    assert message.valid_until == message.content.accepted_at + 1000 * desk.settings.messages.validity_seconds


def moment(text: str) -> int:
    """Milliseconds since the epoch."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)
