"""What each provider takes of a text, at its edges."""

import pytest

from schemas.limits import LIMITS, TextTooLong, text_too_long
from schemas.provider import Provider
from schemas.requests import MAX_MEDIA, MAX_TEXT

SMS, MMS = False, True


@pytest.mark.parametrize(
    ("provider", "text", "with_media", "expected"),
    [
        (Provider.TWILIO, "a" * 1600, SMS, None),
        (Provider.TWILIO, "😀" * 1600, SMS, None),
        (Provider.TWILIO, "a" * 1601, SMS, TextTooLong("characters", 1601, 1600)),
        (Provider.TWILIO, "a" * 1601, MMS, TextTooLong("characters", 1601, 1600)),
        (Provider.TELNYX, "a" * 1530, SMS, None),
        (Provider.TELNYX, "a" * 1531, SMS, TextTooLong("segments", 11, 10)),
        (Provider.TELNYX, "ç" * 670, SMS, None),
        (Provider.TELNYX, "ç" * 671, SMS, TextTooLong("segments", 11, 10)),
        # It has no euro in its own GSM alphabet.
        (Provider.TELNYX, "€" + "a" * 669, SMS, None),
        (Provider.TELNYX, "€" + "a" * 670, SMS, TextTooLong("segments", 11, 10)),
        (Provider.TELNYX, "ç" * 1600, MMS, None),
        (Provider.VONAGE, "a" * 3200, SMS, None),
        (Provider.VONAGE, "a" * 3201, SMS, TextTooLong("characters", 3201, 3200)),
        (Provider.VONAGE, "a" * 2000, MMS, None),
        (Provider.VONAGE, "a" * 2001, MMS, TextTooLong("characters", 2001, 2000)),
    ],
)
def test_texts(provider: Provider, text: str, with_media: bool, expected: TextTooLong | None) -> None:
    assert text_too_long(provider, text, with_media=with_media) == expected


def test_what_all_take_is_within_what_somebody_takes() -> None:
    assert all(limits.media is None or limits.media <= MAX_MEDIA for limits in LIMITS.values())
    assert any(limits.text is None or limits.text >= MAX_TEXT for limits in LIMITS.values())
