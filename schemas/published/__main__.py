"""`python -m schemas.published` writes docs/contracts/ anew."""

from pathlib import Path

from schemas.published import files

FOLDER = Path(__file__).parents[2] / "docs" / "contracts"

if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
