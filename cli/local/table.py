"""The process table: what runs for a whole stack, beside broker and ledger, as data."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cli.local.probe import http_ok
from cli.local.process import Process
from schemas.provider import Provider

SIMULATOR: Final = "simulator"
#: A dispatcher lets what is in flight finish (`HELIO_DISPATCH__DRAIN_SECONDS`, 20); only then is it killed.
DISPATCHER_GRACE_SECONDS: Final = 25.0

#: The servers with a URL in `run.json`.
HTTP: Final = ("ingress", "webhooks", "simulator")

SERVICES: Final[Mapping[str, tuple[str, ...]]] = {
    "ingress-api": ("ingress", "api"),
    "ingress-intake": ("ingress", "intake"),
    "streams-route": ("streams", "route"),
    "streams-fold": ("streams", "fold"),
    "streams-views": ("streams", "views"),
    "streams-waiting": ("streams", "waiting"),
    **{f"dispatchers-{p}": ("dispatchers", "--provider", p) for p in Provider},
    "webhooks": ("webhooks",),
}
"""Our services: process name -> module and arguments."""


def environment(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """`{group: {field: value}}` as the variables that `schemas.settings` reads."""
    return {
        f"HELIO_{group}__{field}".upper(): value if isinstance(value, str) else json.dumps(value)
        for group, fields in settings.items()
        for field, value in fields.items()
    }


def simulator(config: Path, port: int, env: Mapping[str, str]) -> Process:
    """The three providers and the handsets."""
    argv = _module("simulator", "--config", str(config))
    return Process(SIMULATOR, argv, env, ready=lambda: http_ok(port, "/handsets"))


def services(
    ingress_port: int,
    webhooks_port: int,
    env: Mapping[str, str],
    own: Mapping[str, Mapping[str, str]],
) -> list[Process]:
    """Our services. `env` is for all of them, `own` for one by its name."""
    ports = {"ingress-api": ingress_port, "webhooks": webhooks_port}
    return [_service(name, {**env, **own.get(name, {})}, ports.get(name)) for name in SERVICES]


def _service(name: str, env: Mapping[str, str], port: int | None) -> Process:
    process = Process(name, _module(*SERVICES[name]), env, grace_seconds=DISPATCHER_GRACE_SECONDS)
    if port is None:
        return process
    return Process(**{**vars(process), "ready": lambda: http_ok(port, "/readyz")})


def _module(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)
