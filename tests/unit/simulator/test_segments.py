"""Parts of a text, at the edges of each alphabet."""

import pytest

from simulator.segments import Segments, segments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments("GSM-7", 1)),
        ("a" * 160, Segments("GSM-7", 1)),
        ("a" * 161, Segments("GSM-7", 2)),
        ("a" * 306, Segments("GSM-7", 2)),
        ("a" * 307, Segments("GSM-7", 3)),
        ("€" * 80, Segments("GSM-7", 1)),
        ("€" * 81, Segments("GSM-7", 2)),
        # An escape and its character are never in two parts: 76 euros fill 152 of 153 septets.
        ("€" * 153, Segments("GSM-7", 3)),
        ("ç" * 70, Segments("UCS-2", 1)),
        ("ç" * 71, Segments("UCS-2", 2)),
        ("😀" * 35, Segments("UCS-2", 1)),
        ("😀" * 36, Segments("UCS-2", 2)),
    ],
)
def test_segments(text: str, expected: Segments) -> None:
    assert segments(text) == expected
