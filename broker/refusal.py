"""Why a cluster does not let us in, or to what: in a sentence that says what to do.

aiokafka keeps no reason: what a broker refused ends as "unable to bootstrap", or is tried again for ever. So
who cannot connect knocks once more, and looks at the answer.
"""

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Final

from aiokafka.conn import create_conn
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

#: How long a broker may take to answer who knocks.
_ANSWER_SECONDS: Final = 3.0
_RIGHTS: Final[Mapping[type[KafkaError], str]] = {
    TopicAuthorizationFailedError: "topic",
    GroupAuthorizationFailedError: "consumer group",
    TransactionalIdAuthorizationFailed: "transactional id",
    ClusterAuthorizationFailedError: "cluster",
}
_PROTOCOL: Final = "HELIO_KAFKA__SECURITY_PROTOCOL"


class RefusedError(KafkaError):  # type: ignore[misc]  # untyped upstream
    """The cluster does not take who we say we are, or we cannot say it. The message says what to do."""


def denied(error: object) -> str | None:
    """The sentence for a right that we lack; None: `error` is about something else."""
    while isinstance(error, BaseException):
        for kind, what in _RIGHTS.items():
            if isinstance(error, kind):
                named = " ".join([what, ", ".join(sorted(_names(error.args)))]).strip()
                return f"we lack a right on {named}: give our principal its service's rights (deploy/acls.md)"
        error = error.__cause__
    return None


def _names(args: tuple[Any, ...]) -> Iterator[str]:
    """Names of what is denied: aiokafka tells them one by one, in collections, or as partitions."""
    for arg in args:
        if isinstance(arg, (set, frozenset, list)):
            yield from _names(tuple(arg))
        else:
            yield str(getattr(arg, "topic", arg))


async def refusal(servers: list[tuple[str, int]], options: Mapping[str, Any]) -> str | None:
    """Why one of these brokers does not take a new connection; None: they take it, or nobody answers.

    Args:
        servers: host and port of each.
        options: what `aiokafka.conn.create_conn` is told beside these.
    """
    answers = await asyncio.gather(*(_knock(host, port, options) for host, port in servers))
    return next((why for why in answers if why is not None), None)


async def _knock(host: str, port: int, options: Mapping[str, Any]) -> str | None:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            connection = await create_conn(host, port, **options)
            try:
                await connection.send(MetadataRequest([]))
            finally:
                connection.close()
    except (OSError, KafkaError, TimeoutError) as error:
        said = _meaning(error, options) or await _looked_at(error, host, port, options)
        return said and f"{host}:{port} {said}"
    return None


def _meaning(error: BaseException, options: Mapping[str, Any]) -> str | None:
    """What the error says by itself, of the broker."""
    mechanism = options.get("sasl_mechanism")
    said = None
    for one in _causes(error):
        match one:
            case RefusedError():
                said = f"is not asked: {one}"
            case SaslAuthenticationFailed():
                said = (
                    "does not take user or password: correct HELIO_KAFKA__SASL_USERNAME and "
                    f"HELIO_KAFKA__SASL_PASSWORD ({one})"
                )
            case UnsupportedSaslMechanismError():
                said = f"does not offer {mechanism}: set HELIO_KAFKA__SASL_MECHANISM to one that it offers"
            case IllegalSaslStateError():
                said = (
                    f"wants no login on this port: set {_PROTOCOL} to SSL or PLAINTEXT, or use its SASL port"
                )
            case ssl.SSLCertVerificationError():
                said = (
                    f"shows a certificate that is not trusted ({one.verify_message.rstrip('.')}): "
                    "HELIO_KAFKA__SSL_CA_FILE must hold the authority that signed it, and "
                    "HELIO_KAFKA__BOOTSTRAP_SERVERS must name brokers as their certificates do"
                )
            case ssl.SSLError() if "ALERT" in (one.reason or ""):
                said = (
                    f"does not take our certificate ({one.reason}): correct "
                    "HELIO_KAFKA__SSL_CERTIFICATE_FILE and HELIO_KAFKA__SSL_KEY_FILE"
                )
        if said is not None:
            break
    return said


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


async def _looked_at(error: BaseException, host: str, port: int, options: Mapping[str, Any]) -> str | None:
    """What a broker means that just closes the connection."""
    if not isinstance(error, (KafkaConnectionError, ConnectionResetError, ssl.SSLError)):
        return None  # nobody is there, or nobody answers
    encrypted, login = options["ssl_context"] is not None, options.get("sasl_mechanism")
    speaks_tls = await _speaks_tls(host, port)
    if encrypted and speaks_tls is False:
        return (
            f"speaks no TLS on this port: set {_PROTOCOL} to PLAINTEXT or SASL_PLAINTEXT, or use its TLS port"
        )
    if not encrypted and speaks_tls:
        return f"speaks TLS on this port: set {_PROTOCOL} to SSL or SASL_SSL"
    if isinstance(error, KafkaConnectionError) and login == "OAUTHBEARER":
        return (
            "does not take our token: its scope, audience or issuer is not what the broker expects, or its "
            "clock says that it has expired"
        )
    if isinstance(error, KafkaConnectionError) and not options["security_protocol"].startswith("SASL_"):
        return f"closes the connection of who does not log in: set {_PROTOCOL} to SASL_SSL or SASL_PLAINTEXT"
    return None


async def _speaks_tls(host: str, port: int) -> bool | None:
    """Whether it answers a TLS greeting; None: it does not let us ask. Nothing is told to it."""
    anyone = ssl.create_default_context()
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=anyone)
    except (ssl.SSLError, ConnectionResetError) as error:
        return "ALERT" in (getattr(error, "reason", None) or "")
    except (OSError, TimeoutError):
        return None
    writer.close()
    return True
