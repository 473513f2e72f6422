"""What the end-to-end tests add to the demo: more numbers, keys, and an organization with a default."""

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

#: The sender of the public page's examples: they run unchanged.
EXAMPLE: Final = "+1234567890"
#: One segment a second, of globex.
SLOW: Final = "+16465550160"
#: Likewise, for messages that are to expire.
EXPIRING: Final = "+16465550161"
#: Likewise, for messages that are cancelled: what waits before it would take the time of those above.
CANCELLED: Final = "+16465550162"
#: A number of acme at each provider, of 30 segments a second: a line is before it as soon as many send.
PACED: Final = ("+14155550170", "+12125550171", "+13125550172")
#: Cannot send media; in the demo.
TEXT_ONLY: Final = "+16465550131"
#: Another organization's, in the demo.
FOREIGN: Final = "+16465550130"
#: A sender of globex at each provider, in the demo: its figures are not moved by the load on acme.
GLOBEX: Final = {"twilio": "+16465550130", "telnyx": "+17205550140", "vonage": "+13055550150"}
SUSPENDED: Final = "+14155550180"
ON_SUSPENDED_ACCOUNT: Final = "+14155550181"
OF_SUSPENDED_ASSISTANT: Final = "+14155550182"
UNOWNED: Final = "+14155550183"
#: A number of an organization that redacts its texts, at each provider.
DISCREET: Final = ("+14155550176", "+12125550176", "+13125550176")
#: Its organization's messages are valid for this long, where they do not say otherwise.
BRIEF: Final = "+15125550190"
BRIEF_SECONDS: Final = 2

#: Name -> API key. The names say what each is for.
KEYS: Final = {
    name: f"key-of-the-end-to-end-tests-{name}"
    for name in ("suspended", "reader", "sender", "limited", "limited-twice", "discreet", "initech")
}
#: Requests per second, and at once, of the limited keys.
RATE: Final = 0.5
BURST: Final = 5

_NUMBERS: Final = {
    "twilio-main": [
        SUSPENDED,
        OF_SUSPENDED_ASSISTANT,
        UNOWNED,
        SLOW,
        EXPIRING,
        CANCELLED,
        BRIEF,
        PACED[0],
        DISCREET[0],
    ],
    "telnyx-main": [EXAMPLE, PACED[1], DISCREET[1]],
    "vonage-main": [PACED[2].removeprefix("+"), DISCREET[2].removeprefix("+")],
}


def directory() -> str:
    """A directory file to be applied over the demo's."""
    organizations = {
        "operator": {
            "accounts": {
                "twilio-gone": {
                    "status": "suspended",
                    "credentials": {
                        "provider": "twilio",
                        "account_sid": "AC" + "9" * 32,
                        "api_key_sid": "SK" + "9" * 32,
                        "api_key_secret": "env:NOT_NEEDED",
                        "auth_tokens": ["env:NOT_NEEDED"],
                    },
                }
            }
        },
        "acme": {
            "numbers": {
                EXAMPLE: {"account": "telnyx-main", "rate": 500, "burst": 50},
                PACED[0]: {"account": "twilio-main", "rate": 30, "burst": 1},
                PACED[1]: {"account": "telnyx-main", "rate": 30, "burst": 1},
                PACED[2]: {"account": "vonage-main", "rate": 30, "burst": 1},
                SUSPENDED: {"account": "twilio-main", "status": "suspended"},
                ON_SUSPENDED_ACCOUNT: {"account": "twilio-gone"},
                OF_SUSPENDED_ASSISTANT: {"account": "twilio-main"},
                UNOWNED: {"account": "twilio-main"},
            },
            "assistants": {
                "examples": {"name": "Examples", "numbers": [EXAMPLE, SUSPENDED, ON_SUSPENDED_ACCOUNT]},
                "racing": {"name": "Racing", "numbers": [*PACED]},
                "resting": {"name": "Resting", "numbers": [OF_SUSPENDED_ASSISTANT], "status": "suspended"},
            },
            "api_keys": {
                "suspended": {**_key("suspended"), "status": "suspended"},
                "reader": {**_key("reader"), "scopes": ["read"]},
                "sender": {**_key("sender"), "scopes": ["send"]},
                "limited": {**_key("limited"), "rate": RATE, "burst": BURST},
                "limited-twice": {**_key("limited-twice"), "rate": RATE, "burst": BURST},
            },
        },
        "globex": {
            "numbers": {
                SLOW: {"account": "twilio-main", "rate": 1, "burst": 1},
                EXPIRING: {"account": "twilio-main", "rate": 1, "burst": 1},
                CANCELLED: {"account": "twilio-main", "rate": 1, "burst": 1},
            },
            "assistants": {"slow": {"name": "Slow", "numbers": [SLOW, EXPIRING, CANCELLED]}},
        },
        "discreet": {
            "defaults": {"own_topic": True, "redact": True},
            "numbers": {
                number: {"account": account, "rate": 100, "burst": 10}
                for number, account in zip(
                    DISCREET, ("twilio-main", "telnyx-main", "vonage-main"), strict=True
                )
            },
            "assistants": {"discreet": {"name": "Discreet", "numbers": [*DISCREET]}},
            "api_keys": {"discreet": _key("discreet")},
        },
        "initech": {
            "defaults": {"validity_seconds": BRIEF_SECONDS},
            "numbers": {BRIEF: {"account": "twilio-main", "rate": 100, "burst": 10}},
            "assistants": {"brief": {"name": "Brief", "numbers": [BRIEF]}},
            "api_keys": {"initech": _key("initech")},
        },
    }
    return yaml.safe_dump({"organizations": organizations}, sort_keys=False)


def _key(name: str) -> dict[str, object]:
    return {"sha256": hashlib.sha256(KEYS[name].encode()).hexdigest()}


def simulator(home: Path, more: Mapping[str, Any]) -> tuple[str, ...]:
    """How to run a stack's simulator so that it knows the numbers above too: for `Stack(argv=...)`.

    `more`: `numbers` by account, and `accounts`, each `like` one that it has but for what it says itself.
    """
    return (sys.executable, str(Path(__file__)), str(home / "simulator.json"), json.dumps(more))


def _widen(config: Path, more: Mapping[str, Any]) -> Path:
    """A copy of a simulator's configuration, with the numbers above at their accounts, and `more`."""
    wanted = json.loads(config.read_text())
    known = {account["id"]: dict(account) for account in wanted["accounts"]}
    for account in wanted["accounts"]:
        account["numbers"] += [*_NUMBERS.get(account["id"], []), *more["numbers"].get(account["id"], [])]
    wanted["accounts"] += [{**known[one.pop("like")], **one} for one in map(dict, more["accounts"])]
    wide = config.with_name("simulator-wide.json")
    wide.touch(mode=0o600)  # it holds the accounts' secrets
    wide.write_text(json.dumps(wanted))
    return wide


if __name__ == "__main__":
    import os

    path = _widen(Path(sys.argv[1]), json.loads(sys.argv[2]))
    os.execv(sys.executable, [sys.executable, "-m", "simulator", "--config", str(path)])
