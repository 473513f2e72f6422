"""The documentation says what is so: links lead somewhere, tables and examples are those of the code."""

import re
from pathlib import Path

import pytest

from cli import settings_table
from cli.__main__ import app
from cli.commands.trouble import Exit
from directory.file import parse
from schemas import exits, topics
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.status import MOVES, State

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    missing = [to for to in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / to).exists()]
    assert not missing


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    missing = [page.name for page in (ROOT / "docs").glob("*.md") if f"({page.name})" not in index]
    assert missing == ["README.md"]


def test_the_settings_are_those_of_the_code() -> None:
    """Write them anew with `python -m cli.settings_table`."""
    text = settings_table.PAGE.read_text(encoding="utf-8")
    assert settings_table.page(text) == text
    assert "| `HELIO_DISPATCH__WINDOW` | `10000` | Tasks at hand for each partition" in text


def test_the_directory_of_going_live_can_be_applied() -> None:
    (example,) = blocks(ROOT / "docs" / "going-live.md", "yaml")
    secret = "env:ACME_API_KEY"
    assert secret in example, "the key that `apply` would resolve"
    found = parse(example.replace(secret, "0" * 64), source="going-live", variables={})
    providers = {e.credentials.provider for e in found.entities.values() if e.kind == "account"}
    assert providers == set(Provider)


#: Legal, and seen by nobody: a record of `queued` goes first, and what was cancelled is never handed over.
UNSEEN = {(None, State.CANCELLED), *((State.CANCELLED, after) for after in MOVES[State.CANCELLED])}


def test_the_picture_of_states_shows_every_move_that_can_happen_and_no_other() -> None:
    (picture,) = blocks(ROOT / "docs" / "architecture.md", "mermaid")
    arrows = re.findall(r"^ +(\S+) --> (\S+?)(?::.*)?$", picture, re.MULTILINE)
    assert len(arrows) == len(set(arrows))
    shown = {(None if a == "[*]" else State(a), State(b)) for a, b in arrows if b != "[*]"}
    legal = {(before, after) for before, many in MOVES.items() for after in many}
    assert legal >= UNSEEN
    assert shown == legal - UNSEEN
    assert {state for move in shown for state in move if state is not None} == set(State)
    ends = {State(a) for a, b in arrows if b == "[*]"}
    assert ends == {state for state in State if not any(before is state for before, _ in shown)}


METRIC = re.compile(r"\bhelio_[a-z_]+\b")


def test_every_metric_is_told_and_none_that_there_is_not() -> None:
    tables = {page: set(METRIC.findall(page.read_text(encoding="utf-8"))) for page in PAGES}
    told = set().union(*tables.values())
    made = {
        name
        for file in ROOT.glob("[!.]*/**/*.py")
        if file.relative_to(ROOT).parts[0] not in {"tests", "benchmarks"}
        for name in re.findall(r'(?:Counter|Gauge|Histogram)\(\s*"(\w+)"', file.read_text(encoding="utf-8"))
    }
    assert all(METRIC.fullmatch(name) for name in made)
    assert len(made) > 20
    # What a histogram is asked by.
    parts = {f"{name}{part}" for name in made for part in ("_bucket", "_sum", "_count")}
    assert told - parts == made


def expanded(name: str) -> list[str]:
    """`a.{b,c}.d` as a shell reads it."""
    before, brace, rest = name.partition("{")
    inner, _, after = rest.partition("}")
    return [f"{before}{one}{after}" for one in inner.split(",")] if brace else [name]


def test_every_topic_is_told() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    told = {one for name in re.findall(r"`([^`\n]+)`", page) for one in expanded(name)}
    told |= {topics.dispatch(provider, lane) for provider in Provider for lane in Lane}
    assert "sms.dispatch.<provider>.<lane>.v1" in told
    assert {topic.name for topic in topics.catalogue()} - told == set()


def test_exit_codes_of_services_are_told() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (\d+) \| `(\w+)` \| (.*) \|$", page, re.MULTILINE)
    assert told == [(str(one.value), one.name, one.meaning) for one in exits.Exit]


def test_exit_codes_of_the_command_line_are_told() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert [code for code in Exit if f"| {code.value} |" not in page] == []


def test_every_command_is_told() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^\| command \| does \|\n(.*?)\n\n", page, re.MULTILINE | re.DOTALL)
    told = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    commands = {command.name for command in app.registered_commands}
    assert told == commands | {group.name for group in app.registered_groups}


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert pages
    wanted = []
    for page in pages:
        number, title = page.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ").split(". ", 1)
        wanted.append(f"- {number}: [{title}](decisions/{page.name})")
    assert [line for line in wanted if line not in index] == []
