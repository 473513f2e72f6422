"""The page on metrics says what the services serve, and nothing else is served."""

import re
from importlib import import_module
from pathlib import Path

from deploy.metrics_table import MODULES, PAGE, metrics, name, page

ROOT = Path(__file__).parents[3]


def test_the_catalogue_is_what_the_modules_define() -> None:
    """Made anew by `python -m deploy.metrics_table`."""
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text)


def test_metrics_are_defined_in_the_contracts_alone() -> None:
    """Else something is served that no page tells of."""
    kinds = re.compile(r"from prometheus_client import .*\b(Counter|Gauge|Histogram|Summary|Info)\b")
    packages = (path for module in MODULES for path in (ROOT / module).rglob("*.py"))
    assert [
        str(path) for path in packages if path.name != "metrics.py" and kinds.search(path.read_text())
    ] == []


def test_names_are_ours_and_labels_are_no_ids() -> None:
    for module in MODULES:
        import_module(f"{module}.metrics")
        for metric in metrics(module):
            assert name(metric).startswith("helio_"), name(metric)
            assert not {"message", "message_id", "to", "text", "key"} & set(metric._labelnames), name(metric)
