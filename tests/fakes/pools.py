"""A directory with a use case, of which tests change what they are about."""

from typing import Any

import yaml

from directory.snapshot import Directory
from tests.fakes import world

USE_CASE, EMPTY, OTHERS_CASE = (
    "5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10",
    "1c4e7b7e-9a43-4d0c-8a37-6f4b0a8d2c31",
    "9b1f0c2e-77aa-4c1e-8b65-0a4c3d2e1f00",
)
#: Of San Francisco through Twilio, of New York through Telnyx.
WEST, EAST = "+14157700100", "+12127700110"
#: In San Francisco.
HANDSET = "+14157700199"

_TWILIO = {
    "provider": "twilio", "account_sid": "AC00", "api_key_sid": "SK00", "api_key_secret": "env:TW",
    "auth_tokens": ["env:TW"],
}  # fmt: skip
_TELNYX = {"provider": "telnyx", "api_key": "env:TX", "public_keys": ["env:TX"]}


def directory(**changes: dict[str, Any]) -> Directory:
    """`changes` by name: `use_case`, `west`, `east`, `campaign`, `brand`, `defaults`, `twilio`."""

    def fields(of: str, **usual: Any) -> dict[str, Any]:
        return {**usual, **changes.get(of, {})}

    number = {"account": "tw", "campaign": "orders"}
    acme = {
        "defaults": fields("defaults"),
        "numbers": {WEST: fields("west", **number), EAST: fields("east", **{**number, "account": "tx"})},
        "assistants": {"desk": {"name": "Desk", "numbers": [WEST]}},
        "use_cases": {
            USE_CASE: fields("use_case", name="Order updates", numbers=[WEST, EAST]),
            EMPTY: {"name": "Nobody sends"},
        },
        "brands": {"acme": fields("brand", name="Acme", registration="verified")},
        "campaigns": {"orders": fields("campaign", brand="acme", use="Orders", registration="verified")},
        "api_keys": {
            "demo": {"sha256": world.sha256(world.KEY)},
            "reader": {"sha256": world.sha256(world.READ_KEY), "scopes": ["read"]},
        },
    }
    globex = {
        "numbers": {world.OTHERS: {"account": "tw"}},
        "use_cases": {OTHERS_CASE: {"name": "Theirs", "numbers": [world.OTHERS]}},
        "api_keys": {"globex": {"sha256": world.sha256(world.OTHER_KEY)}},
    }
    operator = {"accounts": {"tw": fields("twilio", credentials=_TWILIO), "tx": {"credentials": _TELNYX}}}
    organizations = {"operator": operator, "acme": acme, "globex": globex}
    return world.directory(yaml.safe_dump({"organizations": organizations}))
