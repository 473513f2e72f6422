"""The client stands alone: it imports what it declares, and Kafka only where somebody asks for it."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
CLIENT = ROOT / "client"
MODULES = sorted((CLIENT / "heliograph").rglob("*.py"))


def imported(module: Path) -> set[str]:
    """The packages that a module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(node.module or "")
    return {name.split(".")[0] for name in found} - set(sys.stdlib_module_names) - {"heliograph"}


def test_it_imports_what_it_declares_and_no_more() -> None:
    project = tomllib.loads((CLIENT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [one.split(">")[0] for one in project["dependencies"]] == ["httpx", "pydantic"]
    assert [one.split(">")[0] for one in project["optional-dependencies"]["kafka"]] == ["aiokafka"]
    assert len(MODULES) > 15
    for module in MODULES:
        # pydantic-core comes with pydantic, at the version that it wants.
        allowed = {"httpx", "pydantic", "pydantic_core"} | (
            {"aiokafka"} if module.parent.name == "kafka" else set()
        )
        assert imported(module) <= allowed, module


def test_without_aiokafka_all_else_works_and_kafka_says_what_to_install() -> None:
    script = """
import sys
sys.modules["aiokafka"] = None
import heliograph, heliograph.webhooks
heliograph.Client("http://127.0.0.1:1", "key").close()
try:
    import heliograph.kafka
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=CLIENT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "heliograph.kafka needs aiokafka: pip install 'heliograph-client[kafka]'"


def test_its_packages_are_all_of_them_and_are_typed() -> None:
    built = tomllib.loads((CLIENT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    packages = {str(module.parent.relative_to(CLIENT)).replace("/", ".") for module in MODULES}
    assert set(built["packages"]) == packages
    assert (CLIENT / "heliograph" / "py.typed").exists()
    assert (CLIENT / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
