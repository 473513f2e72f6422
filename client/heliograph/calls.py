"""Every call of the REST API as a value: what goes out, and as what its answer is read. Opens nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

from heliograph import answers
from heliograph.requests import encoded
from heliograph.value import Value

A = TypeVar("A", bound=Value)


@dataclass(frozen=True)
class Call(Generic[A]):
    """One call. All of its tries are the same bytes, so each of these calls may be tried again safely."""

    method: str
    #: With the query, below the base URL.
    path: str
    answer: type[A]
    body: bytes | None = None
    #: The idempotency key that it carries.
    key: str | None = field(default=None, repr=False)


def send(fields: Mapping[str, Any]) -> Call[answers.Sent]:
    """A message from a number; it is given a key of its own if it has none."""
    return _keyed("/sms/send", answers.Sent, fields)


def send_through(fields: Mapping[str, Any]) -> Call[answers.ChannelMessage]:
    """A message through a use case; it is given a key of its own if it has none."""
    return _keyed("/v1/sms/", answers.ChannelMessage, fields)


def dry_run(fields: Mapping[str, Any]) -> Call[answers.Rehearsal]:
    """A message of either kind, only to be judged."""
    path = "/v1/sms/" if fields.get("use_case_id") is not None else "/sms/send"
    return Call("POST", path, answers.Rehearsal, encoded({**fields, "dry_run": True}))


def status(message_id: str | UUID) -> Call[answers.Status]:
    """What became of a message."""
    return Call("GET", f"/sms/{_id(message_id)}/status", answers.Status)


def get(message_id: str | UUID) -> Call[answers.Message]:
    """Everything that is known of a message."""
    return Call("GET", f"/sms/{_id(message_id)}", answers.Message)


def get_through(message_id: str | UUID) -> Call[answers.ChannelMessage]:
    """A message that goes through a use case, as `send_through` shows it."""
    return Call("GET", f"/v1/sms/{_id(message_id)}", answers.ChannelMessage)


def cancel(message_id: str | UUID) -> Call[answers.Cancel]:
    """Cancel a message that waits."""
    return Call("DELETE", f"/sms/{_id(message_id)}", answers.Cancel)


def queue_stats(provider: str | None) -> Call[answers.QueueStats]:
    """The organization's figures."""
    return Call("GET", _path("/sms/queue/stats", provider=provider), answers.QueueStats)


def opt_outs(number: str | None, limit: int | None, cursor: str | None) -> Call[answers.OptOutPage]:
    """Wishes of one handset, or a page of everybody's."""
    path = _path("/v1/optouts", number=number, limit=limit, cursor=cursor)
    return Call("GET", path, answers.OptOutPage)


def opt_out(number: str, use_case_id: str | UUID | None, note: str) -> Call[answers.OptOut]:
    """A handset that does not want to hear."""
    body = encoded({"number": number, "use_case_id": use_case_id, "note": note})
    return Call("POST", "/v1/optouts", answers.OptOut, body)


def opt_in(number: str, use_case_id: str | UUID | None, note: str) -> Call[answers.OptOut]:
    """A handset that wants to hear again."""
    path = _path("/v1/optouts", number=number, use_case_id=use_case_id, note=note or None)
    return Call("DELETE", path, answers.OptOut)


def can_send(number: str) -> Call[answers.CanSend]:
    """Whether a number may send."""
    return Call("GET", f"/v1/sms-compliance/can-send/{quote(number, safe='')}", answers.CanSend)


def _keyed(path: str, answer: type[A], fields: Mapping[str, Any]) -> Call[A]:
    key = fields.get("idempotency_key")
    # Made once for a call, not for a try: that is what makes trying again safe.
    key = f"client:{uuid4()}" if key is None else str(key)
    return Call("POST", path, answer, encoded({**fields, "idempotency_key": key}), key)


def _id(message_id: str | UUID) -> str:
    try:
        return str(message_id if isinstance(message_id, UUID) else UUID(message_id))
    except ValueError:
        raise ValueError("a message id is a UUID") from None


def _path(path: str, **query: object) -> str:
    said = {name: str(value) for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(said)}" if said else path
