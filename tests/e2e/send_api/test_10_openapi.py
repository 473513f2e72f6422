"""10. `/openapi.json` is the committed document, and `/docs` needs nobody else."""

import json
import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from tests.e2e.caller import Api

pytestmark = pytest.mark.e2e
COMMITTED = Path(__file__).parents[3] / "docs" / "openapi.json"


async def test_the_document_is_the_committed_one(api: Api) -> None:
    answer = await api.call("GET", "/openapi.json", headers={"Authorization": ""})
    assert answer.status == 200
    assert answer.body == json.loads(COMMITTED.read_text())
    assert answer.body["openapi"].startswith("3.1.")


async def test_every_documented_path_is_there(api: Api) -> None:
    paths = (await api.call("GET", "/openapi.json")).body["paths"]
    assert {"/sms/send", "/sms/{message_id}", "/sms/{message_id}/status", "/sms/queue/stats"} <= set(paths)
    for path, methods in paths.items():
        for method in methods.keys() & {"get", "post", "put", "delete", "patch"}:
            named = path.replace("{message_id}", "nobody's").replace("{kind}", "numbers")
            answer = await api.call(method.upper(), named)
            assert answer.status != 405, (method, path)
            assert answer.status != 404 or answer.body["code"] != "not_found", (method, path)


async def test_the_docs_are_served_whole_by_us(api: Api) -> None:
    """The page, and each file that it or its style sheets name: from here, and none from elsewhere."""
    page = await api.call("GET", "/docs", headers={"Authorization": ""})
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    base, html = f"{api.url}/docs", page.raw.decode()
    named = re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)["']""", html)
    assert any(urlsplit(name).path.endswith(".js") for name in named)
    assert any(urlsplit(name).path.endswith(".css") for name in named)
    texts: list[str] = []
    for name in named:
        if name.startswith(("data:", "#")):
            continue
        url = urljoin(base, name)
        assert url.startswith(f"{api.url}/"), f"{name} is not ours"
        async with api.session.get(url) as asset:
            assert asset.status == 200, name
            texts.append(text := (await asset.read()).decode(errors="replace"))
        if urlsplit(url).path.endswith(".css"):
            outside = [
                u for u in re.findall(r"url\(\s*[\"']?([^)\"']+)", text) if "//" in u.split("data:")[0]
            ]
            assert outside == []
            assert "@import" not in text
    assert any(re.search(r"""["'/]openapi\.json["']""", text) for text in [html, *texts])
