"""The organization of the channel's tests: use cases for each rule, and for each reason to refuse."""

import hashlib
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

ORGANIZATION: Final = "clinic"
KEY: Final = "key-of-the-end-to-end-tests-clinic"

# Pools. Area codes: San Francisco, Los Angeles, New York, Chicago; toll-free ones belong nowhere.
SAN_FRANCISCO: Final = "+14155550141"
LOS_ANGELES: Final = "+13105550142"
NEW_YORK: Final = "+12125550143"
CHICAGO: Final = "+13125550144"
#: At Vonage, which leaves it to us to answer STOP; at Twilio and Telnyx, which answer themselves.
OFFERING: Final = "+18885550150"
ASKING: Final = {"twilio": "+18885550151", "telnyx": "+18885550152", "vonage": OFFERING}
#: One segment a second.
SLOW: Final = "+18885550153"
#: At the sub-account, which has its own credentials; and who takes over from it.
OF_SUB_ACCOUNT: Final = "+18885550154"
TAKING_OVER: Final = "+18885550155"
UNREGISTERED: Final = "+14155550161"
PENDING: Final = "+14155550162"
DISGRACED: Final = "+14155550163"
SHAKY: Final = "+14155550164"
SHAKY_FREE: Final = "+18885550156"
SUSPENDED: Final = "+18885550157"
QUIET: Final = "+18885550158"
MOVING: Final = ("+18885550171", "+18885550172", "+18885550173", "+18885550174")


def _id(number: int) -> str:
    return f"c11c0000-0000-4000-8000-{number:012d}"


UPDATES: Final = _id(1)
OFFERS: Final = _id(2)
SLOWLY: Final = _id(3)
RESILIENT: Final = _id(4)
#: All providers' toll-free numbers, wherever the recipient is.
ANYWHERE: Final = _id(5)
#: One number for each provider, so that it is known who is asked.
THROUGH: Final = {"twilio": _id(6), "telnyx": _id(7), "vonage": _id(8)}
WITHOUT_CAMPAIGN: Final = _id(10)
WITH_PENDING_CAMPAIGN: Final = _id(11)
WITH_SUSPENDED_BRAND: Final = _id(12)
EMPTY: Final = _id(13)
RESTING: Final = _id(14)
WITHOUT_USABLE: Final = _id(15)
#: Its entities are changed while messages wait.
CHANGING: Final = _id(16)
CHANGING_NUMBER: Final = _id(17)
QUIETLY: Final = _id(18)
MOVING_POOL: Final = _id(19)
#: Another organization's: the demo's.
FOREIGN: Final = "5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10"
UNKNOWN: Final = _id(99)

STOP_REPLY: Final = "You get no more offers of ours."
START_REPLY: Final = "Welcome back."
HELP_REPLY: Final = "Offers of the clinic, twice a month at most."

SUB_ACCOUNT: Final = "twilio-sub"
SUB_ACCOUNT_SID: Final = "ACfedcba9876543210fedcba9876543210"
SUB_TOKEN: Final = "the-sub-accounts-own-token"
_NUMBERS: Final = {
    "twilio-main": [
        SAN_FRANCISCO, ASKING["twilio"], SLOW, UNREGISTERED, PENDING, DISGRACED, SHAKY, SHAKY_FREE, SUSPENDED,
        *MOVING,
    ],
    "telnyx-main": [LOS_ANGELES, NEW_YORK, ASKING["telnyx"], TAKING_OVER, QUIET],
    "vonage-main": [CHICAGO, OFFERING],
    SUB_ACCOUNT: [OF_SUB_ACCOUNT],
}  # fmt: skip
_LONG_CODES: Final = {
    SAN_FRANCISCO: "proven", LOS_ANGELES: "proven", NEW_YORK: "proven", CHICAGO: "proven",
    PENDING: "pending", DISGRACED: "disgraced", SHAKY: "shaky", UNREGISTERED: None,
}  # fmt: skip


def at_simulator() -> dict[str, Any]:
    """What the simulator must know of all this: for `world.simulator`."""
    sub = {
        "like": "twilio-main",
        "id": SUB_ACCOUNT,
        "account_sid": SUB_ACCOUNT_SID,
        "auth_token": SUB_TOKEN,
        "numbers": _NUMBERS[SUB_ACCOUNT],
    }
    theirs = {account: numbers for account, numbers in _NUMBERS.items() if account != SUB_ACCOUNT}
    # As Vonage writes them.
    theirs["vonage-main"] = [number.removeprefix("+") for number in theirs["vonage-main"]]
    return {"numbers": theirs, "accounts": [sub]}


def organizations(home: Path, now: datetime) -> dict[str, Any]:
    """The directory's `organizations`, for a stack that runs in `home`."""
    secrets = home / "secrets"
    (secrets / "sub_auth_token").write_text(SUB_TOKEN)
    sub = {
        "rate": 1000,
        "burst": 100,
        "base_url": _simulator_of(home),
        "credentials": {
            "provider": "twilio",
            "account_sid": SUB_ACCOUNT_SID,
            "api_key_sid": "SK0123456789abcdef0123456789abcdef",
            "api_key_secret": f"file:{secrets}/twilio_api_key_secret",
            "auth_tokens": [f"file:{secrets}/sub_auth_token"],
        },
    }
    clinic = {
        "defaults": {"own_topic": True},
        "brands": {
            "clinic": {"name": "Clinic", "registration": "verified"},
            "disgraced": {"name": "Disgraced", "registration": "suspended"},
            "shaky": {"name": "Shaky", "registration": "verified"},
        },
        "campaigns": {
            "proven": _campaign("clinic", "verified"),
            "pending": _campaign("clinic", "pending"),
            "disgraced": _campaign("disgraced", "verified"),
            "shaky": _campaign("shaky", "verified"),
        },
        "numbers": {
            number: _number(number, account) for account, numbers in _NUMBERS.items() for number in numbers
        },
        "use_cases": _use_cases(now),
        "api_keys": {
            "clinic": {
                "sha256": hashlib.sha256(KEY.encode()).hexdigest(),
                "scopes": ["send", "read", "admin"],
            }
        },
    }
    return {"operator": {"accounts": {SUB_ACCOUNT: sub}}, ORGANIZATION: clinic}


def directory(organizations: dict[str, Any]) -> str:
    """It as a directory file."""
    return yaml.safe_dump({"organizations": organizations}, sort_keys=False)


def changed(kind: str, name: str, entity: dict[str, Any], **changes: Any) -> str:
    """A directory file with one entity of the clinic, changed."""
    return directory({ORGANIZATION: {kind: {name: {**deepcopy(entity), **changes}}}})


def _simulator_of(home: Path) -> str:
    accounts = yaml.safe_load((home / "directory.yaml").read_text())["organizations"]["operator"]["accounts"]
    return str(accounts["twilio-main"]["base_url"])


def _campaign(brand: str, registration: str) -> dict[str, Any]:
    return {"brand": brand, "use": "Tests", "registration": registration}


def _number(number: str, account: str) -> dict[str, Any]:
    made: dict[str, Any] = {"account": account, "rate": 200, "burst": 20}
    if number not in _LONG_CODES:
        made["number_kind"] = "toll_free"
    elif (campaign := _LONG_CODES[number]) is not None:
        made["campaign"] = campaign
    if number == SUSPENDED:
        made["status"] = "suspended"
    return {**made, "rate": 1, "burst": 1} if number == SLOW else made


def _use_cases(now: datetime) -> dict[str, Any]:
    quiet = {name: (now + timedelta(hours=hours)).astimezone(UTC).strftime("%H:%M")
             for name, hours in (("start", -1), ("end", 2))}  # fmt: skip
    return {
        UPDATES: _use_case("Updates", SAN_FRANCISCO, LOS_ANGELES, NEW_YORK, CHICAGO, regions=["US", "CA"]),
        OFFERS: _use_case(
            "Offers", OFFERING, stop_reply=STOP_REPLY, start_reply=START_REPLY, help_reply=HELP_REPLY
        ),
        SLOWLY: _use_case("Slow", SLOW),
        RESILIENT: _use_case("Resilient", OF_SUB_ACCOUNT, TAKING_OVER),
        ANYWHERE: _use_case("Anywhere", *ASKING.values(), geomatch=False),
        **{THROUGH[name]: _use_case(f"Through {name}", ASKING[name]) for name in THROUGH},
        WITHOUT_CAMPAIGN: _use_case("Without campaign", UNREGISTERED),
        WITH_PENDING_CAMPAIGN: _use_case("Pending", PENDING, UNREGISTERED),
        WITH_SUSPENDED_BRAND: _use_case("Disgraced", DISGRACED),
        EMPTY: _use_case("Empty"),
        RESTING: _use_case("Resting", SAN_FRANCISCO, status="suspended"),
        WITHOUT_USABLE: _use_case("Without", SUSPENDED),
        CHANGING: _use_case("Changing", SHAKY),
        CHANGING_NUMBER: _use_case("Changing number", SHAKY_FREE),
        QUIETLY: _use_case("Quiet", QUIET, quiet_hours={**quiet, "zone": "UTC"}),
        MOVING_POOL: _use_case("Moving", *MOVING, sticky=False),
    }


def _use_case(name: str, *numbers: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "numbers": [*numbers], **more}
