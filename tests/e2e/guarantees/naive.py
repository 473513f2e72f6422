"""A service, without the ledger's epoch check if a file is there at its start.

`naive.py FILE MODULE ARGS...`.
Without it a server that has lost claims is believed: that is what the epoch is for (docs/ledger.md).
"""

import runpy
import sys
from pathlib import Path

from ledger import rebuild, server

_script_text = server.script_text
#: Whatever the server has is believed, and that it has nothing.
_ALWAYS_READY = """
local epoch, published = string.match(redis.call('GET', 'helio:epoch') or 'none 0 x', '^(%S+) (%d+)')
published = tonumber(published)
"""


def _unchecked(parts: tuple[str, ...]) -> str:
    before, found, after = _script_text(parts).partition(_script_text(("ready",)))
    return before + _ALWAYS_READY + after if found else before


async def _never_rebuilt(*_: object) -> bool:
    return False


def main(file: str, module: str, *arguments: str) -> None:
    if Path(file).exists():
        server.script_text = _unchecked
        rebuild.ensure_epoch = _never_rebuilt  # type: ignore[assignment]  # the broken variant
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
