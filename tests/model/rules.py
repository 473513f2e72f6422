"""The rules of docs/protocol.md that can be switched off, each with what is done without it."""

from enum import StrEnum
from typing import Final


class Rule(StrEnum):
    """A rule; the search must find a broken promise without it."""

    CLAIM_DECIDES = "claim-decides"
    INTENT_FIRST = "intent-first"
    CLAIM_STAYS = "claim-stays"
    CARRY_RECORD = "carry-record"
    RETRY_AGAIN = "retry-again"
    SAY_UNKNOWN_AGAIN = "say-unknown-again"
    SAY_CLOSED_AGAIN = "say-closed-again"
    WAIT_FOR_OTHERS = "wait-for-others"
    TAKE_OVER_LATE = "take-over-late"
    LAST_LOOK = "last-look"
    FACT_FIRST = "fact-first"
    SCRIPT_FIRST = "script-first"
    AMBIGUOUS_HOLDS = "ambiguous-holds"
    ATTEMPT_COUNTS = "attempt-counts"
    CANCEL_UNSENT = "cancel-unsent"
    CANCEL_OF_ATTEMPT = "cancel-of-attempt"
    CANCEL_ASKED_FIRST = "cancel-asked-first"
    CANCEL_HONOURED = "cancel-honoured"
    HONOURED_OF_ATTEMPT = "honoured-of-attempt"
    EPOCH = "epoch"
    FENCE_RUN = "fence-run"
    AMBIGUOUS_BEFORE_EPOCH = "ambiguous-before-epoch"
    RECEIPTS_DO_NOT_SETTLE = "receipts-do-not-settle"
    LOWEST_COMMITS = "lowest-commits"


#: What is done without the rule.
WITHOUT: Final = {
    Rule.CLAIM_DECIDES: "the claim is written, but refuses nobody",
    Rule.INTENT_FIRST: "the intent is written after the call, with its outcome",
    Rule.CLAIM_STAYS: "a retry deletes the claim, where it should become open(attempt + 1)",
    Rule.CARRY_RECORD: "a task that comes back from waiting is known by its new place in the log",
    Rule.RETRY_AGAIN: "a task that finds its own retry open finishes",
    Rule.SAY_UNKNOWN_AGAIN: "a task that finds closed(unknown) finishes in silence",
    Rule.SAY_CLOSED_AGAIN: "a task that finds an ending without a send finishes in silence",
    Rule.WAIT_FOR_OTHERS: "a task that finds another's hand-over under way finishes",
    Rule.TAKE_OVER_LATE: "another's hand-over is taken over before its time is over",
    Rule.LAST_LOOK: "a process may be stopped between its look at the clock and the call",
    Rule.FACT_FIRST: "the claim is closed before the outcome is acknowledged",
    Rule.SCRIPT_FIRST: "a retry is told although the claim is no longer its own",
    Rule.AMBIGUOUS_HOLDS: "a refusal for now outweighs ambiguous of its attempt, in fold and rebuild",
    Rule.ATTEMPT_COUNTS: "an open claim is won by any attempt",
    Rule.CANCEL_UNSENT: "a cancel wins over a hand-over that is under way",
    Rule.CANCEL_OF_ATTEMPT: "a cancel wins over a later attempt than the one that it was asked of",
    Rule.CANCEL_ASKED_FIRST: "nothing is written before a cancel's script decides",
    Rule.CANCEL_HONOURED: "a rebuild takes no notice of a cancel that was asked",
    Rule.HONOURED_OF_ATTEMPT: "a rebuild honours a cancel of whatever attempt it was asked",
    Rule.EPOCH: "scripts decide without an epoch",
    Rule.FENCE_RUN: "a rebuild publishes although the server has been another since",
    Rule.AMBIGUOUS_BEFORE_EPOCH: "a rebuild publishes its epoch first, and says ambiguous then",
    Rule.RECEIPTS_DO_NOT_SETTLE: "a receipt closes a rebuilt claim as sent",
    Rule.LOWEST_COMMITS: "the commit is the highest finished offset",
}
