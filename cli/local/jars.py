"""The broker's jars and its Java: found on this machine, fetched once."""

import fcntl
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.local.process import MissingToolError, StartError

POM = Path(__file__).with_name("pom.xml")
JAVA_AT_LEAST = 17  # Kafka 4
INSTALL = "apt-get install openjdk-17-jre-headless maven"


def java() -> str:
    """The machine's `java`.

    Raises:
        MissingToolError: there is none, or it is too old for Kafka 4.
    """
    found = shutil.which("java")
    if found is None:
        raise MissingToolError(f"Java is missing: {INSTALL}")
    told = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < JAVA_AT_LEAST:
        said = told.partition("\n")[0]
        raise MissingToolError(f"Kafka 4 needs Java {JAVA_AT_LEAST} or newer, found {said}: {INSTALL}")
    return found


def folder(cache: Path) -> Path:
    """Where the jars lie in `cache`, once they are there. Its name changes with the list of jars."""
    return cache / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"


def fetch(cache: Path) -> Path:
    """The folder with the broker's jars, from `cache` or, the first time, by Maven (about 35 MB).

    Safe to call from several processes at once.

    Raises:
        MissingToolError: they are not in the cache and `mvn` is missing.
        StartError: Maven failed; its last words are in the message.
    """
    found = folder(cache)
    if found.is_dir():
        return found
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "kafka.lock"):
        if not found.is_dir():
            _download(found)
    return found


def _download(target: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingToolError(f"Maven is missing, it fetches the broker once: {INSTALL}")
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        shutil.copy(POM, work)
        jars = Path(work) / "jars"
        told = subprocess.run(
            # --strict-checksums: a damaged download must fail here and not as a strange broker.
            [maven, "-q", "-B", "--strict-checksums", "-f", str(Path(work) / POM.name),
             "dependency:copy-dependencies", f"-DoutputDirectory={jars}"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if told.returncode != 0:
            raise StartError(f"Maven could not fetch the broker:\n{told.stdout[-2000:]}")
        jars.replace(target)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
