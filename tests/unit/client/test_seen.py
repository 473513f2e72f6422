"""Each transition is handed over once: repeats are told by id, and where that is forgotten by sequence."""

from hypothesis import given
from hypothesis import strategies as st

from heliograph import InboundRecord, StatusRecord
from heliograph.kafka.seen import Seen
from tests.fakes.records import INBOUND, STATUS


def status(message: str, sequence: int) -> StatusRecord:
    change = {"id": f"{message}/{sequence}", "message_id": message, "sequence": sequence}
    return StatusRecord.model_validate(STATUS | change)


def test_a_repeat_is_seen_and_what_follows_is_new() -> None:
    seen = Seen()
    told = [seen.first(status("m", n)) for n in (1, 2, 2, 1, 3)]
    assert told == [True, True, False, False, True]


def test_the_sequence_tells_a_repeat_whose_id_is_forgotten() -> None:
    seen = Seen(remembered=3)
    for n in range(1, 8):
        assert seen.first(status("m", n))
    assert not seen.first(status("m", 1))


def test_a_message_may_be_met_in_the_middle() -> None:
    assert Seen().first(status("m", 4))


def test_texts_are_told_by_id() -> None:
    seen = Seen()
    texts = [InboundRecord.model_validate(INBOUND | {"id": name}) for name in ("a", "b", "a")]
    assert [seen.first(text) for text in texts] == [True, True, False]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=60))
def test_in_order_with_any_replays_each_comes_once(steps: list[tuple[str, int]]) -> None:
    """The log of each message goes on, or begins again some records before."""
    seen, ends, handed = Seen(), dict.fromkeys("abc", 0), []
    for message, back in steps:
        for n in range(max(1, ends[message] - back), ends[message] + 2):
            record = status(message, n)
            if seen.first(record):
                handed.append(record.id)
        ends[message] += 1
    assert len(handed) == len(set(handed)) == sum(ends.values())
