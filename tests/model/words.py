"""Claims and records in words, for traces."""

from functools import cache
from typing import assert_never

from ledger.claims import Absent, Claim, Closed, Open, Sending
from tests.model.world import Deadline, Intended, Said, Waiting, Written


@cache
def of_claim(claim: Claim) -> str:
    """Such as `open(attempt 2)`."""
    match claim:
        case Absent():
            return "no claim"
        case Open(attempt=attempt):
            return f"open(attempt {attempt})"
        case Sending(attempt=attempt):
            return f"sending(attempt {attempt})"
        case Closed(why="unknown", attempt=attempt):
            return f"closed(unknown, attempt {attempt})"
        case Closed(why=why):
            return f"closed({why})"
        case _:
            assert_never(claim)


def of_written(written: Written) -> str:
    """Such as `accepted (attempt 1)`."""
    match written:
        case Said(kind=kind, attempt=attempt):
            return f"{kind.value} (attempt {attempt})" if attempt else kind.value
        case Intended(attempt=attempt):
            return f"the intent for attempt {attempt}"
        case Waiting(copy=copy):
            return f"the task for attempt {copy.attempt}, on its way through waiting,"
        case Deadline(attempt=attempt):
            return f"the deadline of attempt {attempt}"
