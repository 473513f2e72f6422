"""Where secrets are found, and what is said when they are not: the place, never the value."""

from pathlib import Path

import pytest

from directory.secrets import SecretMissingError, resolve


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIO_TEST_SECRET", "s3cret")
    assert resolve("env:HELIO_TEST_SECRET") == "s3cret"


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("s3cret", "s3cret"),
        ("s3cret\n", "s3cret"),
        ("s3cret\r\n", "s3cret"),
        ("a\nb\n\n", "a\nb\n"),
        ("ü ", "ü "),
    ],
)
def test_file_without_the_break_that_editors_add(tmp_path: Path, content: str, value: str) -> None:
    (tmp_path / "s").write_text(content, encoding="utf-8", newline="")
    assert resolve(f"file:{tmp_path}/s") == value


def test_relative_files_start_from_the_folder_of_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("s3cret")
    monkeypatch.setenv("HELIO_SECRETS", str(tmp_path))
    assert resolve("file:key") == "s3cret"


def test_missing(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff")
    for ref, advice in {
        "env:HELIO_TEST_NO_SUCH": "set the environment variable",
        f"file:{tmp_path}/none": "No such file",
        f"file:{tmp_path}/empty": "fill",
        f"file:{tmp_path}/binary": "not UTF-8",
        f"file:{tmp_path}": "directory",
    }.items():
        with pytest.raises(SecretMissingError, match=advice) as found:
            resolve(ref)
        assert ref in str(found.value)


@pytest.mark.parametrize("ref", ["", "env:", "plain", "http://x"])
def test_what_is_no_reference(ref: str) -> None:
    with pytest.raises(SecretMissingError, match="no reference"):
        resolve(ref)
