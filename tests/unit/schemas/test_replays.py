"""What a replayed record says of where it came from: read back as it was written, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ids
from schemas.replays import MARK, REPLAYED, Mark, Origin, What, first_origin, history, replayed_from

TOPIC = "sms.requests.acme.v1"
ORIGINS = st.builds(
    Origin, st.just(TOPIC), st.integers(0, 999), st.integers(0, 10**18), st.integers(0, 10**15)
)


@given(st.lists(ORIGINS, min_size=1, max_size=4))
def test_each_replay_stays_in_the_record_and_the_first_one_names_it(origins: list[Origin]) -> None:
    headers = [replayed_from(f"sms.requests.dlq.v1/0/{n}", origin) for n, origin in enumerate(origins)]
    assert [origin for _, origin in history([("other", b"x"), *headers])] == origins
    assert first_origin(TOPIC, headers) == origins[0]
    assert first_origin("sms.requests.v1", headers) is None


@pytest.mark.parametrize(
    "value",
    [None, b"", b"\xff\xfe", b"dlq/0/1", b"dlq/0/1 a/b/c/d", b"dlq/0/1 t/1/2", b"dlq/0/1 t/-1/2/3",
     b"dlq/0/1 t/1/2/3/4", b"dlq/0/1 t/1/2/" + b"9" * 5000, b"dlq/0/1 t/\xd9\xa1/2/3"],
)  # fmt: skip
def test_what_strangers_write_there_is_nothing(value: bytes | None) -> None:
    assert list(history([(REPLAYED, value)])) == []


def test_a_replays_id_is_its_organizations_own() -> None:
    place = (TOPIC, 2, 7, 1_700_000_000_000)
    own = ids.of_replay("acme", *place)
    assert own == ids.of_replay("acme", *place) == "74957eaf-beb2-5cc9-830e-5f6a61900719"
    assert own not in {ids.of_replay("globex", *place), ids.of_record(*place)}


def test_a_mark_names_its_letter() -> None:
    mark = Mark(what=What.DROPPED, partition=1, offset=17, at=5, note="test data")
    assert (mark.key, mark.headers) == (b"1/17", [(MARK, b"dropped")])
    assert Mark.decode(mark.encode()) == mark
