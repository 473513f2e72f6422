"""An endpoint's queue, its rests, and its turns: with time as an argument."""

import heapq
import random

from notifiers.endpoint import Endpoint
from notifiers.pauses import Pauses
from notifiers.shares import Shares
from notifiers.turns import Turns
from tests.unit.notifiers.world import NOW, Log, status, subscription

PAUSES = Pauses(5_000, 3_600_000)
LOG = Log()
HOOK = subscription()


def endpoint(organization: str = "acme", width: int = 4) -> Endpoint:
    return Endpoint(organization, HOOK.url, width)


def add(to: Endpoint, *messages: str) -> None:
    for message in messages:
        to.add(LOG.delivery(status(message), HOOK, since=NOW))


def start(one: Endpoint) -> str:
    return one.start().key.decode()


def test_of_one_message_one_at_a_time_and_others_beside_it() -> None:
    one = endpoint()
    add(one, "a", "a", "b")
    assert [start(one), start(one)] == ["a", "b"]
    assert not one.startable(NOW)
    one.ended(b"b")
    assert not one.startable(NOW)
    one.ended(b"a")
    assert start(one) == "a"
    one.ended(b"a")
    assert one.idle


def test_no_more_than_its_width() -> None:
    one = endpoint(width=2)
    add(one, "a", "b", "c")
    start(one), start(one)
    assert not one.startable(NOW)


def test_one_event_that_it_cannot_take_does_not_stop_the_others() -> None:
    one = endpoint()
    for _ in range(10):
        one.bad(NOW, PAUSES, 0.5, 10)
        one.bad(NOW, PAUSES, 0.5, 10)
        one.well(10)
    assert not one.resting(NOW)


def test_after_three_failures_in_a_row_it_rests_then_one_try_goes_alone() -> None:
    one = endpoint()
    for _ in range(3):
        one.bad(NOW, PAUSES, 0.5, 10)
    assert one.resting(NOW)
    assert one.until == NOW + 5_000
    later = NOW + 5_000
    assert not one.resting(later)
    add(one, "a", "b")
    assert one.resting(later)
    assert start(one) == "a"
    assert not one.startable(later)
    one.ended(b"a")
    one.bad(later, PAUSES, 0.5, 10)
    assert one.until == later + 10_000
    one.well(10)
    assert not one.resting(later)
    assert one.startable(later)


def test_failures_begun_before_the_rest_do_not_lengthen_it() -> None:
    one = endpoint()
    for _ in range(9):
        one.bad(NOW, PAUSES, 0.5, 10)
    assert one.until == NOW + 5_000


def test_however_long_it_has_failed_it_is_tried_every_five_minutes() -> None:
    one, now = endpoint(), NOW
    for _ in range(30):
        one.bad(now, PAUSES, 0.5, 10)
        assert one.until - now <= 300_000
        now = max(now, one.until)


def test_a_slow_one_has_little_room_a_quick_one_more() -> None:
    slow, quick = endpoint(), endpoint()
    for _ in range(30):
        slow.well(9_000)
        quick.well(5)
    counts = []
    for one in (slow, quick):
        one.queued = 0
        while one.has_room():
            one.queued += 1
        counts.append(one.queued)
    assert counts == [4, 500]


def test_what_finds_no_room_comes_back_in_its_order_and_as_quick_as_the_endpoint_is() -> None:
    one = endpoint(width=1)
    for _ in range(50):
        one.well(1_000)
    places = [one.place(NOW, 0.5) for _ in range(3_000)]
    assert places == sorted(places)
    assert places[0] == NOW + 10_000
    assert 1_900 < places[12] - places[10] < 2_100


def test_beyond_an_hour_chance_says_when_to_look_again_and_the_line_grows_no_longer() -> None:
    one = endpoint(width=1)
    for _ in range(50):
        one.well(1_000)
    places = [one.place(NOW, 0.25) for _ in range(50_000)]
    assert max(places) <= NOW + 3_600_000
    assert set(places[4_000:]) == {NOW + 907_500}
    assert one.place(NOW + 60_000, 0.25) > NOW + 3_600_000


def test_a_healthy_endpoint_with_hours_of_backlog_is_told_all_of_it() -> None:
    """Virtual time: 8,000 events, of which it answers one in two seconds."""
    chance = random.Random(7)
    one = endpoint(width=1)
    for _ in range(50):
        one.well(2_000)
    comes = [(NOW + n, n) for n in range(8_000)]
    heapq.heapify(comes)
    told, free_at = 0, NOW
    while comes:
        at, n = heapq.heappop(comes)
        while one.queued and free_at <= at:
            one.ended(one.start().key)
            told, free_at = told + 1, free_at + 2_000
        if not one.queued:
            free_at = max(free_at, at)
        if one.has_room():
            add(one, str(n))
        else:
            heapq.heappush(comes, (max(at + 1, one.place(at, chance.random())), n))
        assert at < NOW + 8 * 3_600_000, f"{told} told"
    assert told + one.queued == 8_000


def test_it_rests_for_what_it_asks_for_an_hour_at_most_and_else_as_after_failures() -> None:
    for wanted, rest in ((1_000, 1_000), (10**12, 3_600_000), (None, 5_000), (0, 5_000)):
        one = endpoint()
        for _ in range(4):  # all of them under way at once
            one.asked(NOW, wanted, PAUSES, 0.5)
        assert (one.until, one.rests) == (NOW + rest, 1)
    one, now = endpoint(), NOW
    for _ in range(20):
        one.asked(now, None, PAUSES, 0.5)
        assert one.until - now <= 300_000
        now = one.until


def test_emptied_it_keeps_only_what_is_under_way() -> None:
    one = endpoint()
    add(one, "a", "a", "b", "b")
    start(one)
    assert [delivery.key for delivery in one.empty()] == [b"a", b"b", b"b"]
    assert (one.queued, one.in_flight) == (0, 1)
    add(one, "b", "a")
    assert start(one) == "b"
    one.ended(b"a")
    assert start(one) == "a"
    one.ended(b"a")
    one.ended(b"b")
    assert one.idle


def test_whoever_comes_next_finds_some() -> None:
    shares = Shares(100)
    for organization in ("a", "b", "c", "d"):
        taken = 0
        while shares.free(organization):
            shares.take(organization)
            taken += 1
        assert taken >= 6
    for _ in range(25):
        shares.give("a")
    assert shares.free("d")


def test_organizations_take_turns_and_their_endpoints_too() -> None:
    turns = Turns(Shares(100))
    many = [endpoint("big") for _ in range(3)]
    small = endpoint("small")
    for one in (*many, small):
        add(one, *"abcdefgh")
        turns.wait(one)
    order = []
    for _ in range(8):
        found = turns.next(NOW)
        assert found is not None
        found.start()
        order.append(found)
    assert order == [many[0], small, many[1], small, many[2], small, many[0], small]


def test_one_organization_leaves_room_for_the_others() -> None:
    turns = Turns(Shares(10))
    for _ in range(9):
        one = endpoint("big")
        add(one, *"abcd")
        turns.wait(one)
    started = 0
    while (found := turns.next(NOW)) is not None:
        found.start()
        started += 1
    assert started == 5
    late = endpoint("small")
    add(late, "a")
    turns.wait(late)
    assert turns.next(NOW) is late


def test_whose_try_has_ended_comes_again() -> None:
    turns = Turns(Shares(10))
    one = endpoint(width=1)
    add(one, "a", "b")
    turns.wait(one)
    assert turns.next(NOW) is one
    key = one.start().key
    assert turns.next(NOW) is None
    turns.ended(one, key)
    assert turns.next(NOW) is one
