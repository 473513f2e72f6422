"""The words by which people opt out, come back and ask for help: what carriers and the three providers know.

A text is one only as a whole (docs/optouts.md); `Stop sending me this` is left to people.
"""

import unicodedata
from typing import Final

from schemas.provider import Provider
from schemas.public import Keyword

#: All that any provider takes for one (docs/providers.md), and the words that the US regulator lists
#: (47 CFR 64.1200(a)(10)). As `_plain` writes them: `STOP ALL` and `opt-out` are here without their gap.
WORDS: Final[dict[str, Keyword]] = {
    **dict.fromkeys(
        ("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"), Keyword.STOP
    ),
    **dict.fromkeys(("start", "unstop", "yes"), Keyword.START),
    **dict.fromkeys(("help", "info"), Keyword.HELP),
}
#: These mean whatever the organization sends, and not only what comes from the number that they went to.
_ALL: Final = frozenset({"stopall"})
#: What each provider answers by itself, unless its account is set up otherwise.
_ANSWERED: Final[dict[Provider, frozenset[str]]] = {
    Provider.TWILIO: frozenset(WORDS),
    Provider.TELNYX: frozenset(
        {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "start", "unstop", "help"}
    ),
    Provider.VONAGE: frozenset(),
}
#: Characters; no word comes near, and a text of thousands need not be looked through.
_LONGEST: Final = 64


def keyword(text: str) -> Keyword | None:
    """What the whole of `text` asks for; case, blanks and all that is no letter or digit do not count."""
    return WORDS.get(_plain(text))


def is_all(text: str) -> bool:
    """Whether it says that it means everything that the organization sends."""
    return _plain(text) in _ALL


def answered_by(provider: Provider, text: str) -> bool:
    """Whether `provider` answers this by itself as a rule: then nobody else should."""
    return _plain(text) in _ANSWERED[provider]


def _plain(text: str) -> str:
    """Only its letters and digits, full-width ones as usual, in lower case."""
    if len(text) > _LONGEST:
        return ""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
