"""The versions that the engine is written against. It uses private names, so any other version is refused."""

from collections.abc import Mapping
from importlib import metadata
from typing import Final

PINNED: Final[Mapping[str, str]] = {
    "faust-streaming": "0.15.3",
    "mode-streaming": "0.7.1",
    "aiokafka": "0.14.0",
}


def check(installed: Mapping[str, str]) -> None:
    """Refuse other versions than `PINNED`.

    Args:
        installed: distribution name to version; may lack names that are not installed.

    Raises:
        ImportError: one sentence that says what to do.
    """
    wrong = [
        f"{name} {installed.get(name, 'missing')} (needs {version})"
        for name, version in PINNED.items()
        if installed.get(name) != version
    ]
    if wrong:
        raise ImportError(
            f"streams.engine uses private names of exact versions, but finds {', '.join(wrong)}: install the "
            "locked requirements, or to upgrade follow docs/decisions/0002-faust-engine.md."
        )


def _installed() -> dict[str, str]:
    found = {}
    for name in PINNED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


check(_installed())
