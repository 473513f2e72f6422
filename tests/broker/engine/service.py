"""The program of a service with hooks and two agents; its argument is JSON, `hang` and `fail` name a hook."""

import asyncio
import json
import logging
import sys
from typing import Any

from streams.engine import Emit, Record, agent, make_app, make_table, run

log = logging.getLogger("service")


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    names: dict[str, Any] = json.loads(sys.argv[1])
    app = make_app(names["app"], names["servers"], commit_seconds=0.3)
    table = make_table(app, "rows", partitions=4)

    def came(hook: str) -> None:
        log.info("service.%s", hook)
        if names.get("fail") == hook:
            raise ValueError(hook)

    async def load() -> None:
        came("load")
        if names.get("hang") == "load":
            await asyncio.Event().wait()

    async def close() -> None:
        came("close")

    def tidy() -> None:
        came("tidy")
        forgotten = table.evict(lambda _, row: row == b"old")
        log.info("service.forgotten %d of %d", forgotten, forgotten + len(table))

    def remember(record: Record, emit: Emit) -> None:
        assert record.key is not None
        assert record.value is not None
        table[record.key] = record.value
        emit(
            names["output"], record.value, record.key, [("from", record.topic.encode())], same_partition=True
        )

    for source in names["sources"]:
        agent(app, source, outputs=[names["output"]], handler=remember)
    run(
        app,
        on_start=[load],
        on_stop=[close],
        every=[(0.1, tidy)],
        ready=lambda: came("ready"),
        ready_seconds=names.get("ready_seconds", 60.0),
    )


if __name__ == "__main__":
    main()
