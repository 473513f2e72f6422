"""Public records as the running code makes them, through intake, route, fold and webhooks; no broker."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import ConsumerRecord

from directory.pool import Standing
from directory.snapshot import Directory
from ingress.acceptance import Accepted, accept
from ingress.requested import Read as Asked
from ingress.requested import Terms, judge, read
from schemas import ids, topics
from schemas.directory import Number
from schemas.facts import (
    AmbiguousFact,
    AnyFact,
    Closed,
    ClosedWhy,
    Deadline,
    OutcomeFact,
    Receipt,
    ReceiptStatus,
    Reported,
    attempted,
)
from schemas.messages import Door
from schemas.notifications import Event, SwitchedOff
from schemas.provider import Accepted as Taken
from schemas.provider import Certain, Fault, Provider, Rejected, Throttled, Unavailable
from schemas.public import InboundRecord, StatusRecord
from schemas.requests import SendRequest
from schemas.settings import IntakeSettings, MessageSettings
from schemas.tasks import OnUnknown, RecordId, Task
from streams.folding import Folder
from streams.route import Router, Surroundings
from tests.fakes import callbacks, pools, world
from tests.fakes.streams import Out, Read, Recipients
from tests.fakes.webhooks import Broker, Marks
from webhooks.inbound import Text
from webhooks.inbox import Inbox

#: 2026-04-30T10:15:00Z.
AT: Final = 1_777_544_100_000
TRACE: Final = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
OWN: Final = topics.requests_of("acme")
_SETTINGS: Final = MessageSettings()
_TERMS: Final = Terms(IntakeSettings(), _SETTINGS)
#: What the dispatchers tell of a task, in order.
Story = Sequence[Callable[[Task], AnyFact]]


@dataclass(frozen=True)
class Made:
    """A record of a public topic."""

    name: str
    topic: str
    key: str | None
    headers: dict[str, str]
    value: str

    def shown(self) -> dict[str, Any]:
        """As a line of the corpus."""
        return dict(vars(self))


# ---- requests

_BODY: Final = {"from_phone_number": pools.WEST, "to_phone_number": pools.HANDSET, "message": "Hello"}
REQUESTS: Final[dict[str, str]] = {
    "short": json.dumps(_BODY),
    "keyed": json.dumps({**_BODY, "idempotency_key": "order:12345:shipped", "reference": "order-12345"}),
    "typed": json.dumps({"type": "sms.request.v1", **_BODY}),
    "use-case": json.dumps(
        {"use_case_id": pools.USE_CASE, "to_phone_number": pools.HANDSET, "message": "Hi"}
    ),
    "upper-case-use-case": json.dumps(
        {"use_case_id": pools.USE_CASE.upper(), "to_phone_number": pools.HANDSET, "message": "Hi"}
    ),
    "media": json.dumps({**_BODY, "media_urls": ["https://media.example.com/a.jpg", "http://b.example/c?d"]}),
    "no-media": json.dumps({**_BODY, "media_urls": []}),
    "send-at": json.dumps({**_BODY, "send_at": "2026-05-01T09:00:00+02:00", "valid_for": 3600}),
    "float": json.dumps({**_BODY, "valid_for": 60.0}),
    "immediate": json.dumps({**_BODY, "queue": False}),
    "nulls": json.dumps(
        {**_BODY, "use_case_id": None, "media_urls": None, "idempotency_key": None, "send_at": None,
         "valid_for": None, "reference": None, "organization": None}
    ),
    "unknown-fields": json.dumps({**_BODY, "priority": 3, "tags": {"a": [1, 2]}}),
    "organization": json.dumps({**_BODY, "organization": "acme"}),
    "unicode": json.dumps({**_BODY, "message": "Grüße 👩‍👩‍👧‍👦 مرحبا e\u0301"}, ensure_ascii=False),
    "escaped": json.dumps({**_BODY, "message": "Grüße 👩‍👩‍👧‍👦"}, indent=2),
    "longest": json.dumps({**_BODY, "message": "x" * 1600, "idempotency_key": "k" * 256}),
}  # fmt: skip


def requests() -> list[Made]:
    """What producers write."""
    return [Made(name, OWN, None, {}, value) for name, value in REQUESTS.items()]


def meaning(value: str) -> dict[str, Any]:
    """What a request becomes: its identity, and the whole message."""
    found = _judged(value.encode(), pools.directory())
    message = json.loads(found.value)
    return {"key": (found.key or b"").decode(), "message": message}


def _judged(value: bytes, directory: Directory, offset: int = 7) -> Any:
    record = ConsumerRecord(
        topic=OWN, partition=2, offset=offset, timestamp=AT, timestamp_type=1, key=None, value=value,
        checksum=None, serialized_key_size=0, serialized_value_size=0, headers=(TRACE,),
    )  # fmt: skip
    asked = read(record, _TERMS)
    assert isinstance(asked, Asked)
    return judge(asked, directory, _TERMS, AT).outgoing


# ---- status


def outcome(what: Certain, late: int = 150, attempt: int = 1) -> Callable[[Task], AnyFact]:
    record = RecordId(topic="sms.dispatch.twilio.queued.v1", partition=0, offset=4)
    return lambda task: OutcomeFact.model_validate(
        {
            **attempted(task.model_copy(update={"attempt": attempt}), AT + late),
            "nonce": f"n{attempt}",
            "record": record,
            "outcome": what,
        }
    )


def ambiguous(late: int = 200) -> Callable[[Task], AnyFact]:
    return lambda task: AmbiguousFact.model_validate(
        {**attempted(task, AT + late), "nonces": ("n1",), "detail": "no answer within 10 s"}
    )


def receipt(status: ReceiptStatus, late: int = 900, **more: Any) -> Callable[[Task], AnyFact]:
    return lambda task: Receipt.model_validate(
        {**attempted(task, AT + late), "nonce": "n1", "provider_message_id": "SM1", "status": status,
         "raw": "{}", **more}
    )  # fmt: skip


def reported(status: ReceiptStatus) -> Callable[[Task], AnyFact]:
    return lambda task: Reported.model_validate(
        {**attempted(task, AT + 950), "provider_message_id": "SM1", "status": status}
    )


def closed(why: ClosedWhy) -> Callable[[Task], AnyFact]:
    return lambda task: Closed.model_validate({**attempted(task, AT + 300), "why": why})


def deadline(policy: OnUnknown) -> Callable[[Task], AnyFact]:
    def due(task: Task) -> AnyFact:
        kept = task.model_copy(update={"on_unknown": policy})
        return Deadline.model_validate({**attempted(task, AT + 5_000), "task": kept, "waited_ms": 4_000})

    return due


_TAKEN: Final = outcome(Taken(provider_message_id="SM1"))
_AGAIN: Final = outcome(Taken(provider_message_id="SM1"), 700, attempt=2)
_GONE: Final = Rejected(fault=Fault.RECIPIENT, code="21211", detail="Invalid 'To' phone number")
STORIES: Final[dict[str, Story]] = {
    "delivered": (_TAKEN, receipt(ReceiptStatus.DELIVERED)),
    "undelivered": (
        _TAKEN,
        receipt(ReceiptStatus.UNDELIVERED, code="30005", fault=Fault.RECIPIENT, detail="Unknown destination"),
    ),
    "failed-by-receipt": (_TAKEN, receipt(ReceiptStatus.FAILED, code="30008", fault=Fault.AMBIGUOUS)),
    "refused-by-provider": (outcome(_GONE),),
    "throttled": (outcome(Throttled(code="20429", detail="Too many requests")), _AGAIN),
    "unavailable": (outcome(Unavailable(detail="connection refused")), _AGAIN),
    "settled-by-receipt": (ambiguous(), receipt(ReceiptStatus.DELIVERED)),
    "settled-by-asking": (ambiguous(), reported(ReceiptStatus.SENT)),
    "settled-by-answer": (ambiguous(), outcome(Taken(provider_message_id="SM1"), 400)),
    "failed-by-policy": (ambiguous(), deadline(OnUnknown.FAIL)),
    "resent-by-policy": (ambiguous(), deadline(OnUnknown.RESEND)),
    "cancelled": (closed(ClosedWhy.CANCELLED),),
    "expired": (closed(ClosedWhy.EXPIRED),),
    "opted-out": (closed(ClosedWhy.OPTED_OUT),),
    "sender-suspended": (closed(ClosedWhy.SENDER_SUSPENDED),),
}


class Stream:
    """Route and fold, one after the other, on dictionaries."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        around = Surroundings(lambda: directory, Standing, Recipients(), lambda: AT + 10)
        self._router = Router({}, around)
        self._folder = Folder({}, lambda: AT + 10_000)
        self._offset = 0
        self.out = Out()
        self.tasks: list[Task] = []

    def over_kafka(self, value: str, offset: int = 7) -> None:
        found = _judged(value.encode(), self._directory, offset)
        self._route(found.value, found.key, found.headers)

    def over_rest(self, value: str) -> None:
        request = SendRequest.decode(value.encode())
        message_id = ids.uuid7(AT, bytes(10))
        found = accept(
            request,
            "acme",
            self._directory,
            door=Door.REST,
            message_id=message_id,
            now=AT,
            settings=_SETTINGS,
        )
        assert isinstance(found, Accepted)
        self._route(found.message.encode(), message_id.encode(), (TRACE,))

    def _route(self, value: bytes, key: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        out = Out()
        self._offset += 1
        self._router.handle(Read(value, self._offset, key=key, headers=headers), out)
        for topic, emitted, _, carried in out.sent:
            if topic == topics.EVENTS:
                self._fold(emitted, carried)
            else:
                self.tasks.append(Task.decode(emitted))

    def tell(self, fact: AnyFact) -> None:
        self._fold(fact.encode(), ())

    def _fold(self, value: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        self._offset += 1
        self._folder.handle(Read(value, self._offset, topics.EVENTS, headers=headers), self.out)


def _told(name: str, stream: Stream) -> Iterator[Made]:
    for number, (topic, value, key, headers) in enumerate(stream.out.sent, 1):
        if topic == topics.STATUS:
            shown = {header: text.decode() for header, text in headers}
            yield Made(f"{name}-{number}", topic, (key or b"").decode(), shown, value.decode())


def statuses() -> list[Made]:
    """Every state through every way to it, of messages from both doors."""
    found: list[Made] = []
    for place, (name, story) in enumerate(STORIES.items()):
        stream = Stream(pools.directory())
        take = stream.over_kafka if place % 2 else stream.over_rest
        take(REQUESTS["keyed"])
        (task,) = stream.tasks
        for fact in story:
            stream.tell(fact(task))
        found += _told(name, stream)
    for name in ("use-case", "media", "send-at", "immediate", "unicode"):
        stream = Stream(pools.directory())
        stream.over_kafka(REQUESTS[name])
        found += _told(name, stream)
    return [*found, *_refused(), *_redacted()]


def _refused() -> Iterator[Made]:
    stream = Stream(pools.directory())
    stream.over_kafka(json.dumps({**_BODY, "message": " ", "reference": "mine"}))
    stream.over_kafka(REQUESTS["keyed"], 8)
    stream.over_kafka(json.dumps({**_BODY, "idempotency_key": "order:12345:shipped", "message": "Other"}), 9)
    yield from _told("refused", stream)


def _redacted() -> Iterator[Made]:
    stream = Stream(pools.directory(defaults={"redact": True}))
    stream.over_kafka(REQUESTS["media"])
    yield from _told("redacted", stream)


# ---- inbound


async def inbound() -> list[Made]:
    """Texts of every provider, with media and with every keyword."""
    broker = Broker()
    inbox = Inbox(broker.produce, Marks(), timeout_seconds=60, patience_seconds=0)
    posts = {
        "twilio": callbacks.a_text(Provider.TWILIO),
        "twilio-media": callbacks.twilio_text(
            MessageSid="SM" + "0" * 31 + "8", NumMedia="1", MediaUrl0="https://media.example.com/cat.jpg",
            MediaContentType0="image/jpeg",
        ),
        "telnyx": callbacks.a_text(Provider.TELNYX),
        "telnyx-media": callbacks.telnyx_text(
            id="ac012cbf-5e09-46af-a69a-7c0e2d909930",
            media=[{"url": "https://media.example.com/cat.jpg", "content_type": "image/jpeg", "size": 4711}],
        ),
        "vonage": callbacks.a_text(Provider.VONAGE),
        **{
            word.lower(): callbacks.twilio_text(MessageSid="SM" + f"{place:032d}", Body=word)
            for place, word in enumerate(("STOP", "START", "HELP"), 20)
        },
    }  # fmt: skip
    found: list[Made] = []
    for name, post in posts.items():
        provider = Provider(post.url.partition("?")[0].rpartition("/")[2])
        known = world.made_of(
            callbacks.account(provider), Number(organization="acme", id=callbacks.OURS, account="main")
        )
        text = callbacks.judged(post, known, provider)
        assert isinstance(text, Text), name
        await inbox.take(text.record, (TRACE,))
        outgoing = broker.records[-1]
        found.append(
            Made(
                name,
                outgoing.topic,
                (outgoing.key or b"").decode(),
                {header: value.decode() for header, value in outgoing.headers},
                (outgoing.value or b"").decode(),
            )
        )
    return found


def events(told: Sequence[Made]) -> list[Made]:
    """What subscriptions are POSTed of the records `told`, and of a subscription that is switched off."""
    model: dict[str, type[StatusRecord | InboundRecord]]
    model = {topics.STATUS: StatusRecord, topics.INBOUND: InboundRecord}
    off = SwitchedOff(
        subscription="orders", organization="acme", url="https://orders.example.com/texts", since=AT,
        at=AT + 432_000_000, detail="503",
    )  # fmt: skip
    facts = [(one.name, model[one.topic].decode(one.value.encode())) for one in told]
    return [
        Made(name, "", None, {}, Event.of(fact).encode().decode())
        for name, fact in [*facts, ("switched-off", off)]
    ]
