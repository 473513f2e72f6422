"""What becomes of a callback: a pure decision from the request and the secrets to a record or an answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from directory.snapshot import Directory
from schemas import callback
from schemas.callback import Callback
from schemas.directory import Account, Active
from schemas.facts import Receipt
from schemas.provider import Provider
from webhooks import inbound
from webhooks.inbound import Text
from webhooks.providers import DIALECTS
from webhooks.signers import Signer
from webhooks.words import Check, Idle, Inbound, Incoming, Refusal, Report, Strange, Unreadable

#: A receipt keeps this much of the payload; the providers' own take a few hundred characters.
MAX_RAW: Final = 65_536
#: Bytes of a text's record: less than its topic takes. Texts have some thousands at the very most.
MAX_RECORD: Final = 900_000
#: Whose signature proves which URL was called. One of the others may have been taken from its own.
_SIGN_URL: Final = frozenset({Provider.TWILIO})


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
    #: A receipt of a message that we did not send: its provider was never told where to report on it.
    UNKNOWN_MESSAGE = "unknown_message"
    #: A text from a handset, and its record is acknowledged by the broker.
    INBOUND = "inbound"
    #: Likewise, but the directory does not know the number that it was sent to.
    INBOUND_UNOWNED = "inbound_unowned"
    #: A text whose record was acknowledged before.
    INBOUND_REPEATED = "inbound_repeated"
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
_UNKNOWN_MESSAGE: Final = Answer(204, Outcome.UNKNOWN_MESSAGE)
#: An internal fault can make Vonage send a callback unsigned; only after a 5xx it comes again, signed.
_UNSIGNED: Final = Answer(503, Outcome.UNSIGNED, "Unsigned: send it again with a signature")
_SECRET_MISSING: Final = Answer(503, Outcome.SECRET_MISSING, "Cannot verify signatures now")
BROKER_AWAY: Final = Answer(503, Outcome.BROKER_AWAY, "Not acknowledged by the broker: send it again")
TAKEN: Final = Answer(204, Outcome.TAKEN)


@dataclass(frozen=True)
class _Found:
    """What the signatures say: whose keys made it, or the answer where nobody's did."""

    accounts: Sequence[Account] = ()
    refusal: Answer | None = None


def judge(
    provider: Provider,
    incoming: Incoming,
    signers: Sequence[Signer],
    *,
    directory: Directory,
    macs: Sequence[str],
    now_ms: int,
) -> Receipt | Text | Answer:
    """The receipt or text to produce, or the answer where there is none.

    Args:
        provider: who is supposed to have called.
        incoming: the request.
        signers: whose it may be (`webhooks.signers`), with their keys.
        directory: who owns which number.
        macs: our own secrets over URLs.
        now_ms: milliseconds since the epoch.
    """
    found = _signed(provider, incoming, signers, now_ms / 1000)
    if found.refusal is not None:
        return found.refusal
    word = DIALECTS[provider].parse(incoming)
    if isinstance(word, Inbound):
        # The provider has the address of inbound texts from its console: it bears no MAC of ours.
        return _text(inbound.text(word, found.accounts, directory, now_ms))
    if isinstance(word, Unreadable):
        return _nothing(word)
    sent = callback.read(provider, incoming.query, macs)
    if sent is None:
        bare = callback.MAC not in incoming.query
        return _UNKNOWN_MESSAGE if bare and provider in _SIGN_URL else _FOREIGN_URL
    if isinstance(word, Report):
        return _receipt(provider, sent, word, incoming, now_ms)
    return _nothing(word)


def _signed(provider: Provider, incoming: Incoming, signers: Sequence[Signer], now: float) -> _Found:
    if not signers:
        return _Found(refusal=UNKNOWN_ACCOUNT)
    check = DIALECTS[provider].check(incoming, now)
    if isinstance(check, Refusal):
        vonages = provider is Provider.VONAGE and check is Refusal.UNSIGNED
        return _Found(refusal=_UNSIGNED if vonages else _FORGED)
    made = [(signer.account, _made(check, signer.secrets)) for signer in signers]
    genuine = [account for account, is_its in made if is_its]
    if genuine:
        return _Found(genuine)
    # It may be by the one key that is missing. A suspended account may well have none any more.
    missing = any(is_its is None and account.status is Active.ACTIVE for account, is_its in made)
    return _Found(refusal=_SECRET_MISSING if missing else _FORGED)


def _made(check: Check, secrets: Sequence[str | None]) -> bool | None:
    """Whether one of `secrets` made the signature; None: none that is a key did, but one is missing."""
    missing = False
    for secret in secrets:
        if secret is None:
            missing = True
            continue
        try:
            if check(secret):
                return True
        except ValueError:
            missing = True
    return None if missing else False


def _text(found: Text) -> Text | Answer:
    size = len(found.record.encode())
    return found if size <= MAX_RECORD else _nothing(Unreadable(f"a text of {size} bytes"))


def answered(text: Text, *, repeated: bool) -> Answer:
    """How a text is answered once it is in the log.

    Twilio wants what it is to reply (TwiML) in a 200: nothing.
    """
    outcome = Outcome.INBOUND if text.owned else Outcome.INBOUND_UNOWNED
    detail = (
        "" if text.owned else f"{text.record.to_number} is nobody's whom account {text.record.account} serves"
    )
    status = 200 if text.record.provider is Provider.TWILIO else 204
    return Answer(status, Outcome.INBOUND_REPEATED if repeated else outcome, detail)


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
