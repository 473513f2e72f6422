"""What a run prints: what was done to the system, what it was doing then, and what came of the messages."""

from collections.abc import Iterable, Sequence
from statistics import median

from tests.chaos.notes import Note
from tests.chaos.report import report
from tests.chaos.run import Outcome


def tally(outcome: Outcome) -> str:
    """The whole table."""
    nemesis = outcome.nemesis
    return "\n".join(
        [
            *_faults(nemesis.notes),
            "",
            f"kills: {nemesis.kills}, of these {nemesis.kills_at_points} at points",
            f"processes ended: {_ends(outcome)}",
            f"all settled in time: {'yes' if outcome.settled else 'no'}",
            "",
            report(outcome.verdict),
            *([f"STUCK {nemesis.stuck}"] if nemesis.stuck else []),
            *(f"FAULT {name} ended with 1, {many} times" for name, many in outcome.faults.items()),
        ]
    )


def _faults(notes: Sequence[Note]) -> Iterable[str]:
    kinds: dict[str, list[Note]] = {}
    for note in notes:
        kinds.setdefault(note.kind, []).append(note)
    yield f"{'fault':55} {'times':>5} {'missed':>6}   {'in flight':>13}   {'ready after, s':>14}"
    for name, some in sorted(kinds.items()):
        missed = sum(bool(note.missed) for note in some)
        flying = _spread([note.in_flight for note in some])
        ready = _spread([note.ready_after for note in some])
        yield f"{name:55} {len(some):5} {missed or '':>6}   {flying:>13}   {ready:>14}"


def _spread(values: Sequence[float]) -> str:
    """Least, middle and most."""
    return " / ".join(f"{value:.0f}" for value in (min(values), median(values), max(values)))


def _ends(outcome: Outcome) -> str:
    by_code: dict[int, int] = {}
    for (_name, code), many in outcome.ends.items():
        by_code[code] = by_code.get(code, 0) + many
    return ", ".join(f"{many} with {code}" for code, many in sorted(by_code.items())) or "none"
