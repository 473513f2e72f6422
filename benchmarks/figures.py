"""What is made of numbers: medians with their spread, percentiles, tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing, measured several times."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        """`1.42 (1.39-1.50)`; three digits, since no more are worth anything here."""
        return f"{shown(self.median)} ({shown(self.least)}-{shown(self.most)})"


def figure(values: Sequence[float]) -> Figure:
    """The median of some measurements, and how far they lie apart.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("no measurements")
    return Figure(median(values), min(values), max(values))


def figures(runs: Sequence[Mapping[str, float]]) -> dict[str, Figure]:
    """A figure for each name of the runs; what one of them lacks counts as 0 there."""
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: figure([run.get(name, 0.0) for run in runs]) for name in names}


def as_json(many: Mapping[str, Figure]) -> dict[str, dict[str, float]]:
    """Figures as plain data."""
    return {name: asdict(one) for name, one in many.items()}


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that `percent` of all are not above (nearest rank).

    Raises:
        ValueError: there are none.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no measurements")
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def shown(value: float) -> str:
    """A number with three digits that count."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown: the first column to the left, the others to the right."""
    cells = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(head))]
    lines = [_line(row, widths) for row in cells]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([lines[0], _line(rule, widths), *lines[1:]])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(row, widths, strict=True)
    return " | ".join([f"| {first[0]:<{first[1]}}", *(f"{cell:>{width}}" for cell, width in rest)]) + " |"
