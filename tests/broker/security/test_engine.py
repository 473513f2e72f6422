"""A worker of the engine that may not join its group ends: nobody reads yet who could be told."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE

import pytest

from broker import topics
from cli.acls import Right
from schemas.exits import Exit
from schemas.settings import KafkaSettings, TopicSettings
from schemas.topics import Topic
from tests.conftest import ROOT
from tests.fakes.rights import bindings
from tests.fakes.secured import Secured

pytestmark = pytest.mark.broker
SOURCE, APP = "engine.source", "engine-app"
PROGRAM = f"""
from broker import security
from schemas.settings import Settings
from streams import engine

kafka = Settings().kafka
app = engine.make_app("{APP}", kafka.bootstrap_servers, security=security.options(kafka))
engine.agent(app, "{SOURCE}", outputs=[], handler=lambda record, emit: None)
engine.run(app)
"""


async def test_who_may_not_join_its_group_ends(cluster: Secured) -> None:
    cluster.add_users({"gil": "reads"})
    # Who may write no topic at all is refused as an idempotent producer, before there is a group.
    cluster.grant(bindings(Right("gil", "topic", SOURCE, "literal", what) for what in ("Read", "Write")))
    await topics.make(
        KafkaSettings(bootstrap_servers=cluster.plain), TopicSettings(), [Topic(name=SOURCE, partitions=1)]
    )
    kafka = cluster.scram("gil", "reads")
    env = {
        **os.environ,
        "HELIO_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "HELIO_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "HELIO_KAFKA__SSL_CA_FILE": str(kafka.ssl_ca_file),
        "HELIO_KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
        "HELIO_KAFKA__SASL_USERNAME": "gil",
        "HELIO_KAFKA__SASL_PASSWORD": "reads",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, cwd=ROOT, env=env, stdout=PIPE, stderr=PIPE
    )
    try:
        # Sooner than it gives up getting ready, which has a code of its own.
        async with asyncio.timeout(90):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == Exit.REFUSED, said
    assert f"we lack a right on consumer group {APP}".encode() in said
