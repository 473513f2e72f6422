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

from simulator.app import COURIER, build
from simulator.config import Config
from simulator.journal import StateInUseError

_SHUTDOWN_SECONDS = 5.0

#: Connections that wait to be taken: a busy provider makes clients wait, it does not turn them away.
BACKLOG = 1024


def main() -> None:
    """Start, print the URL, and serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="simulator", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="JSON file, see docs/simulator.md")
    parser.add_argument("--port", type=int, help="in place of the configuration's")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        config = _config(arguments.config, arguments.port)
    except (OSError, ValueError) as error:
        sys.exit(f"simulator: {arguments.config}: {error}")
    try:
        uvloop.run(_serve(config))
    except (OSError, StateInUseError) as error:
        sys.exit(f"simulator: {error}")


def _config(file: Path, port: int | None) -> Config:
    """The configuration, with the port of the command line in place of its own.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not JSON, or not a configuration.
    """
    config = Config.model_validate_json(file.read_bytes())
    return config if port is None else Config.model_validate({**dict(config), "port": port})


async def _serve(config: Config) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    app = build(config)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS, keepalive_timeout=75)
    await runner.setup()
    try:
        await web.TCPSite(runner, config.host, config.port, backlog=BACKLOG).start()
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
