"""What becomes of a callback: a pure decision from the request and the secrets to a receipt or an answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from schemas import callback
from schemas.callback import Callback
from schemas.facts import Receipt
from schemas.provider import Provider
from webhooks.providers import DIALECTS
from webhooks.words import Idle, Inbound, Incoming, Report, Strange, Unreadable, Verdict

#: A receipt keeps this much of the payload; the providers' own take a few hundred characters.
MAX_RAW: Final = 65_536


class Outcome(StrEnum):
    """What became of a callback, for the counter and for people."""

    #: Its receipt is acknowledged by the broker.
    TAKEN = "taken"
    #: A status that moves nothing.
    IDLE = "idle"
    UNKNOWN_STATUS = "unknown_status"
    UNKNOWN_ACCOUNT = "unknown_account"
    FORGED = "forged"
    UNSIGNED = "unsigned"
    #: Signed by the provider, but its URL is none that we wrote.
    FOREIGN_URL = "foreign_url"
    INBOUND = "inbound"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    SECRET_MISSING = "secret_missing"  # noqa: S105 - a word, not a secret
    BROKER_AWAY = "broker_away"


@dataclass(frozen=True)
class Answer:
    """How a callback is answered: the status decides whether the provider sends it again."""

    status: int
    outcome: Outcome
    detail: str = ""


UNKNOWN_ACCOUNT: Final = Answer(403, Outcome.UNKNOWN_ACCOUNT, "Signature validation failed")
_FORGED: Final = Answer(403, Outcome.FORGED, "Signature validation failed")
_FOREIGN_URL: Final = Answer(403, Outcome.FOREIGN_URL, "Signature validation failed")
#: An internal fault can make Vonage send a callback unsigned; only after a 5xx it comes again, signed.
_UNSIGNED: Final = Answer(503, Outcome.UNSIGNED, "Unsigned: send it again with a signature")
_INBOUND: Final = Answer(501, Outcome.INBOUND, "Inbound texts are not received by this version")
TAKEN: Final = Answer(204, Outcome.TAKEN)


def judge(
    provider: Provider, incoming: Incoming, secrets: Sequence[str], macs: Sequence[str], now_ms: int
) -> Receipt | Answer:
    """The receipt to produce, or the answer where there is none.

    Args:
        provider: who is supposed to have called.
        incoming: the request.
        secrets: the keys of the account that its URL names.
        macs: our own secrets over URLs.
        now_ms: milliseconds since the epoch.
    """
    dialect = DIALECTS[provider]
    refused = _refused(provider, dialect.verify(incoming, secrets, now_ms / 1000))
    if refused is not None:
        return refused
    word = dialect.parse(incoming)
    if isinstance(word, Inbound):
        # The provider has the address of inbound texts from its console: it bears no MAC of ours.
        return _INBOUND
    sent = callback.read(provider, incoming.query, macs)
    if sent is None:
        return _FOREIGN_URL
    if isinstance(word, Report):
        return _receipt(provider, sent, word, incoming, now_ms)
    return _nothing(word)


def _refused(provider: Provider, verdict: Verdict) -> Answer | None:
    match verdict:
        case Verdict.GENUINE:
            return None
        case Verdict.FORGED:
            return _FORGED
        case Verdict.UNSIGNED:
            return _UNSIGNED if provider is Provider.VONAGE else _FORGED
        case _ as never:
            assert_never(never)


def _nothing(word: Idle | Strange | Unreadable) -> Answer:
    match word:
        case Idle(status):
            return Answer(204, Outcome.IDLE, status)
        case Strange(status):
            return Answer(204, Outcome.UNKNOWN_STATUS, status)
        case Unreadable(why):
            return Answer(400, Outcome.UNREADABLE, f"Unreadable: {why}")
        case _ as never:
            assert_never(never)


def _receipt(provider: Provider, sent: Callback, report: Report, incoming: Incoming, now_ms: int) -> Receipt:
    raw = incoming.body if incoming.method == "POST" else incoming.url.partition("?")[2].encode()
    return Receipt(
        message_id=sent.message_id,
        organization=sent.organization,
        # A provider's clock that is ahead must not date a message into the future.
        at=min(report.at or now_ms, now_ms),
        forget_at=sent.forget_at,
        attempt=sent.attempt,
        nonce=sent.nonce,
        provider=provider,
        account=sent.account,
        provider_message_id=report.provider_message_id,
        status=report.status,
        code=report.code,
        fault=report.fault,
        detail=report.detail,
        raw=raw.decode(errors="replace")[:MAX_RAW],
    )
