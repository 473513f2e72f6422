"""What a text of STOP, START or HELP, or a provider's refusal, comes to: pure decisions (docs/optouts.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from directory import scopes
from directory.snapshot import Directory
from ledger.optouts import Reach
from schemas import ids, optouts
from schemas.base import Millis
from schemas.directory import Active, UseCase
from schemas.facts import Receipt
from schemas.keywords import answered_by, is_all
from schemas.lanes import Lane
from schemas.messages import Content, Door, Message
from schemas.optouts import Consent, OptOut, Source
from schemas.public import InboundRecord, Keyword
from schemas.requests import SendRequest, fingerprint
from schemas.segments import segments
from webhooks.inbound import Text
from webhooks.words import Ends

#: A confirmation is to come within five minutes of the wish (47 CFR 64.1200(a)(12)), or not at all.
REPLY_MS: Final = 300_000
#: Characters of the text that are kept; all of a word that we know.
_NOTE: Final = 64
_CONSENTS: Final = {Keyword.STOP: Consent.OUT, Keyword.START: Consent.IN}


@dataclass(frozen=True)
class Wish:
    """What somebody wrote to us wants."""

    keyword: Keyword
    #: To write; none for HELP, and of who has no number.
    records: Sequence[OptOut]
    #: By which it is told whether that is new: as for `Ledger.opted_out`.
    reaches: Sequence[Reach]
    #: Our answer, if one is due; None where the provider answers by itself, or nobody has set one up.
    reply: Message | None


def wish(text: Text, directory: Directory, lifetime_ms: int) -> Wish | None:
    """What `text` asks for; None if it is a text like any other. Messages are known for `lifetime_ms`."""
    said = text.record
    if said.keyword is None:
        return None
    use_cases = scopes.written_to(directory, said.organization, said.to_number, everything=is_all(said.text))
    reply = _reply_of(said.keyword, use_cases, directory)
    answered = text.answered or answered_by(said.provider, said.text)
    answers = reply is not None and not answered and scopes.is_handset(said.from_number)
    return Wish(
        said.keyword,
        _records(said, said.keyword, use_cases),
        [(_scopes(said, one), said.from_number) for one in use_cases],
        _message(said, *reply, lifetime_ms, redact=directory.redacts(said.organization))
        if answers and reply is not None
        else None,
    )


def in_time(records: Sequence[OptOut], known: Sequence[OptOut]) -> list[OptOut]:
    """Those of `records` to write: no opt-in that was said before an opt-out that is `known`.

    A text comes late when we were away. An opt-out is always written: in doubt nobody is written to.
    """
    outs = {one.key: one for one in known if one.consent is Consent.OUT}
    return [
        one
        for one in records
        if one.consent is Consent.OUT or one.key not in outs or not optouts.is_late(one, outs[one.key])
    ]


def is_reply_due(keyword: Keyword, before: Sequence[bool] | None) -> bool:
    """Whether a wish is to be confirmed: only one that changes something.

    `before`: whether they had opted out, in each of the scopes; None: not known. YES is one of the words of
    START, and mostly the answer to a question.
    """
    match keyword:
        case Keyword.STOP:
            return before is None or not all(before)
        case Keyword.START:
            return before is not None and any(before)
        case Keyword.HELP:
            return True


def learned(receipt: Receipt, ends: Ends, directory: Directory) -> list[OptOut]:
    """What to write of a handset that the provider, by a receipt, will not text."""
    return scopes.of_refusal(
        directory,
        receipt.organization,
        ends.sender,
        ends.handset,
        provider=receipt.provider,
        code=receipt.code,
        at=receipt.at,
    )


def _records(said: InboundRecord, keyword: Keyword, use_cases: Sequence[str | None]) -> list[OptOut]:
    consent = _CONSENTS.get(keyword)
    if consent is None:
        return []
    return scopes.records(
        said.organization,
        use_cases,
        said.from_number,
        sender=said.to_number,
        consent=consent,
        source=Source.TEXT,
        # Ours: of two wishes the later one counts, and providers' clocks differ.
        at=said.received_at,
        said_at=said.at,
        note=said.text.strip()[:_NOTE],
    )


def _scopes(said: InboundRecord, use_case_id: str | None) -> tuple[str, ...]:
    narrower = (use_case_id, said.to_number) if use_case_id is not None else (said.to_number,)
    return (
        optouts.scope(said.organization),
        *(optouts.scope(said.organization, one) for one in narrower),
    )


def _reply_of(
    keyword: Keyword, use_cases: Sequence[str | None], directory: Directory
) -> tuple[str, str] | None:
    """The first use case that has an answer to it, and that."""
    for id_ in use_cases:
        found = directory.use_case(id_) if id_ is not None else None
        if found is not None and found.status is Active.ACTIVE and (said := _text_of(found, keyword)):
            return str(found.id), said
    return None


def _text_of(use_case: UseCase, keyword: Keyword) -> str | None:
    match keyword:
        case Keyword.STOP:
            return use_case.stop_reply
        case Keyword.START:
            return use_case.start_reply
        case Keyword.HELP:
            return use_case.help_reply


def _message(
    said: InboundRecord, use_case_id: str, reply: str, lifetime_ms: Millis, *, redact: bool
) -> Message:
    now = said.received_at
    asked = SendRequest(from_phone_number=said.to_number, to_phone_number=said.from_number, message=reply)
    return Message(
        message_id=ids.of_reply(said.id),
        organization=said.organization,
        door=Door.REPLY,
        lane=Lane.IMMEDIATE,
        valid_until=now + REPLY_MS,
        forget_at=now + lifetime_ms,
        # The provider may tell of the text again.
        can_repeat=True,
        confirms=True,
        # What says that texts come again must not come after the next STOP.
        heeds_optouts=said.keyword is Keyword.START,
        content=Content(
            from_number=said.to_number,
            use_case_id=use_case_id,
            to_number=said.from_number,
            text=reply,
            segments=segments(reply),
            fingerprint=fingerprint(asked),
            accepted_at=now,
            redact=redact,
        ),
    )
