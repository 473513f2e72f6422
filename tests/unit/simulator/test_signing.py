"""Signatures agree with published vectors, and with what the providers' own validators accept."""

import base64

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twilio.request_validator import RequestValidator

from simulator.signing import telnyx_signature, twilio_signature, vonage_token

_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"


@pytest.mark.parametrize(
    ("url", "params", "signature"),
    [
        (
            _URL,
            [
                ("CallSid", "CA1234567890ABCDE"),
                ("Digits", "1234"),
                ("From", "+14158675309"),
                ("To", "+18005551212"),
                ("Caller", "+14158675309"),
            ],
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        ),
        (
            _URL,
            [
                ("Sid", "CA123"),
                ("SidAccount", "AC123"),
                ("Digits", "5678"),
                ("Digits", "1234"),
                ("Digits", "1234"),
            ],
            "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
        ),
    ],
)
def test_twilio_signs_as_the_vectors_of_its_sdk(
    url: str, params: list[tuple[str, str]], signature: str
) -> None:
    assert twilio_signature("12345", url, params) == signature


def test_twilio_signs_a_status_callback() -> None:
    sid = "SM" + "0" * 31 + "1"
    params = {
        "SmsSid": sid,
        "MessageSid": sid,
        "SmsStatus": "delivered",
        "MessageStatus": "delivered",
        "To": "+14155552346",
        "From": "+14155552345",
        "AccountSid": "AC" + "a" * 32,
        "ApiVersion": "2010-04-01",
    }
    url = "https://sms.example.com/webhooks/twilio/status?m=01JD0000000000000000000000"
    token = "f0e1d2c3b4a5968778695a4b3c2d1e0f"
    signature = twilio_signature(token, url, params.items())
    assert signature == "GOafwCruZREHGjYHxn1+46WvTxw="
    assert RequestValidator(token).validate(url, params, signature)


def test_telnyx_signs_as_the_vector() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    body = b'{"data":{"event_type":"message.finalized","id":"4ee8c3a6-4995-4309-a3c6-38e3db9ea4be"}}'
    signature = telnyx_signature(key, 1795312000, body)
    assert signature == (
        "ph8cHPdkmV+s3YBx6L4tiLrL2ZbBOM2EyCxv7UK9PWjprjyMgX0nszVWHZCVQGbjuyNrP9nm7mHTbWwBdOnbAg=="
    )
    key.public_key().verify(base64.b64decode(signature), b"1795312000|" + body)


def test_vonage_signs_as_the_vector() -> None:
    body = (
        b'{"message_uuid":"aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab","to":"447700900000",'
        b'"from":"447700900001","timestamp":"2026-11-22T02:00:00.000Z","status":"delivered",'
        b'"channel":"sms","client_ref":"ref-1"}'
    )
    secret = "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6"
    token = vonage_token(
        secret,
        body=body,
        api_key="a1b2c3d",
        application_id="aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
        iat=1795312000,
        jti="c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5",
    )
    assert token == (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJpYXQiOjE3OTUzMTIwMDAsImp0aSI6ImM1YmE4ZjI0LTFhMTQtNGMxMC1iZmRmLTNmYmU4Y2U1MTFiNSIsIm"
        "lzcyI6IlZvbmFnZSIsInBheWxvYWRfaGFzaCI6IjVhNzQ1N2Q2ZGUxZDY1ZTcyNzM4ZjdjMzBkZjBiOWM2M2M4"
        "YTE5MjU0ZDM1NTkzNzIxODIwMmQ3ODdmNjBhODciLCJhcGlfa2V5IjoiYTFiMmMzZCIsImFwcGxpY2F0aW9uX2"
        "lkIjoiYWFhYWFhYWEtYmJiYi1jY2NjLWRkZGQtMDEyMzQ1Njc4OWFiIn0."
        "dXiDVSvWVEW99Q8jScoEVKYAlbk-W0LjrwEW0vz1vTQ"
    )
    claims = jwt.decode(token, secret, algorithms=["HS256"], options={"require": ["iat", "payload_hash"]})
    assert claims["iss"] == "Vonage"
