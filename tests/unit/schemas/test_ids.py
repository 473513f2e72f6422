"""Ids: version and variant as RFC 9562 has them, names that cannot be confused, times that sort."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ids


@given(st.text(), st.text())
def test_named_ids_are_uuid5_of_the_parts_with_their_lengths(organization: str, key: str) -> None:
    name = "".join(f"{len(part)}:{part}" for part in ("key", organization, key))
    assert ids.of_key(organization, key) == str(uuid.uuid5(ids.NAMESPACE, name))


def test_the_namespace_and_the_rule_never_change() -> None:
    # Ids of released versions: a message must keep its id over an upgrade.
    assert ids.of_key("acme", "order:12345:shipped") == "d3ffd959-58cb-58ef-b9a9-e638951ee80b"


@pytest.mark.parametrize(("one", "other"), [(("ab", "c"), ("a", "bc")), (("", "a"), ("a", ""))])
def test_parts_cannot_run_into_each_other(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert ids.of_key(*one) != ids.of_key(*other)


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_uuid7_holds_its_time_and_its_randomness(now: int, random: bytes) -> None:
    found = uuid.UUID(ids.uuid7(now, random))
    assert found.version == 7
    assert found.variant == uuid.RFC_4122
    assert found.int >> 80 == now


@given(st.integers(0, 2**48 - 2))
def test_later_ones_sort_behind(now: int) -> None:
    assert ids.uuid7(now, b"\xff" * 10) < ids.uuid7(now + 1, b"\x00" * 10)


def test_an_inbound_texts_id_is_that_of_its_provider_account_and_providers_id() -> None:
    one = ids.of_inbound("twilio", "main", "SM1")
    assert one == "2dbbd442-d354-50f4-9233-3bbcd0f4c286"
    others = [("telnyx", "main", "SM1"), ("twilio", "other", "SM1"), ("twilio", "main", "SM2")]
    assert one not in {ids.of_inbound(*other) for other in others}
