"""What a long-running command shows: a spinner over plain lines, plain lines alone, or lines of JSON."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console


class Screen:
    """Where lines go. With `as_json` each line is one JSON object."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._json = as_json
        # Off a terminal rich would wrap lines at 80 columns, in the middle of a path.
        self._console = Console(highlight=False, soft_wrap=True)

    def say(self, line: str, **facts: Any) -> None:
        """One line for people; `facts` go with it for programs."""
        if self._json:
            print(json.dumps({"line": line, **facts}), flush=True)
        else:
            self._console.print(line, markup=False)

    @contextmanager
    def busy(self, doing: str) -> Iterator[None]:
        """Show on a terminal that something is under way."""
        if self._json:
            yield
            return
        with self._console.status(doing):
            yield
