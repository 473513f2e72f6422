"""Every command of the README does what it says, on a running stack, in the order of the page."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.local.kafka import QUICK_JVM
from cli.local.run import Run
from cli.local.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("jar_cache")]
ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
FENCE = re.compile(
    r"(?:^<!-- not run: (?P<why>[^\n]+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
SECONDS = 300


@dataclass(frozen=True)
class Block:
    """A fenced block of the page; `why` it is not run, where it is not."""

    language: str
    text: str
    why: str | None

    @property
    def runs(self) -> bool:
        return self.language in {"sh", "python"} and self.why is None

    def script(self) -> str:
        """It as lines of one shell script, its output after a line of its own."""
        run = self.text if self.language == "sh" else f"python - <<'PYTHON'\n{self.text}PYTHON\n"
        return f"echo; echo {MARK}\n{run}"


MARK = "--- a block ---"
BLOCKS = [
    Block(found["language"], found["text"], found["why"])
    for found in FENCE.finditer(README.read_text(encoding="utf-8"))
]


def on(run: Run, home: Path, script: str) -> str:
    """The script with the addresses of this stack in place of the documented ones."""
    ours = {
        "http://127.0.0.1:8080": run.ingress,
        "http://127.0.0.1:8082": run.simulator,
        "127.0.0.1:9092": run.kafka,
        ".helio/": f"{home}/",
        "$PWD/.venv/bin": str(Path(sys.executable).parent),
    }
    for documented, here in ours.items():
        assert documented in script, f"the page does not name {documented} any more"
        script = script.replace(documented, here)
    return script


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A system as a reader has it: what other tests leave (dead letters, say) is none of the page's."""
    with Stack(tmp_path_factory.mktemp("readme"), documented_ports=False, jvm=QUICK_JVM) as running:
        yield running


@pytest.fixture(scope="module")
def outputs(fresh: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each block printed, by its text. One shell runs them all, as a reader's would."""
    blocks = [block for block in BLOCKS if block.runs]
    script = on(fresh.run, fresh.home, "".join(block.script() for block in blocks))
    environment = {**os.environ, "HELIO_HOME": str(fresh.home)}
    folder = tmp_path_factory.mktemp("reader")
    with (folder / "output").open("w") as output:
        reader = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
        try:
            reader.wait(SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(reader.pid, signal.SIGKILL)
            reader.wait()
    told = (folder / "output").read_text()
    assert reader.returncode == 0, told
    printed = told.split(f"\n{MARK}\n")[1:]
    return {block.text: text for block, text in zip(blocks, printed, strict=True)}


def output(outputs: dict[str, str], part: str) -> str:
    """What the block with `part` in its text printed."""
    (found,) = (printed for text, printed in outputs.items() if part in text)
    return found


def test_whatever_is_not_run_says_why() -> None:
    assert [block.text for block in BLOCKS if block.language not in {"sh", "python", "json", ""}] == []
    skipped = [block for block in BLOCKS if block.language in {"sh", "python"} and not block.runs]
    assert len(skipped) == 3
    assert sum(block.runs for block in BLOCKS) >= 10


def test_the_command_line_sends_and_follows(outputs: dict[str, str]) -> None:
    assert output(outputs, "from the command line").splitlines()[-1].split()[1] == "delivered"
    assert "2 delivered" in output(outputs, "people.csv")


def test_curl_gets_the_answer_that_the_page_shows(outputs: dict[str, str]) -> None:
    (shown,) = (block.text for block in BLOCKS if block.language == "json")
    assert json.loads(output(outputs, "order:12345:shipped")) == json.loads(shown)


def test_its_status_is_followed_to_delivered(outputs: dict[str, str]) -> None:
    asked = json.loads(output(outputs, "/status -H"))
    fields = {"message_id", "status", "provider_message_id", "error", "updated_at", "state", "num_segments"}
    assert set(asked) == fields | {"send_at"}
    assert output(outputs, "--watch").splitlines()[-1].split()[1] == "delivered"


def test_an_immediate_send_is_answered_with_its_outcome(outputs: dict[str, str]) -> None:
    assert json.loads(output(outputs, "Your code is 4711"))["status"] == "sent"


def test_the_whole_record_a_cancel_that_comes_too_late_and_the_figures(outputs: dict[str, str]) -> None:
    record = json.loads(output(outputs, 'e638951ee80b -H "Authorization'))
    assert (record["state"], record["attempts"][0]["outcome"]) == ("delivered", "accepted")
    assert "already" in output(outputs, "-X DELETE")
    figures = json.loads(output(outputs, "/sms/queue/stats"))
    assert set(figures["queues"]) == {"twilio", "telnyx", "vonage"}


def test_a_use_case_chooses_the_sender(outputs: dict[str, str]) -> None:
    said = output(outputs, "--dry-run\nhelio send --use-case").splitlines()
    assert said[0] == "+14155550102 > +14155550150  1 segment"
    assert "geomatch: area code 415" in said[1]
    assert said[-2].split()[1] == "delivered"
    assert json.loads(said[-1])["status"] == "pending"


def test_python_gets_an_id(outputs: dict[str, str]) -> None:
    assert re.fullmatch(r"[0-9a-f-]{36}", output(outputs, "Hello from Python").strip())


def test_a_kafka_producers_message_is_told_and_arrives(outputs: dict[str, str]) -> None:
    assert "delivered" in output(outputs, "helio tail")
    told = output(outputs, "confluent_kafka import Consumer").splitlines()
    ours = [line.split()[1:3] for line in told if "my own number 148" in line]
    assert [int(sequence) for sequence, _ in ours] == list(range(1, len(ours) + 1))
    assert ours[-1][1] == "delivered"
    texts = json.loads(output(outputs, "/handsets/+12025550148"))["texts"]
    assert [text["text"] for text in texts] == ["Hello from Kafka"]


def test_the_doctor_is_content(outputs: dict[str, str]) -> None:
    assert "PROBLEM" not in output(outputs, "helio doctor")
    assert "nothing to change" in output(outputs, "directory.yaml --dry-run")
