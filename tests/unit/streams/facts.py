"""Facts of one message, and what a fold makes of them in a given order."""

from collections.abc import Callable, Iterable

from schemas.facts import (
    AmbiguousFact,
    AnyFact,
    Closed,
    ClosedWhy,
    OutcomeFact,
    Receipt,
    ReceiptStatus,
    Rejected,
    Reported,
    Routed,
)
from schemas.messages import Content
from schemas.provider import Accepted, Fault, Provider, Throttled, Unavailable
from schemas.provider import Rejected as RejectedByProvider
from schemas.public import StatusRecord
from schemas.status import State
from schemas.tasks import RecordId
from streams.fold import fold
from streams.rows import Row, decode, encode

MESSAGE, ORGANIZATION, FORGET_AT = "0190-m", "acme", 9_000_000
SENDER = "+15550100001"
RECORD = RecordId(topic="sms.dispatch.twilio.queued.v1", partition=0, offset=4)
CONTENT = Content(
    from_number=SENDER,
    to_number="+15557654321",
    text="hello",
    segments=1,
    reference="r-1",
    fingerprint="1:abc",
    accepted_at=50,
)
ABOUT = {"message_id": MESSAGE, "organization": ORGANIZATION, "forget_at": FORGET_AT}


def routed(account: str = "tw-main", at: int = 100) -> Routed:
    return Routed(
        **ABOUT,
        at=at,
        attempt=1,
        provider=Provider.TWILIO,
        account=account,
        sender=SENDER,
        reason="because",
        content=CONTENT,
    )


def rejected(code: str = "sender_suspended") -> Rejected:
    return Rejected(**ABOUT, at=101, code=code, detail="It is suspended.", content=CONTENT)


def outcome(
    what: Accepted | RejectedByProvider | Throttled | Unavailable,
    attempt: int = 1,
    nonce: str = "n1",
    account: str = "tw-main",
) -> OutcomeFact:
    return OutcomeFact(
        **ABOUT,
        at=200 + attempt,
        attempt=attempt,
        provider=Provider.TWILIO,
        account=account,
        sender=SENDER,
        nonce=nonce,
        record=RECORD,
        outcome=what,
    )


ACCEPTED = Accepted(provider_message_id="SM1")
REFUSED = RejectedByProvider(fault=Fault.RECIPIENT, code="21211", detail="Not a number.")
THROTTLED = Throttled(code="429")
UNAVAILABLE = Unavailable(detail="connection refused")


def ambiguous(attempt: int = 1, nonces: tuple[str, ...] = ("n1",), account: str = "tw-main") -> AmbiguousFact:
    return AmbiguousFact(
        **ABOUT,
        at=300 + attempt,
        attempt=attempt,
        provider=Provider.TWILIO,
        account=account,
        sender=SENDER,
        nonces=nonces,
        detail="timeout",
    )


def receipt(
    status: ReceiptStatus | str, attempt: int = 1, nonce: str = "n1", account: str = "tw-main", at: int = 400
) -> Receipt:
    return Receipt(
        **ABOUT,
        at=at,
        attempt=attempt,
        nonce=nonce,
        provider=Provider.TWILIO,
        account=account,
        provider_message_id="SM1",
        status=ReceiptStatus(status),
        code="30003",
        fault=Fault.RECIPIENT,
        raw="{}",
    )


def reported(
    status: ReceiptStatus | str, attempt: int = 1, account: str = "tw-main", at: int = 450
) -> Reported:
    return Reported(
        **ABOUT,
        at=at,
        attempt=attempt,
        provider=Provider.TWILIO,
        account=account,
        sender=SENDER,
        provider_message_id="SM1",
        status=ReceiptStatus(status),
        code="30003",
        fault=Fault.RECIPIENT,
    )


def closed(why: ClosedWhy) -> Closed:
    return Closed(**ABOUT, at=500, why=why)


Fold = Callable[[Row | None, AnyFact, int], tuple[Row, list[StatusRecord]]]


def told(facts: Iterable[AnyFact], by: Fold = fold) -> tuple[Row, list[StatusRecord]]:
    """The row and all that was told after `facts` in this order; the row goes through its bytes each time."""
    row: Row | None = None
    records: list[StatusRecord] = []
    for offset, fact in enumerate(facts):
        row, more = by(row, fact, offset)
        row = decode(encode(row))
        records += more
    assert row is not None
    return row, records


def state_of(row: Row) -> State | None:
    return None if row.word is None else row.word.state


def states(records: Iterable[StatusRecord]) -> list[str]:
    return [record.status.value for record in records]
