"""Settings that cannot be read: one sentence that names the variable, and never what stands in it."""

from pathlib import Path

import pytest

from schemas.environment import MissetError, settings

LIST = """write a list as JSON: '["one", "two"]'"""


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HELIO_SUBSCRIPTIONS__SECRETS", "hush", LIST),
        ("HELIO_CALLBACKS__SECRETS", '["hush"', LIST),
        ("helio_messages__fingerprint_secrets", "hush", LIST),
        ("HELIO_CALLBACKS__SECRETS", '{"hush": 1}', LIST),
        ("HELIO_CALLBACKS__SECRETS", "[17]", LIST),
        ("HELIO_CALLBACKS", "hush", "write it as JSON, or set each of its fields"),
        ("HELIO_NOTIFIERS__PORT", "hush", "a valid integer"),
        ("HELIO_LOG_LEVEL", "hush", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("HELIO_NOTIFIERS__MAX_PER_ENDPOINT", "100000", "max_per_endpoint must be at most max_in_flight"),
    ],
)
def test_the_sentence_names_the_variable(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELIO_SUBSCRIPTIONS__SECRETS", '["one"]')
    monkeypatch.setenv(name, value)
    with pytest.raises(MissetError) as raised:
        settings()
    group = name.upper().partition("__")[0]
    assert str(raised.value).startswith(group if "max_" in said else f"{name.upper()} is wrong: ")
    assert said in str(raised.value)
    assert "hush" not in str(raised.value)
    assert raised.value.__suppress_context__, "tracebacks would quote it"


def test_so_for_what_stands_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "HELIO_CALLBACKS__SECRETS").write_text("hush")
    monkeypatch.setenv("HELIO_SECRETS", str(tmp_path))
    with pytest.raises(MissetError, match=r"^HELIO_CALLBACKS__SECRETS is wrong: write a list"):
        settings()


def test_what_is_well_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIO_SUBSCRIPTIONS__SECRETS", '["one", "two"]')
    assert settings().subscriptions.secrets == ("one", "two")
