"""The window: turns, rests, quotas, and commits that never pass an unfinished record."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchers.lines import GapError, Item, Line
from dispatchers.paces import account_pace, breaker, number_pace
from dispatchers.window import Window
from schemas.lanes import Lane
from schemas.provider import Provider
from schemas.tasks import Task

PARTITION = ("sms.dispatch.twilio.queued.v1", 0)


def task(sender: str = "+15550001", lane: Lane = Lane.QUEUED, not_before: int = 0) -> Task:
    return Task(
        message_id="m",
        organization="acme",
        lane=lane,
        provider=Provider.TWILIO,
        account="tw",
        sender=sender,
        to_number="+15559999",
        text="hello",
        segments=1,
        not_before=not_before,
        valid_until=10**13,
        forget_at=10**13,
    )


def names(task: Task) -> tuple[str, ...]:
    return number_pace(task.sender), account_pace(task.account), breaker(task.account)


def window(quota: int = 100) -> tuple[Window, Line]:
    found = Window(lambda _: quota, room=1000, names=names, paces=lambda _: ())
    return found, found.assign(PARTITION)


def fill(found: Window, line: Line, tasks: list[Task], now: int = 0) -> list[Item]:
    items = []
    for offset, one in enumerate(tasks):
        line.open(offset)
        items.append(Item(line, offset, one))
        found.add(items[-1], now)
    return items


def test_senders_take_turns() -> None:
    found, line = window()
    fill(found, line, [task("a"), task("a"), task("a"), task("b"), task("c")])
    assert [i.task.sender for i in found.take(10, 0)] == ["a", "b", "c", "a", "a"]


def test_turns_go_on_over_batches() -> None:
    found, line = window()
    fill(found, line, [task("a")] * 3 + [task("b")] * 3)
    taken = [found.take(1, 0)[0].task.sender for _ in range(6)]
    assert taken == ["a", "b", "a", "b", "a", "b"]


def test_immediate_goes_before_queued() -> None:
    found, line = window()
    fill(found, line, [task("a"), task("b", Lane.IMMEDIATE)])
    assert [i.task.sender for i in found.take(10, 0)] == ["b", "a"]


def test_a_quota_bounds_what_leaves_at_once() -> None:
    found, line = window(quota=2)
    fill(found, line, [task("a")] * 5 + [task("b")])
    assert [i.task.sender for i in found.take(10, 0)] == ["a", "b", "a"]


def test_a_resting_sender_holds_up_nobody_else() -> None:
    found, line = window()
    fill(found, line, [task("a"), task("b")])
    found.rest_pace(number_pace("a"), 500)
    assert [i.task.sender for i in found.take(10, 0)] == ["b"]
    assert found.next_due(0) == 500
    assert [i.task.sender for i in found.take(10, 500)] == ["a"]


def test_a_resting_account_rests_all_its_senders() -> None:
    found, line = window()
    other = task("c").model_copy(update={"account": "other"})
    fill(found, line, [task("a"), task("b"), other])
    found.rest_pace(account_pace("tw"), 500)
    assert [i.task.sender for i in found.take(10, 0)] == ["c"]
    assert [i.task.sender for i in found.take(10, 500)] == ["a", "b"]


def test_what_waits_for_its_slot_keeps_its_place() -> None:
    found, line = window()
    fill(found, line, [task("a")] * 3)
    first, second = found.take(2, 0)
    assert found.put_back([first, second]) == []
    assert [i.offset for i in found.take(10, 0)] == [0, 1, 2]


def test_of_those_who_share_an_account_the_one_that_found_no_slot_is_next() -> None:
    found, line = window()
    fill(found, line, [task("a")] * 3 + [task("b")] * 3)
    went = []
    for _ in range(4):  # there is a slot for one each time
        first, *others = found.take(2, 0)
        went.append(first.task.sender)
        found.put_back(others)
    assert went == ["a", "b", "a", "b"]


def test_a_task_that_is_not_due_rests() -> None:
    found, line = window()
    fill(found, line, [task(not_before=300)])
    assert found.take(10, 299) == []
    assert found.next_due(299) == 300
    assert len(found.take(10, 300)) == 1


def test_a_revoked_partition_is_forgotten_with_what_rests_of_it() -> None:
    found, line = window()
    items = fill(found, line, [task(), task(), task(not_before=99)])
    taken = found.take(1, 0)
    dropped = found.revoke([PARTITION])
    assert {i.offset for i in dropped} == {1, 2}
    assert found.put_back(taken) == [items[0]]
    assert found.take(10, 1000) == []
    assert found.next_due(0) is None


def test_a_partition_that_comes_back_starts_anew() -> None:
    found, line = window()
    items = fill(found, line, [task()])
    found.revoke([PARTITION])
    fresh = found.assign(PARTITION)
    fresh.open(0)
    items[0].finish()
    assert fresh.due() == 0


@given(st.permutations(range(8)), st.integers(0, 8))
def test_the_commit_is_the_lowest_unfinished_offset(order: list[int], many: int) -> None:
    line = Line(PARTITION)
    for offset in range(8):
        line.open(offset)
    done = set(order[:many])
    for offset in order[:many]:
        line.finish(offset)
    unfinished = [offset for offset in range(8) if offset not in done]
    assert line.due() == (unfinished[0] if unfinished else 8)


def test_a_commit_is_due_until_it_has_been_made() -> None:
    line = Line(PARTITION)
    assert line.due() is None
    line.open(4)
    line.finish(4)
    assert line.due() == 5
    line.committed(5)
    assert line.due() is None


def test_a_skipped_record_stops_everything() -> None:
    line = Line(PARTITION)
    line.open(4)
    with pytest.raises(GapError, match="read 6, and 5 was next"):
        line.open(6)


@pytest.mark.parametrize("start_is_known_first", [True, False])
def test_so_does_one_that_was_skipped_before_the_first(start_is_known_first: bool) -> None:
    line = Line(PARTITION)
    steps: list[Callable[[], None]] = [lambda: line.begin(3), lambda: line.open(4)]
    first, second = steps if start_is_known_first else reversed(steps)
    first()
    with pytest.raises(GapError, match="read 4 first, and 3 was next"):
        second()


def late_at(moment: int, sender: str = "+15550001", not_before: int = 0) -> Task:
    """A task whose last good moment is the one before `moment`."""
    return task(sender, not_before=not_before).model_copy(update={"valid_until": moment - 1})


def test_what_is_late_is_taken_whatever_its_pace_rest_and_quota() -> None:
    found, line = window(quota=1)
    items = fill(found, line, [late_at(100), late_at(100), late_at(200), late_at(100, "b")])
    found.rest_pace(account_pace("tw"), 10_000)
    assert found.take_late(10, 99) == []
    assert found.next_due(99) == 100
    assert found.take_late(10, 100) == [items[0], items[1], items[3]]
    assert found.take_late(10, 100) == []
    assert found.next_due(100) == 200


def test_only_so_many_late_ones_are_taken_at_once() -> None:
    found, line = window()
    fill(found, line, [late_at(1)] * 5)
    assert [len(found.take_late(2, 1)) for _ in range(4)] == [2, 2, 1, 0]


def test_what_is_valid_until_now_may_still_go() -> None:
    found, line = window()
    fill(found, line, [late_at(101)])
    assert found.take_late(10, 100) == []
    assert len(found.take(10, 100)) == 1


def test_what_is_being_handed_over_is_not_late_until_it_is_back() -> None:
    found, line = window()
    (item,) = fill(found, line, [late_at(100)])
    assert found.take(10, 50) == [item]
    assert found.take_late(10, 150) == []
    found.put_back([item])
    assert found.take_late(10, 150) == [item]


def test_what_rests_until_after_its_time_comes_when_it_is_over() -> None:
    found, line = window()
    fill(found, line, [late_at(100, not_before=5000)])
    assert found.next_due(0) == 100
    assert len(found.take_late(10, 100)) == 1


def test_another_moment_counts_once_it_is_known() -> None:
    found, line = window()
    fill(found, line, [late_at(100)])
    (item,) = found.take_late(10, 100)
    item.late_from = 130
    found.put_back([item])
    assert found.take_late(10, 129) == []
    assert found.next_due(129) == 130
    assert found.take_late(10, 130) == [item]


def test_deadlines_of_what_is_finished_are_not_kept() -> None:
    found = Window(lambda _: 10**6, room=10**6, names=names, paces=lambda _: ())
    line = found.assign(PARTITION)
    for offset in range(20_000):
        line.open(offset)
        found.add(Item(line, offset, late_at(10**9)), 0)
        for item in found.take(10, 0):
            item.finish()
    assert len(found._deadlines._alarms) < 3000
    assert found.next_due(0) is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 60)), max_size=30), st.data())
def test_everything_goes_or_is_late_and_nothing_is_both(
    asked: list[tuple[str, int]], data: st.DataObject
) -> None:
    found, line = window(quota=1)
    items = fill(found, line, [late_at(moment, sender) for sender, moment in asked])
    gone: list[Item] = []
    late: list[Item] = []
    for now in range(0, 400, 5):
        late += found.take_late(data.draw(st.integers(1, 5)), now)
        if data.draw(st.booleans()):
            taken = found.take(10, now)
            assert all(item.late_from > now for item in taken)
            back = data.draw(st.booleans())
            if back:
                found.put_back(taken)
            else:
                gone += taken
    assert sorted(item.offset for item in gone + late) == [item.offset for item in items]


def test_what_waits_is_told_by_lane_and_since_when() -> None:
    found, line = window()
    accepted = [(Lane.QUEUED, 500, 0), (Lane.QUEUED, 300, 700), (Lane.IMMEDIATE, 900, 0)]
    fill(
        found,
        line,
        [
            task(lane=lane, not_before=due).model_copy(update={"accepted_at": at})
            for lane, at, due in accepted
        ],
        now=1000,
    )
    assert found.waiting(1000) == {Lane.IMMEDIATE: (1, 900), Lane.QUEUED: (2, 500)}
    found.take(10, 1000)
    assert found.waiting(1000) == {Lane.IMMEDIATE: (0, 1000), Lane.QUEUED: (0, 1000)}
