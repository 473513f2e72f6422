"""The one place that turns settings into what aiokafka's clients are told: where, how encrypted, as whom."""

import ssl
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from broker.refusal import RefusedError
from broker.tokens import Tokens
from schemas.settings import KafkaSettings

_PLAIN: Final = "PLAINTEXT"


def options(kafka: KafkaSettings) -> dict[str, Any]:
    """Arguments for every aiokafka client: servers, TLS and login.

    Raises:
        RefusedError: a certificate or key cannot be read.
    """
    found: dict[str, Any] = {"bootstrap_servers": kafka.bootstrap_servers}
    if kafka.security_protocol == _PLAIN:
        return found
    found["security_protocol"] = kafka.security_protocol
    if kafka.tls:
        found["ssl_context"] = _context(kafka)
    if kafka.sasl:
        found["sasl_mechanism"] = kafka.sasl_mechanism
    if kafka.sasl_password is not None:
        found["sasl_plain_username"] = kafka.sasl_username
        found["sasl_plain_password"] = kafka.sasl_password.get_secret_value()
    if kafka.oauth_token_url is not None:
        found["sasl_oauth_token_provider"] = _tokens(kafka)
    return found


@cache
def _tokens(kafka: KafkaSettings) -> Tokens:
    """One for all clients of a process: they share its token."""
    endpoint, client, secret = kafka.oauth_token_url, kafka.oauth_client_id, kafka.oauth_client_secret
    if endpoint is None or client is None or secret is None:
        raise ValueError("the settings see to it that these come together")
    encrypted = endpoint.startswith("https")
    trusted = trust(kafka.oauth_ca_file, "HELIO_KAFKA__OAUTH_CA_FILE") if encrypted else None
    return Tokens(
        endpoint,
        client,
        secret.get_secret_value(),
        scope=kafka.oauth_scope,
        context=trusted,
    )


def _context(kafka: KafkaSettings) -> ssl.SSLContext:
    context = trust(kafka.ssl_ca_file, "HELIO_KAFKA__SSL_CA_FILE")
    if kafka.ssl_certificate_file is not None:
        password = kafka.ssl_key_password
        _identify(context, kafka.ssl_certificate_file, kafka.ssl_key_file, password)
    return context


def trust(authorities: Path | None, variable: str) -> ssl.SSLContext:
    """What checks a server's certificate and name, by the `authorities` of `variable` or this machine's own.

    Raises:
        RefusedError: they cannot be read.
    """
    try:
        return ssl.create_default_context(cafile=authorities)
    except (OSError, ValueError) as error:
        raise RefusedError(f"{variable} ({authorities}) cannot be read as PEM: {error}") from None


def _identify(
    context: ssl.SSLContext, certificate: Path, key: Path | None, password: SecretStr | None
) -> None:
    # With "" for none: OpenSSL would ask at the terminal.
    secret = password.get_secret_value() if password is not None else ""
    try:
        context.load_cert_chain(certificate, key, password=secret)
    except (OSError, ValueError) as error:
        raise RefusedError(
            f"HELIO_KAFKA__SSL_CERTIFICATE_FILE ({certificate}) and HELIO_KAFKA__SSL_KEY_FILE ({key}) cannot "
            f"be read as a PEM certificate and its key: {error}"
        ) from None
