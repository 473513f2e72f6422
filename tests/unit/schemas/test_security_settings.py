"""Settings of TLS and logins: what belongs together comes together, and secrets are shown nowhere."""

import traceback
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsError

from schemas.settings import KafkaSettings, RedisSettings, Settings

SCRAM = {
    "security_protocol": "SASL_SSL",
    "sasl_mechanism": "SCRAM-SHA-512",
    "sasl_username": "webhooks",
    "sasl_password": "hush",
}
TOKEN = {
    "security_protocol": "SASL_SSL",
    "sasl_mechanism": "OAUTHBEARER",
    "oauth_token_url": "https://login.example.com/token",
    "oauth_client_id": "webhooks",
    "oauth_client_secret": "hush",
}
MUTUAL = {"security_protocol": "SSL", "ssl_certificate_file": "a.crt", "ssl_key_file": "a.key"}


def without(whole: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in whole.items() if key != name}


@pytest.mark.parametrize("whole", [SCRAM, TOKEN, MUTUAL])
def test_what_belongs_together_is_taken(whole: dict[str, str]) -> None:
    KafkaSettings.model_validate(whole)


@pytest.mark.parametrize(
    ("whole", "name"),
    [(whole, name) for whole in (SCRAM, TOKEN, MUTUAL) for name in whole if name != "security_protocol"],
)
def test_what_is_missing_is_named(whole: dict[str, str], name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        KafkaSettings.model_validate(without(whole, name))
    assert name in str(refused.value)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("whole", [SCRAM, TOKEN, MUTUAL])
def test_what_nobody_would_use_is_refused(whole: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="is used with security_protocol"):
        KafkaSettings.model_validate(without(whole, "security_protocol"))


@pytest.mark.parametrize("url", ["http://login.example.com/token", "ftp://127.0.0.1/", "login.example.com"])
def test_a_clients_secret_goes_over_no_plain_connection(url: str) -> None:
    with pytest.raises(ValidationError, match="must be https"):
        KafkaSettings.model_validate({**TOKEN, "oauth_token_url": url})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"ssl_ca_file": "ca.pem"}, "rediss://"),
        ({"url": "rediss://x", "ssl_key_file": "a.key"}, "HELIO_REDIS__SSL_CERTIFICATE_FILE"),
        ({"url": "rediss://x", "ssl_certificate_file": "a.crt"}, "HELIO_REDIS__SSL_KEY_FILE"),
    ],
)
def test_redis_has_the_same_rules(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        RedisSettings.model_validate(wrong)


def test_no_secret_shows_in_the_text_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**SCRAM, "ssl_ca_file": "ca.pem"}.items():
        monkeypatch.setenv(f"HELIO_KAFKA__{name.upper()}", value)
    monkeypatch.setenv("HELIO_REDIS__URL", "rediss://helio:hush@redis:6379/0")
    monkeypatch.setenv("HELIO_CALLBACKS__SECRETS", '["hush"]')
    monkeypatch.setenv("HELIO_SUBSCRIPTIONS__SECRETS", '["hush"]')
    settings = Settings()
    assert settings.kafka.sasl_password is not None
    assert settings.kafka.sasl_password.get_secret_value() == "hush"
    assert "hush" not in f"{settings!r} {settings}"


def _hidden() -> dict[str, Any]:
    """Variables of all settings that are shown nowhere, with a marker in each."""
    found: dict[str, Any] = {}
    for group, field in Settings.model_fields.items():
        own = field.annotation
        for name, one in getattr(own, "model_fields", {}).items():
            if not one.repr or "SecretStr" in str(one.annotation):
                variable = f"HELIO_{group}__{name}".upper()
                found[variable] = '["MARKED"]' if "tuple" in str(one.annotation) else "MARKED"
    return found


def test_what_is_called_a_secret_is_hidden() -> None:
    called = {
        f"HELIO_{group}__{name}".upper()
        for group, field in Settings.model_fields.items()
        for name in getattr(field.annotation, "model_fields", {})
        if "secret" in name or "password" in name
    }
    assert called <= set(_hidden())
    assert {"HELIO_MESSAGES__FINGERPRINT_SECRETS", "HELIO_REDIS__URL"} <= set(_hidden())


def test_no_hidden_setting_shows_in_text_or_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = {**_hidden(), "HELIO_REDIS__URL": "rediss://helio:MARKED@redis:6379/0"}
    by = {**SCRAM, "ssl_certificate_file": "a.crt", "ssl_key_file": "a.key"}
    for name in (name for name in hidden if "OAUTH" not in name):
        monkeypatch.setenv(name, hidden[name])
    for name in (
        "security_protocol",
        "sasl_mechanism",
        "sasl_username",
        "ssl_certificate_file",
        "ssl_key_file",
    ):
        monkeypatch.setenv(f"HELIO_KAFKA__{name.upper()}", by[name])
    settings = Settings()
    assert settings.messages.fingerprint_secrets == ("MARKED",)
    assert "MARKED" not in f"{settings!r} {settings} {settings.messages} {settings.redis}"


@pytest.mark.parametrize("name", _hidden())
def test_no_complaint_quotes_a_hidden_setting(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A value that is none, and a good one beside others that contradict each other."""
    for value in ('{"MARKED": 1}', '["MARKED", {}]', "MARKED"):
        monkeypatch.setenv(name, value)
        monkeypatch.setenv("HELIO_KAFKA__STALL_SECONDS", "1")
        monkeypatch.setenv("HELIO_REDIS__SSL_CA_FILE", "ca.pem")
        with pytest.raises((ValidationError, SettingsError)) as refused:
            Settings()
        assert "MARKED" not in "".join(traceback.format_exception(refused.value))


def test_a_file_named_like_the_variable_is_the_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Lists, URLs and single secrets alike; a line break at the end is the editor's."""
    (tmp_path / "HELIO_KAFKA__SASL_PASSWORD").write_text("hush\n")
    (tmp_path / "HELIO_CALLBACKS__SECRETS").write_text('["new", "old"]')
    (tmp_path / "HELIO_REDIS__URL").write_text("redis://:hush@redis:6379/0")
    other = tmp_path / "vonage_private_key"
    other.write_bytes(b"\xff\xfe")  # of somebody else, and no text
    monkeypatch.setenv("HELIO_SECRETS", str(tmp_path))
    monkeypatch.setenv("HELIO_REDIS__URL", "redis://elsewhere:6379/0")
    for name, value in without(SCRAM, "sasl_password").items():
        monkeypatch.setenv(f"HELIO_KAFKA__{name.upper()}", value)
    settings = Settings()
    assert settings.kafka.sasl_password is not None
    assert settings.kafka.sasl_password.get_secret_value() == "hush"
    assert settings.callbacks.secrets == ("new", "old")
    assert settings.redis.url == "redis://elsewhere:6379/0", "the environment wins"
