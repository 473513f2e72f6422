"""Claims as the lines that Redis holds."""

import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.claims import (
    Absent,
    Ask,
    Closed,
    Open,
    Pace,
    Sending,
    Via,
    Wait,
    encode_asks,
    line,
    parse,
    verdict,
)
from schemas.forgetting import CLAIMS_MS
from schemas.provider import Provider
from schemas.tasks import How

WORDS = st.text("abcdef0123456789.:-+", min_size=1, max_size=40)
VIAS = st.builds(Via, st.sampled_from(Provider), WORDS, WORDS)
WHYS = st.sampled_from(["sent", "unknown", "cancelled", "expired", "opted_out"])


@given(
    st.one_of(
        st.builds(Open, st.integers(1, 99), WORDS, st.booleans()),
        st.builds(Closed, WHYS, st.integers(0, 99), st.one_of(st.just(""), WORDS)),
        st.builds(Closed, st.just("unknown"), st.integers(0, 99), WORDS, st.one_of(st.none(), VIAS)),
    )
)
def test_what_a_rebuild_writes_is_read_again(claim: Open | Closed) -> None:
    assert parse(line(claim).encode()) == claim


def test_lines() -> None:
    assert parse(None) == Absent()
    assert parse(b"open 2 1 topic:0:9") == Open(2, "topic:0:9", maybe_sent=True)
    assert parse(b"sending 1 0 1700000000000 n topic:0:9") == Sending(
        1, "topic:0:9", "n", 1700000000000, maybe_sent=False
    )
    assert parse(b"closed sent 1") == Closed("sent", 1)


def test_what_a_hand_over_went_out_through_is_in_its_line() -> None:
    via = Via(Provider.TELNYX, "spare-1", "+15550100")
    assert parse(b"sending 1 0 7 n t:0:9 telnyx/spare-1/+15550100") == Sending(1, "t:0:9", "n", 7, False, via)
    assert parse(b"closed unknown 2 n telnyx/spare-1/+15550100") == Closed("unknown", 2, "n", via)
    # Written before there was failover.
    assert parse(b"closed unknown 2 n") == Closed("unknown", 2, "n")


@pytest.mark.parametrize(
    "value",
    [b"", b"open", b"closed lost 1", b"sending 1 0 n r", b"OPEN 1 0 r", b"closed unknown 1 n pigeon/a/b"],
)
def test_what_is_no_claim_is_not_guessed_at(value: bytes) -> None:
    with pytest.raises(ValueError, match="not a claim"):
        parse(value)


def test_verdicts() -> None:
    assert verdict([b"wait", 5, b"number:1"]) == Wait(5, "number:1")
    with pytest.raises(ValueError, match="not a verdict"):
        verdict([b"perhaps", 5])


def test_a_pace_that_many_share_is_sent_once() -> None:
    account = Pace("account:main", 50, 10)
    asks = [
        Ask(
            message_id=f"m{n}", attempt=1, how=How.PLAIN, nonce="n", record="t:0:1", segments=1,
            paces=(Pace(f"number:{n}", 1, 1), account), valid_until=1, forget_at=1, hold_ms=1,
        )
        for n in range(2)
    ]  # fmt: skip
    asked = json.loads(encode_asks(asks))
    assert [pace["key"] for pace in asked["paces"]] == ["number:0", "account:main", "number:1"]
    assert [ask["paces"] for ask in asked["asks"]] == [[1, 2], [3, 2]]


def test_scripts_keep_claims_for_as_long_as_the_rebuild_does() -> None:
    script = files("ledger").joinpath("scripts", "claims.lua").read_text(encoding="utf-8")
    assert f"\nlocal MARGIN = {CLAIMS_MS}\n" in script
