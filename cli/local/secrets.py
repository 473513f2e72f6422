"""Secrets of the demo: made once, kept in files that only their owner can read."""

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ED25519_SEED_BYTES: Final = 32


def _token() -> str:
    return secrets.token_urlsafe(32)


def _api_key() -> str:
    return f"helio_{_token()}"


def _seed() -> str:
    return base64.b64encode(secrets.token_bytes(ED25519_SEED_BYTES)).decode()


def _rsa_key() -> str:
    """PKCS#8 PEM, as Vonage hands an application its key."""
    return (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


MAKERS: Final[Mapping[str, Callable[[], str]]] = {
    "api_key": _api_key,
    "second_api_key": _api_key,
    "operator_api_key": _api_key,
    "callback_secret": _token,
    "subscription_secret": _token,
    "fingerprint_secret": _token,
    "twilio_api_key_secret": _token,
    "twilio_auth_token": _token,
    "telnyx_api_key": _token,
    "telnyx_seed": _seed,
    "vonage_private_key": _rsa_key,
    "vonage_signature_secret": _token,
}
"""Each secret by the name of its file."""


def ensure(folder: Path) -> dict[str, str]:
    """Make what is missing in `folder`, and return all secrets by name.

    `telnyx_public_key` follows from `telnyx_seed` and is written beside it: that is what the directory names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    found = {name: _kept(folder / name, make) for name, make in MAKERS.items()}
    public = telnyx_public_key(found["telnyx_seed"])
    return {**found, "telnyx_public_key": _kept(folder / "telnyx_public_key", lambda: public)}


def _kept(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        half = path.with_suffix(".new")
        half.unlink(missing_ok=True)
        with open(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:  # noqa: PTH123  a descriptor: the mode must hold from the first byte
            file.write(make())
        half.replace(path)
    return path.read_text()


def telnyx_public_key(seed: str) -> str:
    """The public half of an Ed25519 seed, both in base64: what Telnyx shows in its portal."""
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(seed)).public_key()
    return base64.b64encode(key.public_bytes_raw()).decode()


def vonage_public_key(private_pem: str) -> str:
    """The PEM of the public half: what one uploads to Vonage."""
    key = serialization.load_pem_private_key(private_pem.encode(), password=None)
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
