"""`helio` starts quickly: what is heavy is imported by the command that needs it."""

import subprocess
import sys

HEAVY = {"aiohttp", "aiokafka", "broker", "httpx", "pydantic", "redis", "rich.progress", "yaml"}


def test_no_heavy_package_is_imported_for_the_help() -> None:
    program = "import sys, cli.__main__; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()
