"""A run's result as people read it, and as docs/guarantees.md keeps it."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from tests.chaos.cases import Finding, Kind
from tests.chaos.checker import Verdict

_SHOWN: Final = 20


def report(verdict: Verdict, faults: Sequence[tuple[str, int]] = ()) -> str:
    """The printed table.

    Args:
        verdict: of the checker.
        faults: what was done to the system, in order, each with how many messages were in flight then.
    """
    how = Counter(how for _, how in verdict.unknown)
    rows = [
        ("messages", f"{verdict.messages}, handed in {verdict.hand_ins} times"),
        ("taken", f"{verdict.taken}, and {verdict.doubtful} without a sure answer"),
        ("ended", _counts(verdict.ended)),
        ("texts", f"{verdict.texts} on handsets"),
        ("unknown", f"{len(verdict.unknown)}; settled: {_counts(how)}"),
        (
            "",
            f"on the handset all the same: {verdict.held_arrived} held, {verdict.believed_arrived} given up",
        ),
        ("sent again", f"{verdict.resent} by policy; {verdict.resent_arrived} of them came once more"),
        *_faults(faults),
        *((kind, str(len(verdict.of(kind)))) for kind in Kind),
    ]
    lines = [f"{name:11}{what}" for name, what in rows]
    return "\n".join([*lines, *(line for kind in Kind for line in _findings(verdict.of(kind)))])


def _faults(faults: Sequence[tuple[str, int]]) -> list[tuple[str, str]]:
    if not faults:
        return []
    kinds = Counter(what for what, _ in faults)
    flying = sorted(count for _, count in faults)
    spread = f"{flying[0]} to {flying[-1]}, {flying[len(flying) // 2]} in the middle"
    return [
        ("faults", f"{len(faults)}; in flight at each: {spread}; with nothing in flight: {flying.count(0)}"),
        *(("", f"{many:5} {kind}") for kind, many in kinds.most_common()),
    ]


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {many}" for name, many in counts.most_common()) or "none"


def _findings(findings: Sequence[Finding]) -> list[str]:
    lines = [f"{finding.kind.upper()} {finding}" for finding in findings[:_SHOWN]]
    return lines if len(findings) <= _SHOWN else [*lines, f"... and {len(findings) - _SHOWN} more"]
