"""Programs of Debian's packages that no Python package brings: fetched once into the cache, not as root."""

import subprocess
import tempfile
from pathlib import Path
from typing import Final

import pytest

from cli.local import home

_SECONDS: Final = 300


def unpacked(program: str, packages: tuple[str, ...]) -> Path:
    """The folder into which `packages` were unpacked; the test fails where they cannot be had.

    Args:
        program: what they are fetched for; names the folder, and the package to install by hand.
        packages: it, and what it needs beyond any Debian.
    """
    root = home.cache() / program
    if root.is_dir():
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        work = Path(folder)
        lists = work / "lists"
        (lists / "partial").mkdir(parents=True)
        ours = ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={work}", "-o", "APT::Sandbox::User="]
        try:
            # With lists of its own: a bare machine has none, and only root may write the machine's.
            for command in (["update"], ["download", *packages]):
                told(["apt-get", "-q", *ours, *command], work)
            for package in work.glob("*.deb"):
                told(["dpkg", "-x", str(package), str(work / "root")], work)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.fail(
                f"{program} is missing, and it could not be fetched ({error}). "
                f"Install it: apt-get install {packages[0]}"
            )
        (work / "root").replace(root)
    return root


def told(command: list[str], folder: Path) -> None:
    """Run `command` in `folder`.

    Raises:
        SubprocessError: it failed, or took minutes; says what it printed last.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise subprocess.SubprocessError(f"{command[0]}: {(done.stdout + done.stderr).strip()[-500:]}")
