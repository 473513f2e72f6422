"""What subscriptions are told, and the records of `sms.notifications.v1` (docs/notifiers.md)."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, TypeAdapter

from schemas import ids
from schemas.base import DecodeError, Millis, Record, decode_with
from schemas.directory import EventType
from schemas.public import InboundRecord, StatusRecord


class SwitchedOff(Record):
    """A subscription was switched off: its endpoint gets nothing until somebody makes it active again."""

    #: What this record is, and its version.
    type: Literal["switched_off.v1"] = "switched_off.v1"
    #: The id of the subscription.
    subscription: str
    #: Whose subscription it is.
    organization: str
    #: Its endpoint, without path and query: these may hold a secret.
    url: str
    #: Since when every try had failed, milliseconds since the epoch.
    since: Millis
    #: When it was switched off.
    at: Millis
    #: What the last try came to.
    detail: str


class Trial(Record):
    """Somebody tries a subscription out: nothing has happened."""

    #: What this record is, and its version.
    type: Literal["test.v1"] = "test.v1"
    #: A UUID, of this trial alone.
    id: str
    #: The id of the subscription.
    subscription: str
    #: Whose subscription it is.
    organization: str
    #: When it was asked for, milliseconds since the epoch.
    at: Millis


class Event(Record):
    """The body that a subscription is POSTed; `data` is the public record of the fact, as on its topic."""

    #: What has happened.
    type: EventType
    #: When the fact happened: RFC 3339, UTC.
    timestamp: str
    #: What is known of it.
    data: Annotated[StatusRecord | InboundRecord | SwitchedOff | Trial, Field(discriminator="type")]

    @classmethod
    def of(cls, record: StatusRecord | InboundRecord | SwitchedOff | Trial) -> Self:
        """The event that `record` is.

        Raises:
            DecodeError: its time is none that RFC 3339 can write.
        """
        match record:
            case StatusRecord():
                kind = EventType(f"message.{record.status}")
            case InboundRecord():
                kind = EventType.RECEIVED
            case SwitchedOff():
                kind = EventType.SWITCHED_OFF
            case Trial():
                kind = EventType.TEST
        try:
            time = datetime.fromtimestamp(record.at / 1000, UTC).isoformat(timespec="milliseconds")
        except (ValueError, OverflowError, OSError):
            raise DecodeError("at: a time beyond the year 9999") from None
        return cls(type=kind, timestamp=time.removesuffix("+00:00") + "Z", data=record)


class Notification(Record):
    """One event for one subscription that waits for its next try. Keyed as the record that it came from."""

    type: Literal["notification.v1"] = "notification.v1"
    #: The header `webhook-id`: the same for every try, and for every repeat of the record (`id_of`).
    id: str
    organization: str
    #: The id of the subscription.
    subscription: str
    event: Event
    #: When it was first to be told: it is tried again for a day from then on.
    since: Millis
    #: How many tries have failed, or were not made because the endpoint was failing.
    tries: Annotated[int, Field(ge=0)] = 0
    #: Not tried before.
    due: Millis = 0


class SwitchOff(Record):
    """A subscription is to be switched off. Done where it is read; once, however often that is."""

    type: Literal["switch_off.v1"] = "switch_off.v1"
    organization: str
    subscription: str
    #: Of the subscription in the directory: only this one. Whoever has changed it since has seen to it.
    version: int
    #: Since when every try had failed.
    since: Millis
    #: What it then has as `switched_off_at`.
    at: Millis
    detail: str


#: What is on `sms.notifications.v1`.
Told = Notification | SwitchOff
_TOLD: Final[Any] = TypeAdapter(Annotated[Told, Field(discriminator="type")])


def decode(value: bytes | None) -> Told:
    """The record of `sms.notifications.v1` in `value`.

    Raises:
        DecodeError: it is none.
    """
    told: Told = decode_with(_TOLD.validator, value)
    return told


def id_of(record: StatusRecord | InboundRecord | SwitchedOff | Trial, subscription: str) -> str:
    """The `webhook-id` under which `subscription` is told of `record`."""
    name = (
        ids.of_switching_off(record.subscription, record.at) if isinstance(record, SwitchedOff) else record.id
    )
    return ids.of_notification(name, subscription)
