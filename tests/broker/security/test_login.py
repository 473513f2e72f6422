"""Whom a cluster lets in, by TLS and each mechanism; and what who is not let in is told to do."""

import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from typing import Any, ClassVar

import pytest
from aiokafka.errors import TopicAuthorizationFailedError

from broker import clients, topics
from broker.refusal import RefusedError
from cli.acls import Right
from cli.commands.checks import of_kafka
from schemas.settings import KafkaSettings, TopicSettings
from schemas.topics import catalogue
from tests.fakes.rights import bindings
from tests.fakes.secured import Secured

pytestmark = pytest.mark.broker


async def topics_seen(kafka: KafkaSettings) -> list[str]:
    async with clients.admin(kafka) as admin:
        found: list[str] = await admin.list_topics()
        return found


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_scram_lets_in(cluster: Secured, mechanism: str) -> None:
    assert await topics_seen(cluster.scram("bob", "scram", mechanism)) == []


async def test_plain_lets_in(cluster: Secured) -> None:
    assert await topics_seen(cluster.scram("ann", "plain", "PLAIN")) == []


def by_certificate(cluster: Secured, **more: Any) -> KafkaSettings:
    return KafkaSettings(
        bootstrap_servers=cluster.mutual,
        security_protocol="SSL",
        ssl_ca_file=cluster.authority.certificate,
        **more,
    )


async def test_a_certificate_lets_in(cluster: Secured) -> None:
    ours = cluster.authority.identity("carl", address=None)
    kafka = by_certificate(cluster, ssl_certificate_file=ours.certificate, ssl_key_file=ours.key)
    assert await topics_seen(kafka) == []


def wrongly(cluster: Secured, changed: Mapping[str, Any]) -> KafkaSettings:
    """Who would be let in, but for this; `bootstrap_servers` is the name of a listener."""
    bob = {**cluster.scram("bob", "scram").model_dump(), **changed}
    if at := changed.get("bootstrap_servers"):
        bob["bootstrap_servers"] = getattr(cluster, at)
    return KafkaSettings.model_validate(bob)


NOBODY = {"sasl_mechanism": None, "sasl_username": None, "sasl_password": None, "ssl_ca_file": None}
WRONG: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "password": ({"sasl_password": "another"}, "SASL_PASSWORD"),
    "password of PLAIN": ({"sasl_mechanism": "PLAIN", "sasl_username": "ann"}, "SASL_PASSWORD"),
    "authority": ({"ssl_ca_file": None}, "SSL_CA_FILE must hold the authority"),
    "TLS to a port without": ({"bootstrap_servers": "open"}, "speaks no TLS"),
    "no TLS to a port with it": ({**NOBODY, "security_protocol": "PLAINTEXT"}, "speaks TLS on this port"),
    "no TLS, and a login": ({"security_protocol": "SASL_PLAINTEXT", "ssl_ca_file": None}, "speaks TLS"),
    "no login": (
        {**NOBODY, "security_protocol": "PLAINTEXT", "bootstrap_servers": "open"},
        "does not log in: set HELIO_KAFKA__SECURITY_PROTOCOL",
    ),
    "a login that nobody wants": (
        {"security_protocol": "SASL_PLAINTEXT", "ssl_ca_file": None, "bootstrap_servers": "plain"},
        "wants no login",
    ),
    "no certificate": (
        {**NOBODY, "security_protocol": "SSL", "bootstrap_servers": "mutual"},
        "SSL_CA_FILE must hold",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_who_is_not_let_in_is_told_what_to_do(cluster: Secured, wrong: str) -> None:
    changed, todo = WRONG[wrong]
    kafka = wrongly(cluster, changed)
    with pytest.raises(RefusedError, match=todo) as refused:
        await topics_seen(kafka)
    assert kafka.bootstrap_servers in str(refused.value)
    (finding,) = await of_kafka(kafka, TopicSettings(), {})
    assert todo in f"{finding.said} {finding.todo}", "the doctor says the same"


async def test_a_broker_that_wants_a_certificate_says_so(cluster: Secured) -> None:
    with pytest.raises(RefusedError, match="does not take our certificate"):
        await topics_seen(by_certificate(cluster))


async def test_a_certificate_for_another_name_is_not_taken(cluster: Secured) -> None:
    port = cluster.login.rpartition(":")[2]
    bob = cluster.scram("bob", "scram").model_copy(update={"bootstrap_servers": f"localhost:{port}"})
    with pytest.raises(RefusedError, match="must name brokers as their certificates do"):
        await topics_seen(bob)


async def test_a_topic_that_may_not_be_seen_is_told_from_one_that_is_missing(cluster: Secured) -> None:
    cluster.add_users({"fay": "looks"})
    seen, unseen, missing = "sms.events.v1", "sms.messages.v1", "sms.status.v1"
    looks = [Right("fay", "topic", name, "literal", "DescribeConfigs") for name in (seen, unseen, missing)]
    cluster.grant(bindings([*looks, Right("fay", "topic", seen, "literal", "Describe")]))
    plain = KafkaSettings(bootstrap_servers=cluster.plain)
    wanted = [topic for topic in catalogue() if topic.name in {seen, unseen}]
    await topics.make(plain, TopicSettings(), wanted)
    fay = cluster.scram("fay", "looks")
    await topics.verify(fay, TopicSettings(), [seen])
    for name in (unseen, "sms.inbound.v1"):  # she may look at one of them, and at nothing of the other
        with pytest.raises(TopicAuthorizationFailedError, match=name):
            await topics.verify(fay, TopicSettings(), [seen, name])
    with pytest.raises(topics.TopicsDifferError, match=f"topic {missing} is missing: run"):
        await topics.verify(fay, TopicSettings(), [seen, missing])
    async with clients.admin(plain) as admin:
        await admin.delete_topics([seen, unseen])


class Endpoint(BaseHTTPRequestHandler):
    """A token endpoint whose tokens live for `seconds`; only for the client `helio` with `secret`."""

    seconds: ClassVar[int] = 3600
    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append(body)
        known = self.headers["Authorization"] == "Basic aGVsaW86c2VjcmV0"  # helio:secret
        told = json.dumps(self._token() if known else {"error": "invalid_client"}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def _token(self) -> dict[str, Any]:
        claims = {"sub": "dora", "iat": time() - 1, "exp": time() + self.seconds}
        parts = [{"alg": "none"}, claims]
        encoded = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
        return {"access_token": ".".join([*encoded, ""]), "expires_in": self.seconds}

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    Endpoint.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()


def by_token(cluster: Secured, endpoint: str, secret: str = "secret") -> KafkaSettings:
    return KafkaSettings.model_validate(
        {
            "bootstrap_servers": cluster.login,
            "security_protocol": "SASL_SSL",
            "ssl_ca_file": cluster.authority.certificate,
            "sasl_mechanism": "OAUTHBEARER",
            "oauth_token_url": endpoint,
            "oauth_client_id": "helio",
            "oauth_client_secret": secret,
            "oauth_scope": "kafka",
        }
    )


async def test_a_token_lets_in_and_is_shared(cluster: Secured, endpoint: str) -> None:
    kafka = by_token(cluster, endpoint)
    assert await topics_seen(kafka) == []
    assert await topics_seen(kafka) == []
    assert Endpoint.asked == ["grant_type=client_credentials&scope=kafka"]


async def test_who_gets_no_token_is_told_why(cluster: Secured, endpoint: str) -> None:
    with pytest.raises(RefusedError, match=r"answered 401 \(invalid_client\): correct HELIO_KAFKA__OAUTH"):
        await topics_seen(by_token(cluster, endpoint, "another"))


async def test_a_token_that_the_broker_does_not_take_is_named(
    cluster: Secured, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Endpoint, "seconds", -3600)
    with pytest.raises(RefusedError, match="does not take our token"):
        await topics_seen(by_token(cluster, endpoint))
