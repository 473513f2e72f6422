"""Where the system is that a command talks to: options, then the environment, then what `helio up` runs."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.commands.trouble import Exit, TroubleError
from cli.local.home import home
from schemas import environment

if TYPE_CHECKING:
    from schemas.settings import Settings


@dataclass(frozen=True)
class Door:
    """The REST door: where, and with which key. `senders` may be empty: the numbers are not known here."""

    url: str
    api_key: str
    senders: tuple[str, ...] = ()


def running() -> Mapping[str, Any]:
    """What `.helio/run.json` says of the stack that runs here; empty when none does."""
    try:
        found: dict[str, Any] = json.loads((home() / "run.json").read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise TroubleError(
            f"{home() / 'run.json'} is not JSON: stop the stack and run `helio up`", Exit.NO
        ) from None
    return found


def door(url: str | None, api_key: str | None) -> Door:
    """The REST door that the options name, else the one that runs here.

    Raises:
        TroubleError: neither is known.
    """
    here = running()
    if url is None:
        if "ingress" not in here:
            raise TroubleError(
                f"nothing runs here (no run.json in {home()}): start it with `helio up`, "
                "or say where it is with --url and --api-key",
                Exit.UNREACHABLE,
            )
        return Door(here["ingress"], api_key or here["api_key"], tuple(here.get("senders", ())))
    if api_key is None:
        # The key of the stack here is not for strangers' addresses.
        raise TroubleError("--url needs a key: give --api-key or set HELIO_API_KEY", Exit.NO)
    if not url.startswith(("http://", "https://")):
        raise TroubleError(f"--url {url} is not an http:// or https:// address", Exit.NO)
    return Door(url.rstrip("/"), api_key)


def settings() -> "Settings":
    """The settings that the services would have here: the environment, then what `helio up` runs.

    Raises:
        MissetError: a setting cannot be read; the sentence names it.
    """
    found = environment.settings()
    here = running()
    if "kafka" in here and "HELIO_KAFKA__BOOTSTRAP_SERVERS" not in os.environ:
        kafka = found.kafka.model_copy(update={"bootstrap_servers": here["kafka"]})
        found = found.model_copy(update={"kafka": kafka})
        if "HELIO_NOTIFIERS__ALLOW_PRIVATE" not in os.environ:
            # As `helio up` sets it for its own services: what its API takes, `helio apply` takes.
            notifiers = found.notifiers.model_copy(update={"allow_private": True})
            found = found.model_copy(update={"notifiers": notifiers})
    if "redis" in here and "HELIO_REDIS__URL" not in os.environ:
        redis = found.redis.model_copy(update={"url": here["redis"]})
        found = found.model_copy(update={"redis": redis})
    return found
