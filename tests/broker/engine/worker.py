"""The program of a test worker: an app that counts the records of each key, and passes each record on."""

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from streams.engine import Emit, Record, agent, make_app, make_table, run
from tests.broker.engine import faults, guards
from tests.broker.engine.job import Job, later, step


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    job = Job.from_json(sys.argv[1])
    for guard in job.without:
        guards.REMOVALS[guard]()
    for fault, argument in job.faults.items():
        faults.FAULTS[fault](argument)
    app = make_app(
        job.app,
        job.bootstrap_servers,
        session_seconds=job.session_seconds,
        heartbeat_seconds=job.session_seconds / 20,
        commit_seconds=0.3,
        topic_wait_seconds=job.topic_wait_seconds,
    )
    table = make_table(app, "rows", partitions=job.partitions, keep=later if job.strict_rows else None)

    def handle(record: Record, emit: Emit) -> None:
        assert record.key is not None
        assert record.value is not None
        if record.value == b"raise":
            raise ValueError("more than the handler can bear")
        row = step(table.get(record.key), record.value, record.offset)
        if row is not None:
            table[record.key] = row
        padding = bytes(300_000) if record.value == b"large" else b""
        emit(job.output, b"%d:%d:" % (record.partition, record.offset) + padding, record.key)

    def dump() -> None:
        rows = {key.hex(): row.hex() for key, row in table.items()}
        # Whole or not there: whoever reads it does not wait for anything else.
        written = Path(f"{job.dump}.new")
        written.write_text(json.dumps(rows))
        written.replace(job.dump)

    async def prepare(records: Sequence[Record]) -> None:
        logging.getLogger("worker").info("worker.preparing %d", len(records))
        while Path(job.prepare_gate).exists():  # noqa: ASYNC110, ASYNC240  # the test's process is another
            await asyncio.sleep(0.02)

    agent(
        app,
        job.source,
        outputs=[job.output],
        handler=handle,
        prepare=prepare if job.prepare_gate else None,
        prepare_seconds=job.prepare_seconds,
    )
    run(
        app,
        ready=dump if job.dump else None,
        ready_seconds=job.ready_seconds,
        stall_seconds=job.stall_seconds,
    )


if __name__ == "__main__":
    main()
