"""One hand-over on the wire: it leaves once, and only while it is ours."""

import threading

import pytest

from dispatchers.providers.exchange import Exchange, NotWrittenError, Reply, current, under_way
from schemas.provider import Accepted, Ambiguous, Outcome, Unavailable

REPLY = Reply(200, {}, b"")


def read(_: Reply) -> Outcome:
    return Accepted(provider_message_id="x")


def test_it_leaves_once_however_often_a_library_tries() -> None:
    exchange = Exchange(lambda: True)
    exchange.leave()
    exchange.failed(ConnectionError("reset by peer"))
    with pytest.raises(NotWrittenError) as caught:
        exchange.leave()
    exchange.failed(caught.value)
    assert exchange.outcome(read) == Ambiguous(detail="sent, but not answered: reset by peer")


def test_a_lost_claim_keeps_it_here() -> None:
    exchange = Exchange(lambda: False)
    with pytest.raises(NotWrittenError) as caught:
        exchange.leave()
    exchange.failed(caught.value)
    assert exchange.outcome(read) == Unavailable(detail="not sent: the claim was lost before it could leave")


def test_what_is_over_does_not_leave_any_more() -> None:
    asked: list[None] = []

    def still_mine() -> bool:
        asked.append(None)
        return True

    exchange = Exchange(still_mine)
    assert isinstance(exchange.outcome(read), Unavailable)
    with pytest.raises(NotWrittenError):
        exchange.leave()
    assert asked == []


def test_an_answer_decides() -> None:
    exchange = Exchange(lambda: True)
    exchange.leave()
    exchange.reply = REPLY
    assert exchange.outcome(read) == Accepted(provider_message_id="x")


def test_an_error_without_words_is_named() -> None:
    exchange = Exchange(lambda: True)
    exchange.leave()
    exchange.failed(TimeoutError())
    assert exchange.outcome(read) == Ambiguous(detail="sent, but not answered: TimeoutError")


def test_leaving_and_ending_at_once_agree() -> None:
    """A thread that writes while the loop gives up: either it left and that is known, or it did not."""
    for _ in range(200):
        left, found = race(Exchange(lambda: True))
        assert isinstance(found, Ambiguous if left else Unavailable)


def race(exchange: Exchange) -> tuple[bool, Outcome]:
    """Whether it left, and what the one who gave up at the same moment believes."""
    barrier = threading.Barrier(2)
    left: list[bool] = []

    def write() -> None:
        barrier.wait()
        try:
            exchange.leave()
        except NotWrittenError:
            return
        left.append(True)

    thread = threading.Thread(target=write)
    thread.start()
    barrier.wait()
    found = exchange.outcome(read)
    thread.join()
    return bool(left), found


def test_it_is_current_only_while_under_way() -> None:
    exchange = Exchange(lambda: True)
    with under_way(exchange):
        assert current() is exchange
    with pytest.raises(LookupError):
        current()
    with pytest.raises(NotWrittenError):
        exchange.leave()
