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
    # What follows from `unknown`.
    RESEND_ONLY = "resend-only"
    RESEND_OF_ATTEMPT = "resend-of-attempt"
    AMBIGUOUS_BEFORE_DEADLINE = "ambiguous-before-deadline"
    DEADLINE_AGAIN = "deadline-again"
    DEADLINE_AFTER_UNTIL = "deadline-after-until"
    DEADLINE_PUT_OFF = "deadline-put-off"
    FAILURE_YIELDS = "failure-yields"
    CANCEL_BEFORE_RESEND = "cancel-before-resend"
    MAYBE_SENT_IS_UNKNOWN = "maybe-sent-is-unknown"
    # Asking again by a request that may send.
    ASK_OF_CLAIM = "ask-of-claim"
    ASK_OF_NOTED = "ask-of-noted"
    ASK_IN_TIME = "ask-in-time"
    ASK_ALLOWED = "ask-allowed"
    OPT_OUT_AT_CLAIM = "opt-out-at-claim"
    OPT_OUTS_REBUILT = "opt-outs-rebuilt"
    FAILOVER_CERTAIN = "failover-certain"
    # What is not built.
    EARLY_IS_FRESH = "early-is-fresh"
    EARLY_IS_KEPT = "early-is-kept"


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
    Rule.RESEND_ONLY: "a retry wins over closed(unknown) of the attempt before it, too",
    Rule.RESEND_OF_ATTEMPT: "a resend wins over closed(unknown) of any attempt",
    Rule.AMBIGUOUS_BEFORE_DEADLINE: "a deadline is written together with its ambiguous",
    Rule.DEADLINE_AGAIN: "a task that finds closed(unknown) says ambiguous again, and no deadline",
    Rule.DEADLINE_AFTER_UNTIL: "a deadline may act while its hand-over may still be under way",
    Rule.DEADLINE_PUT_OFF: "a deadline that finds a later attempt unknown comes to nothing",
    Rule.FAILURE_YIELDS: "a failure by policy stands over what the provider says later",
    Rule.CANCEL_BEFORE_RESEND: "the policy sends again what its owner has asked to cancel",
    Rule.MAYBE_SENT_IS_UNKNOWN: "what may have been sent ends as expired or opted out",
    Rule.ASK_OF_CLAIM: "a question that may send is asked whatever the claim is",
    Rule.ASK_OF_NOTED: "a question that may send is asked also of what a rebuild has called unknown",
    Rule.ASK_IN_TIME: "a question that may send is asked although the policy may have acted",
    Rule.ASK_ALLOWED: "a question that may send is asked although the recipient has opted out",
    Rule.OPT_OUT_AT_CLAIM: "opt-outs are looked up before the intent, and not by the claim",
    Rule.OPT_OUTS_REBUILT: "a rebuild publishes without the opt-outs",
    Rule.FAILOVER_CERTAIN: "what may have been sent fails over to another account",
    Rule.EARLY_IS_FRESH: "what was accepted before the loss goes on before the rebuild, too",
    Rule.EARLY_IS_KEPT: "a rebuild writes over what was claimed before it was published",
}
