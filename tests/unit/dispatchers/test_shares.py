"""Who may stay at hand: every sender has its part, no pace more than its share; what leaves comes back."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchers.lines import Item
from dispatchers.paces import account_pace, breaker, number_pace
from dispatchers.shares import PROBES, RESTS_MS, STAY_MS, Leaving
from dispatchers.window import Window
from ledger.claims import Pace
from ledger.places import HORIZON_MS, SHARE_SECONDS, SOONEST_MS, Place
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.tasks import RecordId, Task

PARTITION = ("sms.dispatch.twilio.queued.v1", 0)
NOW = 1_000_000_000
DAY = 24 * 3_600_000
RATES = {"slow": 1.0, "slower": 0.01, "quick": 50.0, "busy": 1000.0}
ACCOUNT_RATE = 100.0


def paces(task: Task) -> tuple[Pace, ...]:
    return (
        Pace(number_pace(task.sender), RATES.get(task.sender, 1.0), 1),
        Pace(account_pace(task.account), ACCOUNT_RATE, 1),
    )


def names(task: Task) -> tuple[str, ...]:
    return (number_pace(task.sender), account_pace(task.account), breaker(task.account))


def task(sender: str = "slow", **changes: object) -> Task:
    return Task(
        message_id="m",
        organization="acme",
        lane=Lane.QUEUED,
        provider=Provider.TWILIO,
        account="tw",
        sender=sender,
        to_number="+15559999",
        text="hello",
        segments=1,
        valid_until=NOW + DAY,
        forget_at=NOW + DAY,
    ).model_copy(update=changes)


class Hand:
    """A window, and what was offered to it."""

    def __init__(self, room: int = 10_000) -> None:
        self.window = Window(lambda _: 1000, room, names, paces)
        self.line = self.window.assign(PARTITION)
        self.left: list[Leaving] = []
        self.stayed: list[Item] = []

    def offer(self, *tasks: Task, now: int = NOW) -> list[Leaving]:
        left = []
        for one in tasks:
            offset = len(self.stayed) + len(self.left)
            self.line.open(offset)
            item = Item(self.line, offset, one)
            if (gone := self.window.offer(item, now)) is None:
                self.stayed.append(item)
            else:
                self.left.append(gone)
                left.append(gone)
        return left


def test_a_number_has_twenty_seconds_of_its_work_at_hand() -> None:
    hand = Hand()
    hand.offer(*[task()] * 100)
    assert (len(hand.stayed), len(hand.left)) == (20, 80)


def test_segments_count_and_one_task_stays_however_slow_the_number() -> None:
    hand = Hand()
    hand.offer(*[task(segments=5)] * 10)
    assert len(hand.stayed) == 4
    hand.offer(*[task("slower")] * 10)
    assert len(hand.stayed) == 5


def test_what_is_handed_over_makes_room() -> None:
    hand = Hand()
    hand.offer(*[task()] * 20)
    assert hand.offer(task())
    hand.window.take(3, NOW)
    assert hand.offer(*[task()] * 3) == []
    assert hand.offer(task())


def test_what_has_to_wait_for_its_slot_takes_its_room_again() -> None:
    hand = Hand()
    hand.offer(*[task()] * 20)
    hand.window.put_back(hand.window.take(5, NOW))
    assert hand.offer(task())


def test_an_immediate_one_finds_room_whatever_is_queued() -> None:
    hand = Hand()
    hand.offer(*[task()] * 50)
    assert hand.offer(*[task(lane=Lane.IMMEDIATE)] * 20) == []
    assert hand.offer(task(lane=Lane.IMMEDIATE))


def test_who_shares_an_account_with_a_busy_sender_has_an_even_part_of_it() -> None:
    hand = Hand()
    hand.offer(*[task("busy")] * 5000)
    assert len(hand.stayed) == ACCOUNT_RATE * SHARE_SECONDS
    assert hand.offer(*[task("quick")] * 1000) == []
    assert hand.offer(*[task("quick")] * 10)


def test_a_crowded_partition_keeps_at_least_one_of_each_sender() -> None:
    hand = Hand(room=10)
    hand.offer(*[task("quick")] * 50)
    assert len(hand.stayed) == 10
    assert hand.offer(*[task(f"sender{n}") for n in range(10)]) == []
    assert len(hand.offer(*[task(f"sender{n}") for n in range(10)])) == 10


def test_what_comes_back_at_its_turn_finds_room_that_newcomers_do_not() -> None:
    hand = Hand()
    hand.offer(*[task()] * 25)
    assert hand.offer(*[task(turn=NOW)] * 20) == []
    assert hand.offer(task(turn=NOW))


def test_what_is_over_or_would_be_before_it_is_back_stays() -> None:
    hand = Hand()
    hand.offer(*[task()] * 30)
    assert hand.offer(task(valid_until=NOW - 1), task(valid_until=NOW + SOONEST_MS - 1)) == []
    assert hand.offer(task(valid_until=NOW + SOONEST_MS + 1))


def test_behind_a_breaker_that_rests_for_long_few_stay_to_probe() -> None:
    hand = Hand()
    hand.offer(*[task()] * (PROBES + 5), task("other", account="fine"))
    hand.window.rest_pace(breaker("tw"), NOW + RESTS_MS)
    assert hand.window.overstaying(NOW) == []
    hand.window.rest_pace(breaker("tw"), NOW + RESTS_MS + 1)
    leaving = hand.window.overstaying(NOW) + hand.offer(task())
    assert [one.item.task.account for one in leaving] == ["tw"] * 6
    assert all(one.back_at(Place(SOONEST_MS, is_turn=True), NOW)[0] <= NOW + RESTS_MS for one in leaving)
    assert [item.task.account for item in hand.window.take(100, NOW)] == ["fine"]
    assert hand.offer(task("third", account="fine")) == []
    assert len(hand.window.take(100, NOW + RESTS_MS + 1)) == PROBES + 1


def test_who_comes_back_while_nobody_is_there_to_probe_stays() -> None:
    hand = Hand()
    hand.window.rest_pace(breaker("tw"), NOW + 2 * RESTS_MS)
    assert len(hand.offer(*[task("quick", turn=NOW - DAY)] * (PROBES + 3))) == 3
    # A probe that stays for too long makes way for others: what it holds up are commits.
    assert len(hand.window.overstaying(NOW + STAY_MS)) == PROBES


def test_behind_a_pace_that_rests_for_long_nothing_stays() -> None:
    hand = Hand()
    hand.offer(*[task()] * 5)
    hand.window.rest_pace(breaker("tw"), NOW + RESTS_MS + 1)
    hand.window.rest_pace(number_pace("slow"), NOW + RESTS_MS + 2)
    assert len(hand.window.overstaying(NOW) + hand.offer(task())) == 6


@pytest.mark.parametrize("overdue", [0, 60_000, DAY])
def test_behind_a_rest_nobody_waits_for_longer_than_it_lasts(overdue: int) -> None:
    hand = Hand()
    hand.window.rest_pace(breaker("tw"), NOW + 30_000)
    left = hand.offer(*[task("quick", turn=NOW - overdue)] * 200)
    back = Counter(one.back_at(Place(SOONEST_MS, is_turn=True), NOW)[0] for one in left)
    assert min(back) >= NOW + 25_000
    assert max(back) < NOW + 30_000
    assert max(back.values()) < 10  # not all at once


def test_nothing_ready_stays_for_longer_than_a_minute() -> None:
    hand = Hand()
    hand.offer(*[task()] * 3)
    hand.offer(task(), now=NOW + 1)
    assert len(hand.window.overstaying(NOW + STAY_MS)) == 3
    assert hand.window.overstaying(NOW + STAY_MS) == []
    assert len(hand.window.take(10, NOW)) == 1


def test_a_partition_that_goes_leaves_its_room_to_others() -> None:
    hand = Hand()
    hand.offer(*[task()] * 20)
    hand.window.revoke([PARTITION])
    hand.line = hand.window.assign(PARTITION)
    assert hand.offer(*[task()] * 20) == []


def test_newcomers_ask_in_their_numbers_line_and_others_where_there_was_no_room() -> None:
    hand = Hand()
    hand.offer(*[task()] * 20)
    (new,) = hand.offer(task())
    assert [(line.key, line.rate) for line in new.wish.lines] == [("number:slow:queued", 1.0)]
    assert not new.wish.again
    hand.offer(*[task("busy")] * 3000)
    assert {line.key for line in hand.left[-1].wish.lines} == {"number:busy:queued"}
    assert {line.rate for line in hand.left[-1].wish.lines} == {ACCOUNT_RATE}
    record = RecordId(topic="t", partition=0, offset=1)
    back = hand.offer(*[task("busy", turn=NOW, record=record)] * 3000)[-1]
    assert [(line.key, line.rate) for line in back.wish.lines] == [("account:tw:queued", ACCOUNT_RATE)]
    assert back.wish.again


def test_what_route_has_put_away_has_been_away() -> None:
    hand = Hand()
    hand.offer(*[task(turn=NOW)] * 40)
    # It has no record from before, and yet: its claim is looked at, and it is before the newcomers.
    (back,) = hand.offer(task(turn=NOW))
    assert back.item.task.record is None
    assert back.wish.again


def leaving(**changes: Any) -> Leaving:
    hand = Hand()
    hand.offer(*[task()] * 40, *[task(turn=NOW)] * 40)
    return hand.offer(task(**changes))[0]


def test_it_comes_back_at_its_place() -> None:
    assert leaving().back_at(Place(20_000, is_turn=True), NOW) == (NOW + 20_000, NOW + 20_000)
    assert leaving().back_at(Place(HORIZON_MS, is_turn=False), NOW) == (NOW + HORIZON_MS, None)


def test_never_after_its_time_is_over_and_never_sooner_than_it_can_wait() -> None:
    short = leaving(valid_until=NOW + 30_000)
    assert short.back_at(Place(HORIZON_MS, is_turn=False), NOW) == (NOW + 30_001, None)
    assert leaving().back_at(Place(SOONEST_MS, is_turn=True), NOW)[0] == NOW + SOONEST_MS


@pytest.mark.parametrize(
    ("overdue", "pause"),
    [(-5_000, SOONEST_MS), (0, SOONEST_MS), (30_000, 30_000), (60_000, 60_000), (DAY, 60_000)],
)
def test_who_comes_in_vain_waits_as_long_again(overdue: int, pause: int) -> None:
    back = leaving(turn=NOW - overdue)
    assert back.back_at(Place(SOONEST_MS, is_turn=True), NOW) == (NOW + pause, NOW - overdue)


def test_who_comes_in_vain_has_time_left_to_come_again() -> None:
    back = leaving(turn=NOW - DAY, valid_until=NOW + 60_000)
    assert back.back_at(Place(SOONEST_MS, is_turn=True), NOW)[0] == NOW + 30_000


SENDERS = st.sampled_from(["slow", "slower", "quick", "a", "b", "c"])
OFFERED = st.lists(
    st.tuples(SENDERS, st.sampled_from(Lane), st.booleans(), st.integers(1, 4)), min_size=1, max_size=300
)


@given(OFFERED, st.integers(1, 60), st.data())
def test_bounds_hold_and_every_sender_has_one_at_hand(
    offered: list[tuple[str, Lane, bool, int]], room: int, data: st.DataObject
) -> None:
    hand = Hand(room)
    for sender, lane, back, segments in offered:
        hand.offer(task(sender, lane=lane, segments=segments, turn=NOW if back else None))
        if data.draw(st.integers(0, 9)) == 0:
            taken = hand.window.take(data.draw(st.integers(1, 20)), NOW)
            hand.window.put_back(taken)  # as many as there were
    held = hand.stayed
    segments_of: Counter[tuple[str, Lane]] = Counter()
    for item in held:
        segments_of[item.task.sender, item.task.lane] += item.task.segments
    for (sender, _), many in segments_of.items():
        # Twice its share for those whose turn has come, and the last one may be of several segments.
        assert many < 2 * SHARE_SECONDS * RATES.get(sender, 1.0) + 4
    # Nobody starves: whoever was there has at least one at hand, in each lane.
    assert set(segments_of) >= {
        (sender, Lane.IMMEDIATE) for sender, lane, *_ in offered if lane is Lane.IMMEDIATE
    }
    assert {sender for sender, _ in segments_of} == {sender for sender, *_ in offered}
    senders = len({sender for sender, *_ in offered})
    queued = [item for item in held if item.task.lane is Lane.QUEUED]
    assert len(queued) <= room * (1 + senders) + senders


@given(OFFERED)
def test_what_has_gone_is_not_counted(offered: list[tuple[str, Lane, bool, int]]) -> None:
    hand = Hand()
    hand.offer(*[task(sender, lane=lane, segments=many) for sender, lane, _, many in offered])
    while hand.window.take(7, NOW):
        pass
    assert len(hand.window._shares) == 0
    assert hand.window._shares._crowds == {}
