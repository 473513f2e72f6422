"""Which texts are words that carriers know, and which only have one in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.keywords import WORDS, answered_by, is_all, keyword
from schemas.provider import Provider
from schemas.public import Keyword

#: Each provider's own list, as its pages have it, and the US regulator's words.
STOPS = {
    "Twilio": ["STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"],
    "Telnyx": ["STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"],
    "47 CFR 64.1200": ["stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"],
}
#: What people put around a word: none of it is a letter or a digit.
AROUND = st.text(st.sampled_from(" \t\n\r.,;:!?…'\"“”()-\u2013_*/\\ \u200b\u2060\ufeff👍🛑"), max_size=8)


@pytest.mark.parametrize("whose", STOPS)
def test_whatever_a_provider_or_the_law_takes_for_stop_is_one(whose: str) -> None:
    assert [keyword(word) for word in STOPS[whose]] == [Keyword.STOP] * len(STOPS[whose])


@pytest.mark.parametrize("word", ["START", "UNSTOP", "YES"])
def test_words_that_bring_back(word: str) -> None:
    assert keyword(word) is Keyword.START


@pytest.mark.parametrize("word", ["HELP", "INFO"])
def test_words_that_ask_for_help(word: str) -> None:
    assert keyword(word) is Keyword.HELP


@pytest.mark.parametrize(
    "text",
    ["", " ", "…", "Stop sending me this", "please stop", "stop it", "don't stop", "stopp", "no", "helpful",
     "starts", "yesterday", "the end", "cancellation", "0", "STOP1", "s" * 70_000, "stop" + " " * 70_000 + "x"],  # noqa: E501 - one list
)  # fmt: skip
def test_a_text_that_only_has_a_word_in_it_is_none(text: str) -> None:
    assert keyword(text) is None
    assert not is_all(text)
    assert not any(answered_by(provider, text) for provider in Provider)


@given(st.sampled_from(sorted(WORDS)), AROUND, AROUND, st.data())
def test_case_blanks_and_marks_do_not_count(word: str, before: str, after: str, data: st.DataObject) -> None:
    written = "".join(data.draw(st.sampled_from((letter, letter.upper()))) for letter in word)
    assert keyword(before + written + after) is WORDS[word]


@given(st.sampled_from(sorted(WORDS)), st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=8))
def test_another_letter_makes_another_word(word: str, more: str) -> None:
    for text in (word + more, more + word, f"{word} {more}"):
        assert keyword(text) in {None, WORDS.get(text.casefold().replace(" ", ""))}


@given(st.text())
def test_any_text_at_all_is_read(text: str) -> None:
    found = keyword(text)
    assert not is_all(text) or found is Keyword.STOP


def test_wide_letters_of_eastern_keyboards_are_letters() -> None:
    assert keyword("\uff33\uff34\uff2f\uff30") is Keyword.STOP


@pytest.mark.parametrize("text", ["STOPALL", "stop all", "Stop-All!"])
def test_stop_all_means_everything(text: str) -> None:
    assert is_all(text)
    assert not is_all("STOP")


def test_who_answers_by_itself() -> None:
    assert answered_by(Provider.TWILIO, "Optout")
    assert answered_by(Provider.TELNYX, "stop all")
    assert not answered_by(Provider.TELNYX, "opt out")
    assert not answered_by(Provider.VONAGE, "STOP")
