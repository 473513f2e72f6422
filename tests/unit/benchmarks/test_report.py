"""The benchmark's tables."""

from benchmarks.figures import figure
from benchmarks.report import report
from benchmarks.scenarios import ALL_OF_OURS


def test_processes_are_listed_by_cost_with_the_outside_last_and_the_sum_below() -> None:
    found = {
        "start of everything": {"start s": figure([9.0])},
        "REST": {
            "delivered/s": figure([200.0, 210.0, 190.0]),
            **{f"{group}:{ALL_OF_OURS}": figure([3.0]) for group in ("cpu", "memory")},
            **{
                f"{group}:{name}": figure([value])
                for group in ("cpu", "memory")
                for name, value in {"redis": 1.0, "kafka": 2.0, "simulator": 9.0}.items()
            },
        },
    }
    lines = report({"date": "today"}, found).splitlines()
    assert lines[0] == "date today"
    (start,) = [line for line in lines if line.startswith("| start of")]
    (rest,) = [line for line in lines if line.startswith("| REST")]
    assert [cell.strip() for cell in start.split("|")[1:-1]] == [
        "start of everything",
        "9.00 (9.00-9.00)",
        "",
        "",
    ]
    assert [cell.strip() for cell in rest.split("|")[1:-1]] == [
        "REST",
        "",
        "200 (190-210)",
        "3.00 (3.00-3.00)",
    ]
    cpu = lines[lines.index("CPU, ms for each delivered message:") :]
    order = [line.split("|")[1].strip() for line in cpu[2:8]]
    assert order == ["process", "-" * len(ALL_OF_OURS), "kafka", "redis", "simulator", ALL_OF_OURS]
