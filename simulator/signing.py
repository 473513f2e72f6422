"""Signatures of callbacks, as each provider documents them."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def twilio_signature(auth_token: str, url: str, params: Iterable[tuple[str, str]]) -> str:
    """`X-Twilio-Signature`: base64 of HMAC-SHA1 over the URL and the sorted form fields.

    Names and values follow the URL with nothing between; a repeated pair counts once.
    Source: Twilio, "Webhooks security".
    """
    signed = url + "".join(name + value for name, value in sorted(set(params)))
    return base64.b64encode(hmac.digest(auth_token.encode(), signed.encode(), hashlib.sha1)).decode()


def telnyx_signature(key: Ed25519PrivateKey, timestamp: int, body: bytes) -> str:
    """`telnyx-signature-ed25519`: base64 of the Ed25519 signature of `{timestamp}|{body}`.

    Source: Telnyx, "Receiving webhooks".
    """
    return base64.b64encode(key.sign(f"{timestamp}|".encode() + body)).decode()


def vonage_token(secret: str, *, body: bytes, api_key: str, application_id: str, iat: int, jti: str) -> str:
    """The token of `Authorization: Bearer`: HS256, with the SHA-256 of the body among its claims.

    Source: Vonage, "Decoding signed webhooks".
    """
    claims: dict[str, Any] = {
        "iat": iat,
        "jti": jti,
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": api_key,
        "application_id": application_id,
    }
    return jwt.encode(claims, secret, algorithm="HS256")
