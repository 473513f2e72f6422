"""What the benchmark makes of its measurements."""

import pytest

from benchmarks.figures import Figure, figure, figures, percentile, shown, table


def test_a_figure_is_the_median_with_the_extremes() -> None:
    assert figure([3.0, 1.0, 2.0, 90.0]) == Figure(2.5, 1.0, 90.0)
    assert str(figure([1.394, 1.5, 1.42])) == "1.42 (1.39-1.50)"
    with pytest.raises(ValueError, match="no measurements"):
        figure([])


def test_a_process_that_did_not_run_each_time_used_nothing_then() -> None:
    assert figures([{"a": 1.0, "b": 4.0}, {"a": 3.0}]) == {"a": Figure(2, 1, 3), "b": Figure(2, 0, 4)}


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)])
def test_percentiles_are_values_that_were_measured(percent: float, expected: float) -> None:
    assert percentile(reversed(range(1, 101)), percent) == expected


def test_one_measurement_is_every_percentile() -> None:
    assert percentile([7.0], 1) == percentile([7.0], 99) == 7.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.04567, "0.046"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1234"), (0, "0.000")],
)
def test_three_digits_are_shown(value: float, expected: str) -> None:
    assert shown(value) == expected


def test_a_table_is_markdown_with_columns_under_each_other() -> None:
    assert table(["what", "n"], [["a", "1"], ["longer", "200"]]).splitlines() == [
        "| what   |   n |",
        "| ------ | --: |",
        "| a      |   1 |",
        "| longer | 200 |",
    ]
