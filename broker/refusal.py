"""Why a cluster does not let us in, or to what: in a sentence that says what to do.

aiokafka keeps no reason: what a broker refused ends as "unable to bootstrap", or is tried again for ever. So
who cannot connect knocks once more, and looks at the answer.
"""

import asyncio
import contextlib
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
_OAUTH: Final = "OAUTHBEARER"
_NOT_TAKEN: Final = (
    "does not take our token: its scope, audience or issuer is not what the broker expects, or the broker's "
    "clock says that it has expired"
)


class RefusedError(KafkaError):  # type: ignore[misc]  # untyped upstream
    """The cluster does not take who we say we are, or we cannot say it. The message says what to do."""

    def __str__(self) -> str:
        """The message alone: aiokafka's errors begin with their names."""
        return " ".join(map(str, self.args))


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
                known = await connection.send(MetadataRequest([]))
            finally:
                await connection.close()
    except (OSError, KafkaError, TimeoutError) as error:
        said = _meaning(error, options) or await _looked_at(error, host, port, options)
        return said and f"{host}:{port} {said}"
    # aiokafka takes the refusal of a token for a welcome, and what comes then for an empty cluster.
    return None if known.brokers or options["sasl_mechanism"] != _OAUTH else f"{host}:{port} {_NOT_TAKEN}"


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
    if isinstance(error, KafkaConnectionError) and login == _OAUTH:
        return _NOT_TAKEN
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
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_ANSWER_SECONDS):
            await writer.wait_closed()
    return True
