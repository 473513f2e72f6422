"""The schema of requests says what the door judges: both sides of each limit, through both."""

from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from ingress.checks import malformed
from schemas import published
from schemas.requests import MAX_KEY, MAX_MEDIA, MAX_TEXT, MAX_VALID_FOR, SendRequest
from tests.fakes import pools

FITS: Final = Draft202012Validator(published.schemas()[published.REQUEST])
BODY: Final = {"from_phone_number": pools.WEST, "to_phone_number": pools.HANDSET, "message": "Hello"}
URL: Final = "https://media.example.com/"
SIDES: Final[dict[str, tuple[list[Any], list[Any]]]] = {
    "type": (["sms.request.v1"], ["sms.request.v2", None, 1]),
    "from_phone_number": (["+14155550123"], ["4155550123", "+0155550123", "", 1, None]),
    "use_case_id": ([None], [pools.USE_CASE]),
    "to_phone_number": (["+1415555"], ["+141555", "+1 415 555 0123", None]),
    "message": (
        ["x" * MAX_TEXT, "\u200b", "a\n"],
        ["", " \n", "\u3000", "a\0", "x" * (MAX_TEXT + 1), 1, None],
    ),
    "media_urls": (
        [None, [], [URL] * MAX_MEDIA, [URL.ljust(2048, "x")]],
        [[URL] * (MAX_MEDIA + 1), [URL.ljust(2049, "x")], ["ftp://media.example.com/"], [""], [1], URL],
    ),
    "queue": ([True, False], ["true", 1, None]),
    "idempotency_key": ([None, "k" * MAX_KEY], ["", " ", "k" * (MAX_KEY + 1), 1]),
    "send_at": (
        [None, "2026-05-01T09:00:00Z", "2026-05-01T09:00:00.5+02:00"],
        ["2026-05-01", "2026-05-01T09:00:00", "1777626000", 1777626000],
    ),
    "valid_for": ([None, 1, 60.0, MAX_VALID_FOR], [0, MAX_VALID_FOR + 1, 1.5, "60", True]),
    "reference": ([None, "", "r" * 256], ["r" * 257, 1]),
    "dry_run": ([False], ["false", None]),
    "priority": ([3, None, {}], []),
}


def sides() -> list[Any]:
    return [
        pytest.param({**BODY, name: value}, fits, id=f"{name}-{'taken' if fits else 'refused'}-{n}")
        for name, both in SIDES.items()
        for values, fits in zip(both, (True, False), strict=True)
        for n, value in enumerate(values)
    ]


@pytest.mark.parametrize(("asked", "fits"), sides())
def test_the_schema_and_the_door_agree(asked: dict[str, Any], fits: bool) -> None:
    try:
        taken = malformed(SendRequest.model_validate(asked), now=1_777_544_100_000) is None
    except ValidationError:
        taken = False
    assert FITS.is_valid(asked) is taken is fits


@pytest.mark.parametrize("sender", [{}, {"from_phone_number": pools.WEST, "use_case_id": pools.USE_CASE}])
def test_it_names_one_of_number_and_use_case(sender: dict[str, str]) -> None:
    asked = {"to_phone_number": pools.HANDSET, "message": "Hello", **sender}
    assert not FITS.is_valid(asked)
    with pytest.raises(ValidationError):
        SendRequest.model_validate(asked)
