"""The doctor on redaction: a secret that everybody knows hides nothing."""

from cli.commands.redaction import of_redaction
from schemas.settings import MessageSettings
from tests.fakes import world

REDACTING = world.directory(world.of("acme", "defaults: {redact: true}"))


def test_the_published_secret_is_found_where_somebody_redacts() -> None:
    (found,) = of_redaction(REDACTING, MessageSettings())
    assert not found.ok
    assert "acme" in found.said
    assert "HELIO_MESSAGES__FINGERPRINT_SECRETS" in found.todo


def test_also_where_it_is_only_one_of_them() -> None:
    assert list(of_redaction(REDACTING, MessageSettings(fingerprint_secrets=("own", "development-only"))))


def test_all_is_well_with_a_secret_of_ones_own_and_where_nobody_redacts() -> None:
    assert list(of_redaction(REDACTING, MessageSettings(fingerprint_secrets=("own",)))) == []
    assert list(of_redaction(world.directory(), MessageSettings())) == []
