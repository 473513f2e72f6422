"""A process that answers nothing else says whether it lives, whether it is ready, and its figures."""

import httpx

from broker import health
from broker.metrics import LAG
from cli.local.ports import choose


async def test_it_is_ready_when_all_that_is_needed_is() -> None:
    port, says = choose([], taken=[]), {"tables": "recovering"}

    async def tables() -> str:
        return says["tables"]

    LAG.labels("g", "t").set(3)
    async with (
        health.serving("127.0.0.1", port, {"tables": tables}),
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", transport=httpx.AsyncHTTPTransport(retries=5)
        ) as client,
    ):
        assert (await client.get("/livez")).status_code == 200
        unready = await client.get("/readyz")
        assert (unready.status_code, unready.json()["checks"]) == (503, {"tables": "recovering"})
        says["tables"] = health.OK
        assert (await client.get("/readyz")).status_code == 200
        assert 'helio_broker_lag_records{group="g",topic="t"} 3.0' in (await client.get("/metrics")).text


async def test_without_a_port_it_answers_nobody() -> None:
    async with health.serving("127.0.0.1", 0, {}):
        pass
