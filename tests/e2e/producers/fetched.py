"""Clients that no Python package brings: kcat, and a compiler for the Java one. Fetched once, not as root."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from cli.local import home, jars
from tests.fakes import debian

#: kcat and what it needs beyond any Debian; as of Debian 12.
_PACKAGES: Final = ("kcat", "librdkafka1", "libyajl2")
#: A compiler in one jar, which the runtime alone can run: a JDK is ten times as large.
_COMPILER: Final = "org.eclipse.jdt:ecj:3.39.0"
_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy"


@dataclass(frozen=True)
class Program:
    """How to run something."""

    command: tuple[str, ...]
    env: dict[str, str] | None = None


@cache
def kcat() -> Program:
    """The machine's own, else Debian's from the cache; the test fails where neither can be had."""
    found = shutil.which("kcat")
    if found is not None:
        return Program((found,))
    root = debian.unpacked("kcat", _PACKAGES)
    libraries = {str(path.parent) for path in root.rglob("*.so.*")}
    ours = os.pathsep.join(sorted(libraries))
    program = Program((str(root / "usr" / "bin" / "kcat"),), {**os.environ, "LD_LIBRARY_PATH": ours})
    told = subprocess.run([*program.command, "-V"], env=program.env, capture_output=True, check=False)
    if told.returncode != 0:
        pytest.fail(f"kcat does not run here: {told.stderr.decode()}. Install it: apt-get install kcat")
    return program


@cache
def java_producer(source: Path) -> tuple[Path, Path]:
    """The folder with the class in `source`, compiled, and the one with the client's jars."""
    library = jars.fetch(home.cache())
    name = hashlib.sha256(source.read_bytes() + library.name.encode()).hexdigest()[:12]
    classes = home.cache() / f"java-producer-{name}"
    if not classes.is_dir():
        with tempfile.TemporaryDirectory(dir=home.cache()) as work:
            path = os.pathsep.join(map(str, library.glob("kafka-clients-*.jar")))
            target = Path(work) / "classes"
            command = [jars.java(), "-jar", str(_compiler()), "-17", "-proc:none", "-cp", path]
            debian.told([*command, "-d", str(target), str(source)], Path(work))
            (Path(work) / "classes").replace(classes)
    return classes, library


def _compiler() -> Path:
    folder = home.cache() / "java-compiler"
    jar = folder / f"{_COMPILER.split(':')[1]}-{_COMPILER.split(':')[2]}.jar"
    if not jar.is_file():
        maven = shutil.which("mvn")
        if maven is None:
            pytest.fail(f"Maven is missing, it fetches the Java compiler once: {jars.INSTALL}")
        debian.told(
            [maven, "-q", "-B", "--strict-checksums", _COPY, f"-Dartifact={_COMPILER}",
             f"-DoutputDirectory={_made(folder)}"],
            folder,
        )  # fmt: skip
    return jar


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
