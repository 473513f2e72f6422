"""Who sends in a chaos run: organizations with a policy each, beside the demo's directory.

A stack for it is `Stack(settings=..., argv=...)` with `settings()` and `simulator()` of this module in them;
`enter` then tells the directory of the organizations and gives the `World` to hand messages in to.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from cli.local.run import Run
from cli.local.setup import prepare
from schemas.settings import KafkaSettings, TopicSettings
from schemas.tasks import OnUnknown

#: The broker's own least for consumer groups: a killed member is missed sooner, a stopped one need not
#: be stopped for long.
SESSION_SECONDS: Final = 6.0


@dataclass(frozen=True)
class Tenant:
    """An organization: what becomes of its unknown sends, and its numbers, one at each provider or more."""

    name: str
    on_unknown: OnUnknown
    numbers: Mapping[str, tuple[str, ...]]
    #: The numbers of its use case, by provider.
    pool: Mapping[str, str]

    @property
    def api_key(self) -> str:
        """Not a secret of anybody's: made for these runs alone."""
        return f"key-of-the-chaos-runs-{self.name}"

    @property
    def topic(self) -> str:
        """Where its own producers write to."""
        return f"sms.requests.{self.name}.v1"

    @property
    def senders(self) -> tuple[str, ...]:
        """All its numbers, the providers in turn."""
        return tuple(number for turn in zip(*self.numbers.values(), strict=True) for number in turn)

    @property
    def use_case(self) -> str:
        """Its use case, with a pool over all providers' accounts."""
        return f"c4a05000-0000-4000-8000-{sum(map(ord, self.name)):012d}"

    @property
    def through(self) -> dict[str, Any]:
        """What a message has that goes through the use case."""
        return {"sender": None, "use_case": self.use_case, "pool": tuple(self.pool.values())}


def _tenant(name: str, on_unknown: OnUnknown, block: int, many: int) -> Tenant:
    return Tenant(
        name,
        on_unknown,
        {
            "twilio": tuple(f"+1646555{block + n:04d}" for n in range(many)),
            "telnyx": tuple(f"+1720555{block + n:04d}" for n in range(many)),
            "vonage": tuple(f"+1305555{block + n:04d}" for n in range(many)),
        },
        # Toll-free: no registration with carriers stands in their way.
        {name: f"+1888555{block + n:04d}" for n, name in enumerate(("twilio", "telnyx", "vonage"))},
    )


TENANTS: Final[Mapping[str, Tenant]] = {
    tenant.name: tenant
    for tenant in (
        _tenant("patient", OnUnknown.HOLD, 4100, 4),
        _tenant("insistent", OnUnknown.RESEND, 4200, 2),
        _tenant("strict", OnUnknown.FAIL, 4300, 2),
    )
}
#: One number of each that is as slow as this, in segments a second: something waits there, to be cancelled.
SLOW: Final = {"patient": "+16465554190", "insistent": "+17205554290", "strict": "+13055554390"}
SLOW_PER_SECOND: Final = 2.0
_SLOW_PROVIDERS: Final = {"patient": "twilio", "insistent": "telnyx", "strict": "vonage"}
_ACCOUNTS: Final = {"twilio": "twilio-main", "telnyx": "telnyx-main", "vonage": "vonage-main"}


@dataclass(frozen=True)
class World:
    """Where a running stack is, as its users know it: URLs, and `kafka` as host:port."""

    ingress: str
    simulator: str
    kafka: str


def settings(settle_seconds: float | None = None) -> dict[str, dict[str, object]]:
    """For `Stack(settings=...)`: short times, so that everything that may happen happens within a run.

    Args:
        settle_seconds: how long after an unknown send its owner's policy acts; None: dispatchers in no hurry.
    """
    dispatch = {} if settle_seconds is None else {"dispatch": hasty(settle_seconds)}
    return {
        "kafka": {"session_timeout_seconds": SESSION_SECONDS, "commit_interval_seconds": 0.5},
        **dispatch,
    }


def hasty(settle_seconds: float) -> dict[str, object]:
    """Settings of dispatchers with short times: a call, a claim, and after an unknown send the policy."""
    return {
        "http_timeout_seconds": 3.0,
        "connect_timeout_seconds": 1.0,
        "claim_margin_seconds": 2.0,
        "settle_seconds": settle_seconds,
    }


def simulator(home: Path) -> tuple[str, ...]:
    """The stack's simulator, told of the numbers above too: for `Stack(argv=...)`."""
    return (sys.executable, "-m", "tests.chaos.world", str(home / "simulator.json"))


async def enter(run: Run, topics: TopicSettings | None = None) -> World:
    """Tell a running stack's directory of the organizations; returns when it can be read back.

    Args:
        run: the stack.
        topics: how it makes its topics; the organizations' own ones are made so too. None: as by default.
    """
    kafka = KafkaSettings(bootstrap_servers=run.kafka)
    await prepare(kafka, topics or TopicSettings(), directory())
    return World(run.ingress, run.simulator, run.kafka)


def directory() -> str:
    """A directory file to be applied over the demo's."""
    return yaml.safe_dump({"organizations": {t.name: _organization(t) for t in TENANTS.values()}})


def _organization(tenant: Tenant) -> dict[str, Any]:
    quick = {"rate": 500, "burst": 50}
    slow = {"account": _ACCOUNTS[_SLOW_PROVIDERS[tenant.name]], "rate": SLOW_PER_SECOND, "burst": 1}
    desk = [*tenant.senders, SLOW[tenant.name]]
    pool = {
        number: {"account": _ACCOUNTS[provider], "number_kind": "toll_free", **quick}
        for provider, number in tenant.pool.items()
    }
    through = {"name": tenant.name, "numbers": [*pool], "on_unknown": tenant.on_unknown.value}
    return {
        "defaults": {"on_unknown": tenant.on_unknown.value, "own_topic": True},
        "numbers": {
            SLOW[tenant.name]: slow,
            **pool,
            **{
                number: {"account": _ACCOUNTS[provider], **quick}
                for provider, numbers in tenant.numbers.items()
                for number in numbers
            },
        },
        "assistants": {f"{tenant.name}-desk": {"name": tenant.name, "numbers": desk}},
        "use_cases": {tenant.use_case: through},
        "api_keys": {tenant.name: {"sha256": hashlib.sha256(tenant.api_key.encode()).hexdigest()}},
    }


def _widened(config: Path) -> Path:
    """A copy of a simulator's configuration, with the numbers above at their accounts."""
    wanted = json.loads(config.read_text())
    for account in wanted["accounts"]:
        provider = account["provider"]
        theirs = [number for t in TENANTS.values() for number in (*t.numbers[provider], t.pool[provider])]
        theirs += [number for name, number in SLOW.items() if _SLOW_PROVIDERS[name] == provider]
        plain = provider == "vonage"  # as Vonage writes them
        account["numbers"] += [number.removeprefix("+") for number in theirs] if plain else theirs
    wide = config.with_name("simulator-of-chaos.json")
    wide.touch(mode=0o600)  # it holds the accounts' secrets
    wide.write_text(json.dumps(wanted))
    return wide


if __name__ == "__main__":
    import os

    path = _widened(Path(sys.argv[1]))
    os.execv(sys.executable, [sys.executable, "-m", "simulator", "--config", str(path)])
