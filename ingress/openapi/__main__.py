"""`python -m ingress.openapi` writes docs/openapi.json anew."""

from pathlib import Path

from ingress.openapi import text

PAGE = Path(__file__).parents[2] / "docs" / "openapi.json"

if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
