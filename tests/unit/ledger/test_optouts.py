"""What is read of the topic of opt-outs: in doubt, nobody is written to."""

import pytest

from ledger.optouts import Noted, read
from schemas.optouts import Consent, OptOut, Source

ADA = "+14155550101"
BACK = OptOut(
    organization="acme",
    use_case_id="0b6e",
    number=ADA,
    consent=Consent.IN,
    source=Source.TEXT,
    at=7,
    note="yes",
)


def test_a_record_is_what_it_says() -> None:
    assert read(BACK.key, BACK.encode(), 3, 99) == Noted(3, BACK)


@pytest.mark.parametrize("value", [b"", b"{}", b'{"type":"optout.v2"}', b"\xff"])
def test_one_that_cannot_be_read_is_an_opt_out_of_its_key(value: bytes) -> None:
    found = read(BACK.key, value, 3, 99)
    assert found is not None
    assert (found.offset, found.record.key, found.record.at) == (3, BACK.key, 99)
    assert found.record.consent is Consent.OUT
    whole = read(f"acme {ADA}".encode(), value, 3, 99)
    assert whole is not None
    assert (whole.record.organization, whole.record.use_case_id) == ("acme", None)
    of_number = read(f"acme/+14155552399 {ADA}".encode(), value, 3, 99)
    assert of_number is not None
    assert (of_number.record.use_case_id, of_number.record.sender) == (None, "+14155552399")


@pytest.mark.parametrize("key", [None, b"", b"acme", b"acme BANK", b"a b +14155550101", b"\xff"])
def test_of_one_that_names_nobody_nothing_is_learned(key: bytes | None) -> None:
    assert read(key, b"{", 3, 99) is None


def test_nor_of_one_without_a_value() -> None:
    assert read(BACK.key, None, 3, 99) is None
