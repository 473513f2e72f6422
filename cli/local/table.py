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
#: A dispatcher lets what is in flight finish (`HELIO_DISPATCH__DRAIN_SECONDS`, 20); others take less.
GRACE_SECONDS: Final = 30.0
#: What it takes to tell what came of it, and to end.
_AFTER_DRAIN_SECONDS: Final = 10.0

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
    "notifiers": ("notifiers",),
}
"""Our services: process name -> module and arguments."""

#: Those that answer HTTP -> their name among the ports.
ASKED: Final[Mapping[str, str]] = {"ingress-api": "ingress", "webhooks": "webhooks"}


#: Those that serve `/metrics` alone -> the port where people look first, and the variable that says it.
FIGURES: Final[Mapping[str, int]] = {
    name: 8083 + n for n, name in enumerate(name for name in SERVICES if name not in ASKED)
}
_PORT_VARIABLES: Final[Mapping[str, str]] = {
    "ingress": "HELIO_INTAKE__PORT",
    "streams": "HELIO_STREAMS__PORT",
    "dispatchers": "HELIO_DISPATCH__PORT",
    "notifiers": "HELIO_NOTIFIERS__PORT",
}


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
    home: Path,
    ports: Mapping[str, int],
    env: Mapping[str, str],
    own: Mapping[str, Mapping[str, str]],
    copies: Mapping[str, int],
) -> list[Process]:
    """Our services. `env` is for all of them, `own` for one by its name.

    Those with a port in `ports` are asked over HTTP; the others make a file when they are ready.
    `copies`: how many of a service run, if not one. The second is called `<service>-2`, and so on.
    """
    return [
        _service(home, service, name, {**env, **own.get(name, {})}, ports)
        for service in SERVICES
        for name in _names(service, copies.get(service, 1))
    ]


def _names(service: str, copies: int) -> list[str]:
    if service in ASKED and copies > 1:
        raise ValueError(f"{service} has one port, so one process of it can run")
    return [service, *(f"{service}-{n}" for n in range(2, copies + 1))]


def _service(
    home: Path, service: str, name: str, env: Mapping[str, str], ports: Mapping[str, int]
) -> Process:
    argv = _module(*SERVICES[service])
    if service in ASKED:
        port, path = ports[ASKED[service]], "/readyz"
        return Process(name, argv, env, lambda: http_ok(port, path), grace_seconds=GRACE_SECONDS)
    file = home / "ready" / name
    env = {**env, "HELIO_READY_FILE": str(file)}
    # Copies serve none: they would have to share it.
    if name in FIGURES and name in ports:
        env.setdefault(_PORT_VARIABLES[SERVICES[name][0]], str(ports[name]))
    drain = float(env.get("HELIO_DISPATCH__DRAIN_SECONDS", 0))
    return Process(
        name, argv, env, ready_file=file, grace_seconds=max(GRACE_SECONDS, drain + _AFTER_DRAIN_SECONDS)
    )


def _module(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)
