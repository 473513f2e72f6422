"""What the project says stands in the project: no file leans on a document that readers do not have."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
#: The notes that the first version was built from; what holds of them is in docs/. Split, for this file too.
NOTES = ("DES" + "IGN").encode()


def test_no_file_cites_notes_that_are_not_here() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone: which files belong to the project is not known")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files = [ROOT / name for name in listed.decode().split("\0") if name]
    assert ROOT / "README.md" in files
    citing = [file for file in files if file.is_file() and NOTES in file.read_bytes()]
    assert [str(file.relative_to(ROOT)) for file in citing] == []
