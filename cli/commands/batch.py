"""Sending a whole file: bounded requests at once, each outcome written down as it comes."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from cli.commands import journal
from cli.commands.journal import Journal
from cli.commands.rest import Rest
from cli.commands.rows import Row
from cli.commands.trouble import Exit, TroubleError


@dataclass
class Sum:
    """What a run came to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    #: Rows that an earlier run had handed in.
    skipped: int = 0
    #: The messages of accepted rows, of earlier runs too.
    ids: list[str] = field(default_factory=list)
    #: Each sentence of trouble, and how many rows it came for.
    troubles: Counter[str] = field(default_factory=Counter)
    #: Why the run ended before the file did.
    stopped: TroubleError | None = None

    @property
    def verdict(self) -> Exit:
        """Refused rows need mending; rows that nobody answered need another run."""
        if self.stopped is not None:
            return self.stopped.code
        return Exit.NO if self.outcomes[journal.REFUSED] else Exit.DONE


def send_rows(
    rest: Rest,
    rows: Iterable[Row],
    *,
    done: dict[str, str],
    results: Journal,
    pool: ThreadPoolExecutor,
    at_once: int,
    finished: Callable[[], None],
) -> Sum:
    """Hand in every row that `done` (key -> message id) does not hold; `finished` is told after each.

    Where the door does not answer a row in all its tries the run stops: the next one goes on from there.
    Rows in hand are finished first, also when the caller is interrupted.
    """
    found, lock, places = Sum(), threading.Lock(), threading.Semaphore(at_once)

    def hand_in(row: Row) -> None:
        try:
            outcome, said = _outcome(rest, row)
            with lock:
                _count(found, results, row, outcome, said)
                finished()
        finally:
            places.release()

    in_hand: list[Future[None]] = []
    try:
        for row in rows:
            if row.key in done:
                with lock:
                    found.skipped += 1
                    found.ids.append(done[row.key])
                    finished()
                continue
            places.acquire()
            if found.stopped is not None or any(_broken(future) for future in in_hand):
                break
            in_hand = [future for future in in_hand if not future.done()]
            in_hand.append(pool.submit(hand_in, row))
    finally:
        wait(in_hand)
    for future in in_hand:
        future.result()
    return found


def _broken(future: "Future[None]") -> bool:
    return future.done() and future.exception() is not None


def _outcome(rest: Rest, row: Row) -> tuple[str, str | TroubleError]:
    """The outcome, and the message id or what was said."""
    try:
        answer = rest.send(row.body)
    except TroubleError as trouble:
        return journal.FAILED, trouble
    if answer.ok:
        return journal.ACCEPTED, answer.message_id
    return journal.REFUSED, answer.detail


def _count(found: Sum, results: Journal, row: Row, outcome: str, said: str | TroubleError) -> None:
    found.outcomes[outcome] += 1
    if outcome == journal.ACCEPTED:
        found.ids.append(str(said))
        results.write(row, outcome, message_id=str(said))
        return
    found.troubles[str(said)] += 1
    results.write(row, outcome, detail=str(said))
    if isinstance(said, TroubleError):
        found.stopped = said
