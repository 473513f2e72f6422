"""One record of a request topic, judged: a message, a refusal or a dead letter. Nothing here can fail."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from aiokafka import ConsumerRecord
from pydantic import TypeAdapter, ValidationError

from broker.dead_letters import buried
from broker.publish import Outgoing
from directory.snapshot import Directory
from ingress.acceptance import Accepted, Denied, accept, redacted, refusal
from ingress.batches import Unread
from ingress.binding import Used
from ingress.partly import Partly, read_partly
from ingress.permission import UNASKED, Recipient
from schemas import ids, topics
from schemas.base import DecodeError
from schemas.dead_letters import TOO_OLD
from schemas.directory import Slug
from schemas.messages import Door, Message, Refusal
from schemas.replays import first_origin
from schemas.requests import LARGEST_BYTES, SendRequest, fingerprint
from schemas.settings import IntakeSettings, MessageSettings
from schemas.tracing import trace

#: What a dead letter holds of a record at most: less than its topic takes.
_KEPT_VALUE: Final = 1024 * 1024
_KEPT_REST: Final = 256 * 1024
_SLUG: Final = TypeAdapter[str](Slug)
#: For `route` and `fold` to tell what became of it while they know of it, also where clocks differ. What has
#: less time left is past its validity in any case.
_TO_TELL_MS: Final = 3_600_000
_TOO_OLD: Final = (
    f"{TOO_OLD}: messages of its time are forgotten (HELIO_MESSAGES__LIFETIME_SECONDS). Most likely nobody "
    "has read it until now; where intake has lost its place on the topic, it may have been sent already"
)


class Fate(StrEnum):
    """What became of a record."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DEAD = "dead"


@dataclass(frozen=True)
class Judged:
    """What is to be produced in a record's place, and the key that it uses, if any."""

    fate: Fate
    outgoing: Outgoing
    used: Used | None = None


@dataclass(frozen=True)
class Terms:
    """What records are judged by, apart from the directory."""

    intake: IntakeSettings
    messages: MessageSettings


@dataclass(frozen=True)
class Read:
    """A record that could be read: what is asked for, and on whose behalf."""

    record: ConsumerRecord
    request: SendRequest
    organization: str
    #: Where some fields cannot be taken: what is wrong. `request` is then what is left.
    partly: Partly | None = None


def read(record: ConsumerRecord, terms: Terms) -> Read | Judged:
    """What `record` asks for, or its dead letter."""
    try:
        return _read(record, terms)
    except DecodeError as error:
        return Judged(Fate.DEAD, _dead(record, str(error)))


def judge(
    found: Read, directory: Directory, terms: Terms, now: int, recipient: Recipient = UNASKED
) -> Judged:
    """The message or refusal for a record; its dead letter where that would be forgotten before it is told.

    The same record always gets the same id and times: `now`, epoch milliseconds, only says whether it is too
    late for them.
    """
    record, request, organization = found.record, found.request, found.organization
    message_id = _message_id(record, request, organization, terms)
    verdict = _verdict(found, message_id, directory, terms, recipient)
    told: Message | Refusal
    if isinstance(verdict, Accepted):
        fate, told = Fate.ACCEPTED, verdict.message
    else:
        fate, told = Fate.REFUSED, _refusal(verdict, found, message_id, directory, terms)
    if told.forget_at - _TO_TELL_MS <= now:
        return Judged(Fate.DEAD, _dead(record, _TOO_OLD))
    return Judged(fate, _outgoing(record, message_id, told.encode()), _used(found, message_id))


def _refusal(verdict: Denied, found: Read, message_id: str, directory: Directory, terms: Terms) -> Refusal:
    organization = found.organization
    refused = refusal(
        verdict,
        found.request,
        organization,
        door=Door.KAFKA,
        message_id=message_id,
        now=found.record.timestamp,
        settings=terms.messages,
    )
    content = refused.content
    if found.partly is not None:
        content = content.model_copy(update={"fingerprint": found.partly.fingerprint})
    told = redacted(content, organization, directory, message_id, terms.messages)
    return refused.model_copy(update={"content": told})


def _verdict(
    found: Read, message_id: str, directory: Directory, terms: Terms, recipient: Recipient
) -> Accepted | Denied:
    if found.partly is not None:
        return found.partly.flaw
    return accept(
        found.request,
        found.organization,
        directory,
        recipient=recipient,
        door=Door.KAFKA,
        message_id=message_id,
        # When the broker appended it: a record that is read again gets the same times.
        now=found.record.timestamp,
        settings=terms.messages,
    )


def _read(record: ConsumerRecord, terms: Terms) -> Read:
    if isinstance(record, Unread):
        raise DecodeError(record.why)
    value = record.value
    if value is None:
        raise DecodeError("the record has no value")
    if len(value) > LARGEST_BYTES:
        raise DecodeError(f"the value has {len(value)} bytes; {LARGEST_BYTES} are the limit")
    try:
        request: SendRequest = SendRequest.__pydantic_validator__.validate_json(value)
    except ValidationError as error:
        named = terms.intake.trusted and topics.organization_of(record.topic) is None
        partly = read_partly(value, error, named=named)
        return Read(record, partly.request, _organization(record.topic, partly.request, terms), partly)
    return Read(record, request, _organization(record.topic, request, terms))


def _organization(topic: str, request: SendRequest, terms: Terms) -> str:
    """On whose behalf: the topic says it, else the settings; the record itself only where it is trusted."""
    owner = topics.organization_of(topic)
    if owner is not None:
        return owner
    named = request.organization if terms.intake.trusted else None
    organization = named or terms.intake.owner
    if organization is None:
        raise DecodeError(
            "organization: nobody owns this topic (HELIO_INTAKE__OWNER), "
            "or its producers are trusted and this record names nobody (HELIO_INTAKE__TRUSTED)"
        )
    try:
        return _SLUG.validate_python(organization)
    except ValidationError:
        raise DecodeError("organization: it is no id of an organization") from None


def _key(request: SendRequest) -> str | None:
    """The key that it uses. What is not to be sent leaves its own to the message that is."""
    return None if request.dry_run else request.idempotency_key


def _used(found: Read, message_id: str) -> Used | None:
    if not _key(found.request):
        return None
    return Used(message_id, found.partly.fingerprint if found.partly else fingerprint(found.request))


def _message_id(record: ConsumerRecord, request: SendRequest, organization: str, terms: Terms) -> str:
    if key := _key(request):
        return ids.of_key(organization, key)
    first = first_origin(record.topic, record.headers)
    if first is None:
        return ids.of_record(record.topic, record.partition, record.offset, record.timestamp)
    place = (first.topic, first.partition, first.offset, first.timestamp)
    if terms.intake.trusted and topics.organization_of(record.topic) is None:
        # Producers of others write to this topic, too: nobody may name a place of theirs.
        return ids.of_replay(organization, *place)
    # A crash before the commit can make of one record a message and a letter: it is one id all the same.
    return ids.of_record(*place)


def _outgoing(record: ConsumerRecord, message_id: str, value: bytes) -> Outgoing:
    return Outgoing(topics.MESSAGES, message_id.encode(), value, trace(record.headers))


def _dead(record: ConsumerRecord, reason: str) -> Outgoing:
    key, value, headers = record.key, record.value, list(record.headers)
    if _size(key, headers) > _KEPT_REST:
        reason += "; key and headers were too long to be kept here"
        key, headers = None, []
    if value is not None and len(value) > _KEPT_VALUE:
        # A compressed record can be larger than any topic of ours takes. The rest lies at its origin.
        reason += f"; its first {_KEPT_VALUE} bytes are kept here"
        value = value[:_KEPT_VALUE]
    return buried(replace(record, key=key, value=value, headers=headers), reason)


def _size(key: bytes | None, headers: Sequence[tuple[str, bytes]]) -> int:
    return len(key or b"") + sum(len(name) + len(value or b"") for name, value in headers)
