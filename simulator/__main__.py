"""`python -m simulator --config FILE [--port N]`."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web
from pydantic import ValidationError

from simulator.app import COURIER, build
from simulator.config import Config
from simulator.journal import StateInUseError

_SHUTDOWN_SECONDS = 5.0


def main() -> None:
    """Start, print the URL, and serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="simulator", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="JSON file, see docs/simulator.md")
    parser.add_argument("--port", type=int, help="in place of the configuration's")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        config = Config.model_validate_json(arguments.config.read_bytes())
        if arguments.port is not None:
            config = config.model_copy(update={"port": arguments.port})
        uvloop.run(_serve(config))
    except (OSError, ValidationError, StateInUseError) as error:
        sys.exit(f"simulator: {error}")


async def _serve(config: Config) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    app = build(config)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS, keepalive_timeout=75)
    await runner.setup()
    try:
        await web.TCPSite(runner, config.host, config.port).start()
        host, port = runner.addresses[0][:2]
        print(f"simulator on http://{host}:{port}", flush=True)  # noqa: T201 - the launcher reads it
        await _first(stopped.wait(), app[COURIER].broken())
    finally:
        await runner.cleanup()


async def _first(*events: Coroutine[Any, Any, object]) -> None:
    """Wait for the first of these, and raise what it raised."""
    tasks = [asyncio.create_task(event) for event in events]
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    for task in done:
        task.result()


if __name__ == "__main__":
    main()
