"""Where a stack keeps its things."""

import os
from pathlib import Path


def home() -> Path:
    """State of one stack: `HELIO_HOME`, else `.helio` here."""
    return Path(os.environ.get("HELIO_HOME", ".helio")).absolute()


def cache() -> Path:
    """Downloads, shared by all stacks: `HELIO_CACHE`, else `cache` in `home()`."""
    given = os.environ.get("HELIO_CACHE")
    return Path(given).absolute() if given else home() / "cache"
