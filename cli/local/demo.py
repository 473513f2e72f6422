"""The demo: its directory and the simulator that answers for the providers, made from one template."""

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from cli.local import secrets
from cli.local.ports import HOST
from directory.file import parse
from schemas.directory import (
    Account,
    Assistant,
    Number,
    TelnyxCredentials,
    TwilioCredentials,
    UseCase,
    VonageCredentials,
)
from schemas.provider import Provider

TEMPLATE: Final = Path(__file__).parent.parent / "demo" / "directory.yaml"
#: The organization of the demo's API key; plain producers to `sms.requests.v1` send on its behalf.
ORGANIZATION: Final = "acme"
#: Vonage's name for the account as a whole; only its simulator asks for one.
VONAGE_API_KEY: Final = "de300001"


#: What makes a provider tell a text again: docs/webhooks.md.
_TRY_AGAIN: Final = {Provider.TWILIO: "#rc=5&rp=all"}


@dataclass(frozen=True)
class Demo:
    """What the demo needs to be known of."""

    directory: Path
    """To be applied before services start."""
    simulator: Path
    """The simulator's configuration."""
    api_key: str
    senders: list[str]
    """Numbers that the key may send from; the providers take turns."""
    use_cases: list[str]
    """Use cases that it may send through."""
    operator_api_key: str
    """Of the organization that runs the platform: it writes everybody's directory, and sends nothing."""
    callback_secret: str
    subscription_secret: str
    """What the secrets of subscriptions are derived from."""
    fingerprint_secret: str
    """What the seals of redacted messages are made with."""


def write(home: Path, simulator_port: int, *, public_url: str, simulator_host: str = HOST) -> Demo:
    """Make the demo's secrets, directory and simulator configuration in `home`.

    The simulator tells texts from handsets at `public_url`, where `HELIO_CALLBACKS__PUBLIC_URL` says that
    the webhooks are.
    On another host than this machine's loopback (a container's name) the simulator listens on every address.
    """
    known = secrets.ensure(home / "secrets")
    text = string.Template(TEMPLATE.read_text()).substitute(
        HELIO_SIMULATOR=f"http://{simulator_host}:{simulator_port}", HELIO_SECRETS=home / "secrets"
    )
    directory = home / "directory.yaml"
    directory.write_text(text)
    entities = list(parse(text, source=directory.name, variables={}).entities.values())
    accounts = {e.id: e for e in entities if isinstance(e, Account)}
    numbers = [e for e in entities if isinstance(e, Number)]
    config = home / "simulator.json"
    config.touch(mode=0o600)
    listen = HOST if simulator_host == HOST else "0.0.0.0"
    theirs = [_account(account, numbers, known, public_url) for account in accounts.values()]
    told = {"host": listen, **_simulator(home, simulator_port, theirs)}
    config.write_text(json.dumps(told, indent=2) + "\n")
    ours = [e for e in entities if e.organization == ORGANIZATION]
    # A send from a number is a send of the assistant that owns it; the others are for use cases only.
    owned = {number for e in ours if isinstance(e, Assistant) for number in e.numbers}
    return Demo(
        directory=directory,
        simulator=config,
        api_key=known["api_key"],
        senders=_in_turns([n for n in numbers if n.id in owned], accounts),
        use_cases=[str(e.id) for e in ours if isinstance(e, UseCase)],
        operator_api_key=known["operator_api_key"],
        callback_secret=known["callback_secret"],
        subscription_secret=known["subscription_secret"],
        fingerprint_secret=known["fingerprint_secret"],
    )


def _in_turns(numbers: Sequence[Number], accounts: Mapping[str, Account]) -> list[str]:
    """The numbers' ids so ordered that the providers take turns."""
    of = {p: [n.id for n in numbers if accounts[n.account].provider is p] for p in Provider}
    return [number for turn in zip_longest(*of.values()) for number in turn if number is not None]


def _simulator(home: Path, port: int, theirs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    state = home / "simulator"
    state.mkdir(exist_ok=True)
    return {"port": port, "state": str(state / "messages.jsonl"), "accounts": theirs}


def _account(
    account: Account, numbers: Sequence[Number], known: Mapping[str, str], public_url: str
) -> dict[str, Any]:
    """The provider's side of an account: the other half of each key that we hold."""
    senders = [number.id for number in numbers if number.account == account.id]
    # As an account's console has it: without our own name for the account.
    inbound = (
        f"{public_url.rstrip('/')}/webhooks/sms/{account.provider}{_TRY_AGAIN.get(account.provider, '')}"
    )
    common = {"id": account.id, "provider": account.provider, "numbers": senders, "inbound_url": inbound}
    match account.credentials:
        case TwilioCredentials() as twilio:
            return common | {
                "account_sid": twilio.account_sid,
                "api_key_sid": twilio.api_key_sid,
                "api_key_secret": known["twilio_api_key_secret"],
                "auth_token": known["twilio_auth_token"],
            }
        case TelnyxCredentials():
            return common | {
                "api_key": known["telnyx_api_key"],
                "signing_seed": known["telnyx_seed"],
            }
        case VonageCredentials() as vonage:
            return common | {
                "numbers": [sender.removeprefix("+") for sender in senders],  # as Vonage writes them
                "api_key": VONAGE_API_KEY,
                "application_id": vonage.application_id,
                "public_key": secrets.vonage_public_key(known["vonage_private_key"]),
                "signature_secret": known["vonage_signature_secret"],
            }
