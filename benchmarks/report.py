"""The results as tables in Markdown, as docs/performance.md shows them."""

from collections.abc import Iterable, Mapping

from benchmarks.figures import Figure, table
from benchmarks.scenarios import ALL_OF_OURS, OUTSIDE

_GROUPS = ("cpu:", "memory:")


def report(about: Mapping[str, str], found: Mapping[str, Mapping[str, Figure]]) -> str:
    """All tables: the scenarios, then CPU and memory by process. Each figure: median (least-most)."""
    parts = [
        ", ".join(f"{name} {value}" for name, value in about.items()),
        _scenarios(found),
        "CPU, ms for each delivered message:",
        _processes(found, "cpu:"),
        "Memory, MiB resident at the end of the scenario:",
        _processes(found, "memory:"),
    ]
    return "\n\n".join(parts)


def _scenarios(found: Mapping[str, Mapping[str, Figure]]) -> str:
    names = _distinct(n for many in found.values() for n in many if not n.startswith(_GROUPS))
    names.append(total := f"cpu:{ALL_OF_OURS}")
    head = ["scenario", *(name if name != total else "CPU ms/message" for name in names)]
    return table(head, [[title, *_cells(many, names)] for title, many in found.items()])


def _processes(found: Mapping[str, Mapping[str, Figure]], group: str) -> str:
    titles = [title for title, many in found.items() if any(name.startswith(group) for name in many)]
    names = _distinct(n.removeprefix(group) for title in titles for n in found[title] if n.startswith(group))
    # The platform's, the largest first; then what is not its own.
    order = sorted(names, key=lambda name: (name in OUTSIDE, -found[titles[0]][group + name].median))
    rows = [
        [name, *(_cells(found[title], [group + name])[0] for title in titles)]
        for name in order
        if name != ALL_OF_OURS
    ]
    total = [ALL_OF_OURS, *(_cells(found[title], [group + ALL_OF_OURS])[0] for title in titles)]
    return table(["process", *titles], [*rows, total])


def _cells(many: Mapping[str, Figure], names: Iterable[str]) -> list[str]:
    return [str(many[name]) if name in many else "" for name in names]


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
