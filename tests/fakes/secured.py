"""A broker that lets nobody in unasked: TLS, every mechanism that clients of ours know, and an authorizer.

Its plain listener is its own, and the test's: who comes there may do everything, and makes users and rights.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from cli.local.kafka import QUICK_JVM, Kafka
from cli.local.ports import HOST, choose
from schemas.settings import KafkaSettings
from tests.fakes.authorities import Authority

_LOGIN = "org.apache.kafka.common.security"
#: Kafka's own check of tokens for development: it reads them, and does not ask who signed them.
_UNSIGNED = f"{_LOGIN}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
ADMIN_SECONDS = 30


@dataclass(frozen=True)
class Secured:
    """Where it is, by listener; and its authority."""

    broker: Kafka
    authority: Authority
    #: Plain, for the test itself.
    plain: str
    #: TLS with a login by any of `MECHANISMS`.
    login: str
    #: TLS with a client's certificate.
    mutual: str
    #: A login without TLS.
    open: str

    def scram(self, user: str, password: str, mechanism: str = "SCRAM-SHA-512") -> KafkaSettings:
        """As `user`, over TLS."""
        return KafkaSettings.model_validate(
            {
                "bootstrap_servers": self.login,
                "security_protocol": "SASL_SSL",
                "ssl_ca_file": self.authority.certificate,
                "sasl_mechanism": mechanism,
                "sasl_username": user,
                "sasl_password": password,
            }
        )

    def add_users(self, passwords: Mapping[str, str]) -> None:
        """Make SCRAM users."""
        admin = self._admin()  # it must outlive its answers
        for kind in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            changes = [
                UserScramCredentialUpsertion(user, ScramCredentialInfo(kind, 4096), password.encode())
                for user, password in passwords.items()
            ]
            for done in admin.alter_user_scram_credentials(changes).values():
                done.result(ADMIN_SECONDS)

    def grant(self, rights: Iterable[AclBinding]) -> None:
        """Give rights."""
        admin = self._admin()
        for done in admin.create_acls(list(rights), request_timeout=ADMIN_SECONDS).values():
            done.result(ADMIN_SECONDS)

    def withdraw(self, rights: Collection[AclBinding]) -> None:
        """Take rights away."""
        from confluent_kafka.admin import AclBindingFilter

        filters = [
            AclBindingFilter(
                one.restype,
                one.name,
                one.resource_pattern_type,
                one.principal,
                one.host,
                one.operation,
                one.permission_type,
            )
            for one in rights
        ]
        admin = self._admin()
        for done in admin.delete_acls(filters, request_timeout=ADMIN_SECONDS).values():
            assert len(done.result(ADMIN_SECONDS)) == 1, "it was not given"

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.plain})


@contextmanager
def secured(folder: Path, jar_cache: Path, plain_users: Mapping[str, str]) -> Iterator[Secured]:
    """It, running. `plain_users`: user and password of PLAIN, which knows no others."""
    ports = {name: choose() for name in ("PLAINTEXT",)}
    for name in ("CONTROLLER", "LOGIN", "MUTUAL", "OPEN"):
        ports[name] = choose(taken=ports.values())
    authority = Authority(folder / "authority", "authority")
    broker = Kafka(
        folder / "kafka",
        port=ports["PLAINTEXT"],
        controller_port=ports["CONTROLLER"],
        cache=jar_cache,
        jvm=QUICK_JVM,
        settings=_settings(ports, authority, plain_users),
    )
    broker.start()
    try:
        broker.wait_ready()
        plain, login, mutual, opened = (
            f"{HOST}:{ports[name]}" for name in ("PLAINTEXT", "LOGIN", "MUTUAL", "OPEN")
        )
        yield Secured(broker, authority, plain, login, mutual, opened)
    finally:
        broker.stop()


def _settings(
    ports: Mapping[str, int], authority: Authority, plain_users: Mapping[str, str]
) -> dict[str, str]:
    server = authority.identity("broker")
    users = " ".join(f'user_{name}="{password}"' for name, password in plain_users.items())
    jaas = {
        "plain": f"{_LOGIN}.plain.PlainLoginModule required {users};",
        "scram-sha-256": f"{_LOGIN}.scram.ScramLoginModule required;",
        "scram-sha-512": f"{_LOGIN}.scram.ScramLoginModule required;",
        "oauthbearer": f"{_LOGIN}.oauthbearer.OAuthBearerLoginModule required "
        'unsecuredLoginStringClaim_sub="broker";',
    }
    protocols = {
        "CONTROLLER": "PLAINTEXT",
        "PLAINTEXT": "PLAINTEXT",
        "LOGIN": "SASL_SSL",
        "MUTUAL": "SSL",
        "OPEN": "SASL_PLAINTEXT",
    }
    listeners = {name: f"{name}://{HOST}:{port}" for name, port in ports.items()}
    return {
        "listeners": ",".join(listeners.values()),
        "advertised.listeners": ",".join(at for name, at in listeners.items() if name != "CONTROLLER"),
        "listener.security.protocol.map": ",".join(f"{name}:{its}" for name, its in protocols.items()),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": ",".join(MECHANISMS),
        **{
            f"listener.name.{name}.{mechanism}.sasl.jaas.config": module
            for name in ("login", "open")
            for mechanism, module in jaas.items()
        },
        **{
            f"listener.name.{name}.oauthbearer.sasl.server.callback.handler.class": _UNSIGNED
            for name in ("login", "open")
        },
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(server.both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.certificate),
        "listener.name.mutual.ssl.client.auth": "required",
        # Who is refused is told at once: the wait is against guessing.
        "connection.failed.authentication.delay.ms": "1",
    }
