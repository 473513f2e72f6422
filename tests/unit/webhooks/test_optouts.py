"""STOP, START and HELP through the real routes: what is written, in which order, and who is answered."""

import asyncio
import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count, groupby
from typing import Any
from uuid import UUID

import httpx
import pytest
from prometheus_client import REGISTRY

from directory.snapshot import Directory
from ledger.errors import LedgerUnavailableError
from schemas import topics
from schemas.callback import Callback
from schemas.directory import Account, Active, AnyEntity, Assistant, Entry, Number, UseCase, identity
from schemas.messages import Door, Message
from schemas.optouts import Consent, OptOut, Source
from schemas.provider import Provider
from schemas.public import Keyword
from schemas.settings import CallbackSettings
from tests.fakes.callbacks import (
    HANDSET,
    MAC,
    NOW,
    OURS,
    PUBLIC,
    SECRETS,
    SENT,
    Post,
    account,
    telnyx,
    telnyx_event,
    telnyx_text,
    twilio,
    twilio_text,
    url_of,
    vonage,
    vonage_body,
    vonage_text,
)
from tests.fakes.webhooks import Broker, Marks, Wishes
from webhooks.app import Parts, make_app
from webhooks.heeding import Consents
from webhooks.inbox import Inbox
from webhooks.keys import Keys
from webhooks.publishing import publisher

DEADLINE = 20
NEWS, ALERTS = (UUID(int=n) for n in (1, 2))
DESK = "+14155552399"


def use_case(id_: UUID, *numbers: str, **replies: str) -> UseCase:
    return UseCase(organization="acme", id=id_, name="x", numbers=numbers, **replies)


def known(provider: Provider, *entities: AnyEntity) -> Directory:
    one: Account = account(provider, "main", (f"env:{provider}",))
    numbers = [Number(organization="acme", id=e164, account="main") for e164 in (OURS, DESK)]
    entries = [
        Entry(kind=kind, id=id_, organization=entity.organization, version=1, at=0, entity=entity)
        for entity in (one, *numbers, *entities)
        for kind, id_ in [identity(entity)]
    ]
    return Directory().after(entries)[0]


@dataclass
class Service:
    """The webhooks of an account at one provider, and what they have written."""

    provider: Provider
    entities: Sequence[AnyEntity] = (use_case(NEWS, OURS),)
    broker: Broker = field(default_factory=Broker)
    wishes: Wishes = field(default_factory=Wishes)
    marks: Marks = field(default_factory=Marks)
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        directory, produce = known(self.provider, *self.entities), self.broker.produce
        self.app = make_app(
            Parts(
                directory=lambda: directory,
                keys=Keys(lambda ref: SECRETS[Provider(ref.removeprefix("env:"))]),
                publish=publisher(produce, 60),
                inbox=Inbox(produce, self.marks, timeout_seconds=60, patience_seconds=0),
                consents=Consents(produce, self.wishes, lambda: directory, lifetime_ms=3_600_000),
                callbacks=CallbackSettings(public_url=PUBLIC, secrets=(MAC,)),
                body_limit_bytes=100_000,
                timeout_seconds=60,
                trouble=self.broker.trouble,
                clock=lambda: NOW * 1000,
            )
        )

    async def post(self, post: Post) -> int:
        over = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=over, base_url="http://10.0.0.7:8081") as client:
            answer = await client.request(
                post.method, post.url.removeprefix(PUBLIC), headers=dict(post.headers), content=post.body
            )
        return answer.status_code

    async def text(self, said: str, to: str = OURS, sender: str = HANDSET) -> int:
        return await self.post(written(self.provider, said, str(next(self.ids)), to, sender))

    @property
    def optouts(self) -> list[OptOut]:
        """What was written of use cases, and of the organization."""
        return [one for one in self.wanted if one.sender is None]

    @property
    def wanted(self) -> list[OptOut]:
        return [OptOut.decode(value) for value in self.broker.of(topics.OPTOUTS)]

    @property
    def replies(self) -> list[Message]:
        return [Message.decode(value) for value in self.broker.of(topics.MESSAGES)]

    @property
    def order(self) -> list[str]:
        """The topics that were written to; as one what went to the same one in a row."""
        return [topic for topic, _ in groupby(record.topic for record in self.broker.records)]


def written(provider: Provider, said: str, id_: str, to: str = OURS, sender: str = HANDSET) -> Post:
    """A text as the provider tells of it."""
    match provider:
        case Provider.TWILIO:
            return twilio_text(Body=said, MessageSid="SM" + id_, To=to, From=sender)
        case Provider.TELNYX:
            return telnyx_text(text=said, id=id_, to=[{"phone_number": to}], from_={"phone_number": sender})
        case Provider.VONAGE:
            return vonage_text(text=said, message_uuid=id_, to=to[1:], from_=sender.removeprefix("+"))


@pytest.mark.parametrize("provider", Provider)
async def test_a_stop_is_on_its_topic_and_in_the_ledger_before_the_text(provider: Provider) -> None:
    service = Service(provider)
    assert (await service.text(" Stop. ")) in {200, 204}
    assert service.order == [topics.OPTOUTS, topics.INBOUND]
    [known] = service.optouts
    assert known == OptOut(
        organization="acme", use_case_id=str(NEWS), number=HANDSET, consent=Consent.OUT, source=Source.TEXT,
        at=NOW * 1000, said_at=service.broker.texts[0].at, note="Stop.",
    )  # fmt: skip
    of_number = known.model_copy(update={"use_case_id": None, "sender": OURS})
    assert [record.key for record in service.broker.records[:2]] == [
        f"acme/{NEWS} {HANDSET}".encode(),
        f"acme/{OURS} {HANDSET}".encode(),
    ]
    assert [(one.offset, one.record) for one in service.wishes.noted] == [(0, known), (1, of_number)]
    [record] = service.broker.texts
    assert (record.keyword, record.text) == (Keyword.STOP, " Stop. ")


@pytest.mark.parametrize("provider", Provider)
async def test_start_brings_back_and_help_changes_nothing(provider: Provider) -> None:
    service = Service(provider)
    for said in ("STOP", "Unstop", "help", "thanks, stop it"):
        await service.text(said)
    assert [(one.consent, one.at) for one in service.optouts] == [
        (Consent.OUT, NOW * 1000),
        (Consent.IN, NOW * 1000),
    ]
    assert [one.keyword for one in service.broker.texts] == [Keyword.STOP, Keyword.START, Keyword.HELP, None]
    assert [one.offset for one in service.wishes.noted] == [0, 1, 2, 3]


async def test_what_a_stop_is_about_is_as_the_directory_says() -> None:
    desk = Assistant(organization="acme", id="desk", name="Desk", numbers=(DESK,))
    service = Service(Provider.VONAGE, (use_case(NEWS, OURS), use_case(ALERTS, OURS, DESK), desk))
    await service.text("stop", OURS)
    await service.text("stop", DESK)
    await service.text("stop all", OURS)
    told = [one.use_case_id for one in service.optouts]
    assert told == [str(NEWS), str(ALERTS), None, str(ALERTS), None, str(NEWS), str(ALERTS)]


@pytest.mark.parametrize("provider", Provider)
async def test_a_text_that_is_told_again_is_heeded_once(provider: Provider) -> None:
    """Else a START of before would undo the STOP that came in between."""
    service = Service(provider)
    start = written(provider, "start", "first")
    await service.post(start)
    await service.text("stop")
    for _ in range(2):
        assert (await service.post(start)) in {200, 204}
    assert [one.consent for one in service.optouts] == [Consent.IN, Consent.OUT]


@pytest.mark.parametrize("provider", Provider)
async def test_without_the_broker_nothing_is_taken_and_it_comes_again(provider: Provider) -> None:
    service = Service(provider)
    service.broker.acknowledges = False
    stop = written(provider, "stop", "1")
    assert await service.post(stop) == 503
    assert service.wishes.noted == []
    service.broker.acknowledges = True
    assert (await service.post(stop)) in {200, 204}
    assert service.order == [topics.OPTOUTS, topics.INBOUND]


async def test_a_stop_is_not_answered_for_before_the_broker_has_it() -> None:
    service = Service(Provider.TWILIO)
    service.broker.answers.clear()
    asked = asyncio.create_task(service.text("stop"))
    async with asyncio.timeout(DEADLINE):
        await service.broker.was_asked.wait()
        assert not asked.done()
        assert service.wishes.noted == []
        service.broker.answers.set()
        assert await asked == 200


async def test_without_the_ledger_the_topic_has_it() -> None:
    """Who follows the topic applies it; refused, the text might not come again."""
    service = Service(Provider.VONAGE, (use_case(NEWS, OURS, stop_reply="Bye."),))
    service.wishes.trouble = LedgerUnavailableError("no answer")
    assert await service.text("stop") == 204
    assert service.order == [topics.OPTOUTS, topics.MESSAGES, topics.INBOUND]


async def late(service: Service, said: str, seconds: int) -> int:
    """A text that was sent so long ago, and is told of now."""
    sent = datetime.fromtimestamp(NOW - seconds, UTC).isoformat()
    return await service.post(
        vonage_text(text=said, message_uuid=str(next(service.ids)), to=OURS[1:], timestamp=sent)
    )


async def test_a_start_that_comes_late_does_not_undo_the_stop_that_followed_it() -> None:
    """Its record would be the last of its key, and all that compaction leaves."""
    service = Service(Provider.VONAGE, (use_case(NEWS, OURS, **REPLIES),))
    await late(service, "stop", 100)
    assert await late(service, "start", 200) == 204
    assert [one.consent for one in service.optouts] == [Consent.OUT]
    assert [one.content.text for one in service.replies] == ["You get no more."]
    await late(service, "start", 50)
    assert [one.consent for one in service.optouts] == [Consent.OUT, Consent.IN]
    await late(service, "stop", 300)
    assert await service.wishes.opted_out([(("acme", f"acme/{NEWS}"), HANDSET)]) == [True]


async def test_without_the_ledger_a_start_is_written_and_judged_where_it_is_read() -> None:
    service = Service(Provider.VONAGE)
    await late(service, "stop", 100)
    service.wishes.trouble = LedgerUnavailableError("no answer")
    await late(service, "start", 200)
    assert [one.said_at for one in service.optouts] == [(NOW - 100) * 1000, (NOW - 200) * 1000]


async def test_whoever_has_written_stop_to_a_number_hears_nothing_from_it_in_another_pool() -> None:
    first = Service(Provider.VONAGE, (use_case(NEWS, OURS),))
    await first.text("stop")
    moved = Service(Provider.VONAGE, (use_case(ALERTS, OURS, **REPLIES),), wishes=first.wishes, ids=first.ids)
    reach = (("acme", f"acme/{ALERTS}", f"acme/{OURS}"), HANDSET)
    assert await moved.wishes.opted_out([reach]) == [True]
    moved.wishes.noted = [
        replace(one, record=one.record.model_copy(update={"at": 1, "said_at": 1}), offset=-1)
        for one in moved.wishes.noted
    ]
    await moved.text("start")
    assert await moved.wishes.opted_out([reach]) == [False]
    assert [one.content.text for one in moved.replies] == ["Welcome back."]


@pytest.mark.parametrize("provider", Provider)
async def test_whoever_has_no_number_cannot_be_opted_out(provider: Provider) -> None:
    service = Service(provider)
    assert (await service.text("stop", sender="BANK")) in {200, 204}
    assert service.order == [topics.INBOUND]


REPLIES = {"stop_reply": "You get no more.", "start_reply": "Welcome back.", "help_reply": "Ask acme.com."}


async def test_a_confirmation_is_a_message_that_no_opt_out_stops() -> None:
    service = Service(Provider.VONAGE, (use_case(NEWS, OURS, **REPLIES),))
    await service.text("stop")
    assert service.order == [topics.OPTOUTS, topics.MESSAGES, topics.INBOUND]
    [reply] = service.replies
    assert (reply.organization, reply.door, reply.lane) == ("acme", Door.REPLY, "immediate")
    assert reply.confirms
    assert reply.can_repeat
    assert (reply.valid_until, reply.forget_at) == ((NOW + 300) * 1000, (NOW + 3600) * 1000)
    content = reply.content
    assert (content.from_number, content.to_number, content.text) == (OURS, HANDSET, "You get no more.")
    assert (content.use_case_id, content.segments) == (str(NEWS), 1)
    assert service.broker.records[2].key == reply.message_id.encode()


async def test_only_what_changes_something_is_confirmed() -> None:
    """Who has opted out is not written to for saying it again; a YES is mostly an answer to a question."""
    service = Service(Provider.VONAGE, (use_case(NEWS, OURS, **REPLIES),))
    for said in ("yes", "stop", "stop", "start", "start"):
        await service.text(said)
    assert [one.content.text for one in service.replies] == ["You get no more.", "Welcome back."]
    assert len({one.message_id for one in service.replies}) == 2


async def test_what_welcomes_them_back_does_not_come_after_the_next_stop() -> None:
    service = Service(Provider.VONAGE, (use_case(NEWS, OURS, **REPLIES),))
    for said in ("stop", "start", "help"):
        await service.text(said)
    assert [(one.confirms, one.heeds_optouts) for one in service.replies] == [
        (True, False),
        (True, True),
        (True, False),
    ]


@pytest.mark.parametrize("sender", ["12345", "Acme", "+1", "+123456789012345678"])
async def test_nobody_is_answered_of_whom_nothing_is_written(sender: str) -> None:
    """It would not change anything, and so be answered each time."""
    service = Service(Provider.VONAGE, (use_case(NEWS, OURS, **REPLIES),))
    for said in ("stop", "start", "help"):
        await service.text(said, sender=sender)
    assert service.order == [topics.INBOUND]


async def test_stop_and_start_in_turns_are_answered_once_in_a_while() -> None:
    service = Service(Provider.VONAGE, (use_case(NEWS, OURS, **REPLIES),))
    for said in ("stop", "start") * 3:
        await service.text(said)
    assert [one.content.text for one in service.replies] == ["You get no more.", "Welcome back."]
    assert len(service.optouts) == 6


async def test_help_is_answered_once_in_a_while() -> None:
    """A machine at the other end may answer the answer."""
    service = Service(Provider.VONAGE, (use_case(NEWS, OURS, **REPLIES),))
    for _ in range(3):
        await service.text("help")
    assert [one.content.text for one in service.replies] == ["Ask acme.com."]
    assert len(service.broker.texts) == 3


@pytest.mark.parametrize(
    ("provider", "said", "answers"),
    [
        (Provider.TWILIO, "STOP", 0),
        (Provider.TWILIO, "opt-out", 0),
        (Provider.TELNYX, "STOP ALL", 0),
        # Not in the list of Telnyx.
        (Provider.TELNYX, "revoke", 1),
        (Provider.VONAGE, "STOP", 1),
    ],
)
async def test_nobody_is_answered_twice(provider: Provider, said: str, answers: int) -> None:
    service = Service(provider, (use_case(NEWS, OURS, **REPLIES),))
    await service.text(said)
    assert len(service.replies) == answers
    assert len(service.optouts) == (2 if said == "STOP ALL" else 1)


@pytest.mark.parametrize(
    "post",
    [
        twilio_text(Body="ARRET", OptOutType="STOP"),
        telnyx_text(text="ARRET", autoresponse_type="STOP"),
        telnyx_text(text="revoke", autoresponse_type="stop"),
    ],
)
async def test_what_the_provider_takes_for_a_stop_is_one_and_it_has_answered(post: Post) -> None:
    provider = Provider.TWILIO if "twilio" in post.url else Provider.TELNYX
    service = Service(provider, (use_case(NEWS, OURS, **REPLIES),))
    assert (await service.post(post)) in {200, 204}
    assert [one.consent for one in service.optouts] == [Consent.OUT]
    assert service.replies == []
    assert service.broker.texts[0].keyword is Keyword.STOP


async def test_a_provider_that_takes_it_for_nothing_does_not_make_it_nothing() -> None:
    service = Service(Provider.TELNYX)
    await service.post(telnyx_text(text="stop", autoresponse_type=None))
    await service.post(telnyx_text(text="stop", id="2", autoresponse_type="OTHER"))
    assert len(service.optouts) == 2


async def test_a_use_case_that_is_suspended_answers_nobody() -> None:
    asleep = use_case(NEWS, OURS, **REPLIES).model_copy(update={"status": Active.SUSPENDED})
    service = Service(Provider.VONAGE, (asleep, use_case(ALERTS, OURS, stop_reply="From alerts.")))
    await service.text("stop")
    assert [one.content.text for one in service.replies] == ["From alerts."]
    assert [one.use_case_id for one in service.optouts] == [str(NEWS), str(ALERTS)]


def report(provider: Provider, code: str) -> Post:
    """A receipt of a message from `OURS` to `HANDSET` that its provider refused with `code`."""
    url = url_of(provider, _SENT)
    match provider:
        case Provider.TWILIO:
            return twilio(url, MessageStatus="undelivered", ErrorCode=code, From=OURS, To=HANDSET)
        case Provider.TELNYX:
            receivers = [{"phone_number": HANDSET, "status": "delivery_failed"}]
            sender = {"phone_number": OURS}
            errors = [{"code": code, "title": "Blocked due to STOP message"}]
            payload: dict[str, Any] = {"to": receivers, "from": sender, "errors": errors}
            return telnyx(telnyx_event(**payload), url)
        case Provider.VONAGE:
            ends = {"to": HANDSET[1:], "from": OURS[1:]}
            return vonage(vonage_body("rejected", error={"title": int(code)}, **ends), url)


_SENT: Callback = replace(SENT, account="main")


@pytest.mark.parametrize(
    ("provider", "code"), [(Provider.TWILIO, "21610"), (Provider.TELNYX, "40300"), (Provider.VONAGE, "1240")]
)
async def test_a_receipt_with_the_providers_code_for_it_is_an_opt_out(provider: Provider, code: str) -> None:
    service = Service(provider)
    assert await service.post(report(provider, code)) == 204
    assert service.order == [topics.OPTOUTS, topics.EVENTS]
    [known] = service.optouts
    assert (known.organization, known.use_case_id, known.number) == ("acme", str(NEWS), HANDSET)
    assert (known.consent, known.source, known.note) == (Consent.OUT, Source.PROVIDER, f"{provider} {code}")
    assert len(service.wishes.noted) == 2


@pytest.mark.parametrize(
    ("provider", "code"), [(Provider.TWILIO, "30003"), (Provider.TELNYX, "40001"), (Provider.VONAGE, "1430")]
)
async def test_a_receipt_with_another_code_is_none(provider: Provider, code: str) -> None:
    service = Service(provider)
    assert await service.post(report(provider, code)) == 204
    assert service.order == [topics.EVENTS]


async def test_a_receipt_whose_lesson_is_not_acknowledged_comes_again() -> None:
    service = Service(Provider.TELNYX)
    service.broker.acknowledges = False
    assert await service.post(report(Provider.TELNYX, "40300")) == 503
    assert service.order == []


async def test_they_are_counted() -> None:
    def counted() -> float:
        labels = {"source": "text", "consent": "out"}
        return REGISTRY.get_sample_value("helio_webhooks_optouts_total", labels) or 0.0

    before = counted()
    await Service(Provider.TWILIO).text("stop")
    assert counted() == before + 2


async def test_a_forged_stop_is_none() -> None:
    service = Service(Provider.TWILIO)
    post = twilio_text(Body="stop", token=base64.b64encode(b"wrong").decode())
    assert await service.post(post) == 403
    assert service.order == []
