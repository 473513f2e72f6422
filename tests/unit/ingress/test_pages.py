"""/docs and what it names: all from here, nothing from any other host."""

import re

import httpx
import pytest
from starlette.applications import Starlette

from ingress import openapi
from ingress.pages import docs_routes


@pytest.fixture
def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Starlette(routes=list(docs_routes())))
    return httpx.AsyncClient(transport=transport, base_url="http://door")


async def test_the_document_is_served_as_it_is_committed(client: httpx.AsyncClient) -> None:
    answer = await client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == openapi.document()


async def test_the_page_names_only_what_is_served_here(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assets = [name for name in named if not name.startswith("data:")]
    assert sorted(assets) == ["docs/start.js", "docs/swagger-ui-bundle.js", "docs/swagger-ui.css"]
    for name in assets:
        found = await client.get(httpx.URL("/docs").join(name))
        assert found.status_code == 200, name
        assert found.headers["content-type"].startswith(("text/javascript", "text/css")), name
    assert "//" not in page.text
    assert "//" not in (await client.get("/docs/start.js")).text


async def test_the_start_shows_the_document_and_asks_no_validator(client: httpx.AsyncClient) -> None:
    start = (await client.get("/docs/start.js")).text
    assert 'url: "openapi.json"' in start
    assert "validatorUrl: null" in start


async def test_the_style_names_no_other_host(client: httpx.AsyncClient) -> None:
    style = (await client.get("/docs/swagger-ui.css")).text
    named = re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")\s]{1,20})", style)
    assert all(name.startswith(("data:", "#")) for name in named), named


@pytest.mark.parametrize(
    "path", ["/docs", "/openapi.json", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"]
)
async def test_the_browser_is_forbidden_to_ask_others(client: httpx.AsyncClient, path: str) -> None:
    policy = (await client.get(path)).headers["content-security-policy"]
    found = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert found["default-src"] == "'none'"
    sources = {source for value in found.values() for source in value.split()}
    assert sources == {"'none'", "'self'", "data:"}
