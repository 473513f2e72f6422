"""`helio send --csv`: checked as a whole, no row sent twice, outcomes written down, goes on after trouble."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import Result

from cli.commands import journal, rows
from cli.commands.rows import Defaults, Row
from cli.commands.trouble import Exit, TroubleError

Helio = Callable[..., Result]
DEFAULTS = Defaults(sender="+12125550101", immediate=False, batch="")


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return write(tmp_path / "people.csv", "to,text", *(f"+1202555{n:04},hello {n}" for n in range(40)))


@pytest.fixture
def run(door: Any, helio: Helio) -> Callable[..., tuple[int, dict[str, Any]]]:
    def sent(file: Path, *options: str) -> tuple[int, dict[str, Any]]:
        where = ("--url", door.url, "--api-key", "helio_test", "--from", "+12125550101")
        result = helio("send", "--csv", file, "--json", *where, *options)
        return result.exit_code, json.loads(result.stdout) if result.stdout else {}

    return sent


def results(people: Path) -> list[dict[str, str]]:
    with journal.beside(people).open() as lines:
        return list(csv.DictReader(lines))


def test_every_row_is_accepted_and_on_record(door: Any, people: Path, run: Any) -> None:
    code, told = run(people)
    assert code == Exit.DONE
    assert (told["rows"], told["accepted"], told["not_sent"]) == (40, 40, 0)
    assert len(door.ids) == 40
    assert {row["message_id"] for row in results(people)} == set(door.ids.values())


def test_a_second_run_asks_for_nothing(door: Any, people: Path, run: Any) -> None:
    run(people)
    code, told = run(people)
    assert (code, told["skipped"], told["accepted"]) == (Exit.DONE, 40, 0)
    assert len(door.bodies) == 40


def test_without_its_results_a_second_run_doubles_nothing(door: Any, people: Path, run: Any) -> None:
    """The keys alone hold: the result file only saves the asking."""
    run(people)
    journal.beside(people).unlink()
    assert run(people)[1]["accepted"] == 40
    assert len(door.bodies) == 80
    assert len(door.ids) == 40


def test_a_new_batch_name_sends_it_again(door: Any, people: Path, run: Any) -> None:
    run(people)
    run(people, "--batch", "monday", "--results", str(people.with_name("monday.csv")))
    assert len(door.ids) == 80


def test_refused_rows_are_told_and_tried_again(door: Any, people: Path, run: Any) -> None:
    door.trouble = lambda body: (403, "not yours") if body["to_phone_number"].endswith("7") else None
    code, told = run(people)
    assert code == Exit.NO
    assert (told["accepted"], told["refused"]) == (36, 4)
    assert told["troubles"] == [{"rows": 4, "detail": "not yours"}]
    door.trouble = lambda _body: None
    code, told = run(people)
    assert (code, told["accepted"], told["skipped"]) == (Exit.DONE, 4, 36)


def test_it_stops_when_the_key_is_wrong(door: Any, people: Path, run: Any) -> None:
    code, told = run(people, "--api-key", "other", "--concurrency", "2")
    assert code == Exit.NO
    assert told["not_sent"] == 40
    assert not door.bodies
    assert len(results(people)) < 40, "it went on asking"


def test_it_goes_on_where_a_killed_run_stopped(door: Any, people: Path, run: Any) -> None:
    """A killed run leaves half a line: that row is asked for again, under the same key."""
    run(people)
    path = journal.beside(people)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:11]) + lines[11][:-12])
    code, told = run(people)
    assert (code, told["skipped"], told["accepted"]) == (Exit.DONE, 10, 30)
    assert len(door.ids) == 40


def test_wait_counts_the_endings(people: Path, run: Any) -> None:
    code, told = run(people, "--wait")
    assert (code, told["states"]) == (Exit.DONE, {"delivered": 40})


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("to,txt", "+12025550199,x"), "no column `text`"),
        (("to,text,medai", "+12025550199,x,http://a"), "a column `medai`"),
        (("to,text", "+12025550199,x", ",y"), "line 3: `to` is empty"),
        (("to,text", "+12025550199,x,y"), "line 2: has another number of columns"),
        (("to,text,immediate", "+12025550199,x,perhaps"), "line 2: `immediate`"),
        (("to,text", '+12025550199,"x'), "not a CSV file"),
    ],
)
def test_of_a_wrong_file_nothing_is_sent(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(TroubleError, match=said):
        rows.check(write(tmp_path / "wrong.csv", *lines), DEFAULTS)


def test_what_spreadsheets_write_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "sheet.csv"
    file.write_bytes('\ufeffto,text,media\r\n+12025550199,"two\r\nlines",http://a http://b\r\n'.encode())
    (row,) = rows.read(file, DEFAULTS)
    assert isinstance(row, Row)
    assert row.body["message"] == "two\r\nlines"
    assert row.body["media_urls"] == ["http://a", "http://b"]


def test_no_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TroubleError, match="cannot read"):
        rows.check(tmp_path / "nowhere.csv", DEFAULTS)


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1)
LINES = st.lists(st.tuples(st.sampled_from(["+12025550198", "+12025550199"]), TEXT), max_size=8)


@given(lines=LINES, data=st.data())
def test_keys_follow_content_and_not_place(
    lines: list[tuple[str, str]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Rows moved within a file keep their keys; equal rows have one each."""
    file = tmp_path_factory.mktemp("keys") / "rows.csv"

    def keys(found: list[tuple[str, str]]) -> list[str]:
        with file.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([("to", "text"), *found])
        return [row.key for row in rows.read(file, DEFAULTS) if isinstance(row, Row)]

    first = keys(lines)
    assert len(set(first)) == len(lines)
    assert set(keys(data.draw(st.permutations(lines)))) == set(first)
