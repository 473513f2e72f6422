"""A client whose cluster takes it no more does not try for ever: its process ends, and says why."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE

import pytest

from schemas.exits import Exit
from tests.conftest import ROOT
from tests.fakes.secured import Secured

pytestmark = pytest.mark.broker
#: A client that asks and asks, whatever it is answered, and does not bear refusals for long.
PROGRAM = """
import asyncio
import contextlib
from aiokafka.errors import KafkaError
from broker import clients
from broker.patience import Client
from schemas.settings import Settings

Client.refused_seconds = 1.0

async def main():
    async with clients.admin(Settings().kafka) as admin:
        print("connected", flush=True)
        while True:
            with contextlib.suppress(KafkaError):
                await admin.list_topics()
            await asyncio.sleep(0.1)

asyncio.run(main())
"""


async def test_whose_password_is_changed_ends(cluster: Secured) -> None:
    cluster.add_users({"eve": "first"})
    kafka = cluster.scram("eve", "first")
    env = {
        **os.environ,
        "HELIO_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "HELIO_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "HELIO_KAFKA__SSL_CA_FILE": str(kafka.ssl_ca_file),
        "HELIO_KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
        "HELIO_KAFKA__SASL_USERNAME": "eve",
        "HELIO_KAFKA__SASL_PASSWORD": "first",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, cwd=ROOT, env=env, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(120):
            assert await process.stdout.readline() == b"connected\n", await process.communicate()
            cluster.add_users({"eve": "second"})
            # Whom it has let in it lets go on; with the broker all connections end.
            await asyncio.to_thread(cluster.broker.stop)
            await asyncio.to_thread(cluster.broker.start)
            await asyncio.to_thread(cluster.broker.wait_ready)
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == Exit.REFUSED
    assert b"does not take user or password: correct HELIO_KAFKA__SASL_USERNAME" in said
    assert b"first" not in said
