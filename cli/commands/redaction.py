"""The doctor's look at redaction: whether a redacted text can be found by trying."""

from collections.abc import Iterator

from cli.commands.findings import Finding
from directory.snapshot import Directory
from schemas.directory import Organization
from schemas.settings import MessageSettings


def of_redaction(directory: Directory, messages: MessageSettings) -> Iterator[Finding]:
    """Whether a secret of ours stands before the texts that organizations redact.

    Who knows the secret finds a short text by what status records tell of it.
    """
    entities = [one for one in directory.entities() if isinstance(one, Organization) and one.redact]
    default = MessageSettings.model_fields["fingerprint_secrets"].default
    if entities and set(default) & set(messages.fingerprint_secrets):
        names = ", ".join(sorted(one.id for one in entities))
        yield Finding(
            check="settings",
            said=f"texts of {names} are redacted, and their seals use the published default secret",
            todo="set HELIO_MESSAGES__FINGERPRINT_SECRETS to a JSON list with a random secret",
        )
