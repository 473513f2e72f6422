"""The catalogue in docs/metrics.md, made from the services' `metrics` modules.

`python -m deploy.metrics_table` writes it; a test holds the page to it.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

from prometheus_client.metrics import MetricWrapperBase

from cli.settings_table import made_anew

PAGE: Final = Path(__file__).parent.parent / "docs" / "metrics.md"
MODULES: Final = (
    "ingress",
    "webhooks",
    "streams",
    "dispatchers",
    "notifiers",
    "ledger",
    "directory",
    "broker",
)
_BEGIN: Final = "<!-- metrics: made by `python -m deploy.metrics_table` -->\n"
_END: Final = "<!-- end of metrics -->\n"


def main() -> None:
    """Write the tables into the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def page(text: str) -> str:
    """`text` with the tables between their markers made anew."""
    return made_anew(text, _BEGIN, "".join(map(_table, MODULES)), _END)


def metrics(module: str) -> Iterator[MetricWrapperBase]:
    """All that the package's contract names, in its order."""
    for one in vars(import_module(f"{module}.metrics")).values():
        if isinstance(one, MetricWrapperBase):
            yield one


def name(metric: MetricWrapperBase) -> str:
    """As dashboards call it: a histogram's without its suffixes."""
    name: str = metric._name
    return name + ("_total" if metric._type == "counter" else "")


def _table(module: str) -> str:
    rows = "".join(
        f"| `{name(one)}` | {one._type} | {', '.join(f'`{label}`' for label in one._labelnames)} "
        f"| {one._documentation} |\n"
        for one in metrics(module)
    )
    return f"### {module.capitalize()}\n\n| name | kind | labels | meaning |\n|---|---|---|---|\n{rows}\n"


if __name__ == "__main__":
    main()
