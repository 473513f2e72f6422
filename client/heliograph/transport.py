"""Where the platform is, and what httpx calls it when no answer comes: shared by both clients."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from heliograph.judging import Answer
from heliograph.version import VERSION

#: What may pass. A wrong URL, and what we said wrongly ourselves, would be wrong again.
NO_ANSWER: Final = (
    httpx.TimeoutException,
    httpx.NetworkError,
    httpx.RemoteProtocolError,
    httpx.ProxyError,
    httpx.DecodingError,
)


@dataclass(frozen=True)
class Door:
    """The platform's URL, without a slash at its end, and the headers of every request."""

    url: str
    #: They hold the key.
    headers: Mapping[str, str] = field(repr=False)


def door(base_url: str | None, api_key: str | None) -> Door:
    """What was given, else what the environment says.

    Raises:
        ValueError: neither does, or it is no URL.
    """
    url = base_url or os.environ.get("HELIOGRAPH_URL", "")
    key = api_key or os.environ.get("HELIOGRAPH_API_KEY", "")
    if not url.startswith(("http://", "https://")):
        raise ValueError("base_url or HELIOGRAPH_URL must say where the platform is: http(s)://...")
    if not key:
        raise ValueError("api_key or HELIOGRAPH_API_KEY must be an API key")
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": f"heliograph-client/{VERSION}",
    }
    return Door(url.rstrip("/"), headers)


def received(got: httpx.Response) -> Answer:
    """An answer of httpx as a value."""
    return Answer(got.status_code, {name.lower(): value for name, value in got.headers.items()}, got.content)
