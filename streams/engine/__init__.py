"""A hardened Faust: its partitions, tables and rebalances, without its ways to lose a record.

A service is a plain synchronous function of a record. It writes tables and emits records; the engine
acknowledges its records in order, after the broker has confirmed everything that they produced, and ends
the process at once where going on could be wrong (`Exit`). Why each part is there:
`docs/decisions/0002-faust-engine.md`.

    app = make_app("helio-fold", "127.0.0.1:9092")
    rows = make_table(app, "rows", partitions=4)

    def fold(record: Record, emit: Emit) -> None:
        row = step(rows.get(record.key), record.value)
        rows[record.key] = row
        emit("sms.status.v1", row, record.key, same_partition=True)

    agent(app, "sms.events.v1", outputs=["sms.status.v1"], handler=fold)
    run(app)

Sources are topics that nobody compacts and nobody writes in transactions: the engine takes a hole in their
offsets for a loss. All topics exist before the process starts, sources and changelogs with equal partition
counts.
"""

from streams.engine import versions as versions  # refuses unknown versions of what comes below

# isort: split
from streams.engine.agent import Emit, Handler, Prepare, agent
from streams.engine.app import App, make_app
from streams.engine.batch import Record
from streams.engine.exits import Exit
from streams.engine.process import run
from streams.engine.table import Keep, Table, make_table

__all__ = [
    "App",
    "Emit",
    "Exit",
    "Handler",
    "Keep",
    "Prepare",
    "Record",
    "Table",
    "agent",
    "make_app",
    "make_table",
    "run",
]
