"""A replayed request at the Kafka door: one letter, one message, however often and by whomever."""

from schemas import ids
from schemas.replays import Origin, replayed_from
from schemas.topics import REQUESTS
from tests.fakes.requests import NOW, OWN, having, judged, record

FIRST = Origin(OWN, 1, 3, NOW - 86_400_000)
HEADER = replayed_from("sms.requests.dlq.v1/0/0", FIRST)


def test_two_replays_of_a_letter_are_one_message() -> None:
    replays = [judged(record(having(), offset=offset, headers=[HEADER])) for offset in (7, 8)]
    assert {one.outgoing.key for one in replays} == {ids.of_record(OWN, 1, 3, FIRST.timestamp).encode()}


def test_a_record_that_was_let_in_and_became_a_letter_too_is_one_message() -> None:
    """A crash between produce and commit, and another version or owner after it."""
    let_in = judged(record(having(), topic=REQUESTS, partition=1, offset=3), owner="acme")
    place = replayed_from("x/0/0", Origin(REQUESTS, 1, 3, NOW))
    replayed = judged(record(having(), topic=REQUESTS, offset=9, headers=[place]), owner="acme")
    assert replayed.outgoing.key == let_in.outgoing.key


def test_a_letter_of_a_replay_is_still_the_same_message() -> None:
    second = replayed_from("sms.requests.dlq.v1/0/9", Origin(OWN, 0, 7, NOW))
    found = judged(record(having(), headers=[("theirs", b"1"), HEADER, second]))
    assert found.outgoing.key == ids.of_record(OWN, 1, 3, FIRST.timestamp).encode()


def test_a_key_outweighs_the_place() -> None:
    found = judged(record(having(idempotency_key="k"), headers=[HEADER]))
    assert found.outgoing.key == ids.of_key("acme", "k").encode()


def test_what_a_producer_writes_there_meets_no_id_of_others() -> None:
    """The place of another record of a topic that several share."""
    header = replayed_from("x/0/0", Origin(REQUESTS, 1, 3, NOW))
    asked = having(organization="acme")
    forged = judged(record(asked, topic=REQUESTS, headers=[header]), trusted=True).outgoing.key
    theirs = judged(record(asked, topic=REQUESTS, partition=1, offset=3), trusted=True).outgoing.key
    assert forged is not None
    assert forged != theirs
    assert forged.decode() == ids.of_replay("acme", REQUESTS, 1, 3, NOW)
    assert forged.decode() != ids.of_replay("globex", REQUESTS, 1, 3, NOW)


def test_a_place_on_another_topic_or_none_at_all_counts_for_nothing() -> None:
    own = ids.of_record(OWN, 2, 7, NOW).encode()
    for header in (replayed_from("x/0/0", Origin(REQUESTS, 1, 3, NOW)), ("helio-replayed-from", b"\xff")):
        assert judged(record(having(), headers=[header])).outgoing.key == own
