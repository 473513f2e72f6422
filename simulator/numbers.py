"""Numbers: each provider's form of them, and the one form of the handset log."""

import re
from typing import Final

E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
"""A full number with its plus, as Twilio and Telnyx write it."""
BARE: Final = re.compile(r"[1-9][0-9]{6,14}")
"""The same without the plus, as Vonage writes it."""
SHORT_CODE: Final = re.compile(r"[0-9]{3,6}")
ALPHANUMERIC: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 +&._-]{1,11}")
"""A sender's name instead of a number: at most eleven characters, at least one letter."""


def is_sender(value: str) -> bool:
    """Whether Twilio and Telnyx would take `value` as a sender."""
    return any(form.fullmatch(value) for form in (E164, SHORT_CODE, ALPHANUMERIC))


def plus(value: str) -> str:
    """`value` in +E.164; a short code or a name stays as it is."""
    return f"+{value}" if BARE.fullmatch(value) else value
