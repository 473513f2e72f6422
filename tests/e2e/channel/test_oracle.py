"""The oracle of the channel's runs finds what it is to find, and nothing in a run that kept the rules."""

import json
from dataclasses import replace
from typing import Any

import pytest

from schemas.directory import Active, AnyEntity, Brand, Campaign, Number, NumberKind, Registration, UseCase
from tests.e2e.channel import simlog
from tests.e2e.channel.oracle import Oracle, Order, Told, Verdict
from tests.e2e.channel.simlog import Log, Sent, Written
from tests.e2e.channel.wishes import UNDER_WAY_SECONDS

UPDATES, OFFERS = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
WEST, EAST, FREE = "+14155550101", "+12125550102", "+18885550103"
#: Of the same area code as WEST; the same state; nowhere near.
NEAR, STATE, FAR = "+14155550190", "+13105550190", "+16175550190"
DELIVERED = frozenset({"delivered"})


def entity(kind: type[AnyEntity], id_: str, **fields: Any) -> AnyEntity:
    return kind.model_validate({"id": id_, "organization": "acme", **fields})


def directory(**registration: str) -> list[AnyEntity]:
    number = {"account": "twilio-main", "campaign": "updates"}
    return [
        entity(Number, WEST, **number),
        entity(Number, EAST, **number),
        entity(Number, FREE, account="vonage-main", number_kind=NumberKind.TOLL_FREE),
        entity(UseCase, UPDATES, name="Updates", numbers=[WEST, EAST], regions=["US"]),
        entity(UseCase, OFFERS, name="Offers", numbers=[FREE], stop_reply="No more."),
        entity(Brand, "acme", name="Acme", registration=registration.get("brand", "verified")),
        entity(
            Campaign,
            "updates",
            brand="acme",
            use="Updates",
            registration=registration.get("campaign", "verified"),
        ),
    ]


ORDER = Order(1, UPDATES, NEAR, "one")
OFFER = Order(2, OFFERS, NEAR, "two")
SENT = Sent(100.0, WEST, NEAR, "one", DELIVERED)
TOLD = Told(handed_in=99.0, ended=101.0, state="delivered", sender=WEST)
STOPPED = Told(handed_in=99.0, ended=101.0, state="failed", code="opted_out")


def judge(
    *, sent: tuple[Sent, ...] = (SENT,), written: tuple[Written, ...] = (), told: Told | None = TOLD,
    order: Order = ORDER, entities: list[AnyEntity] | None = None,
) -> Verdict:  # fmt: skip
    oracle = Oracle(directory() if entities is None else entities, Log(sent, written))
    return oracle.judge([order], {} if told is None else {order.number: told})


def word(text: str, at: float, to: str = WEST) -> Written:
    return Written(at, NEAR, to, text, answered_by_us=to == FREE)


def test_a_message_that_kept_the_rules_is_clean() -> None:
    verdict = judge()
    assert verdict.findings == []
    assert verdict.outcomes == {"delivered": 1}


@pytest.mark.parametrize(
    ("sentence", "changes"),
    [
        ("nothing was told", {"told": None}),
        ("sent 2 times", {"sent": (SENT, SENT)}),
        ("no provider has had it", {"sent": ()}),
        ("it went to", {"sent": (replace(SENT, to=FAR),)}),
        (
            "others of the pool are nearer",
            {"sent": (replace(SENT, sender=EAST),), "told": replace(TOLD, sender=EAST)},
        ),
        ("its sender is told as None", {"told": replace(TOLD, sender=None)}),
        ("told as undelivered", {"told": replace(TOLD, state="undelivered")}),
        ("told as delivered", {"sent": (replace(SENT, endings=frozenset({"undelivered", "failed"})),)}),
        ("no STOP was in force", {"sent": (), "told": STOPPED}),
        ("nobody asked for this", {"sent": (SENT, Sent(100.0, WEST, NEAR, "a surprise", DELIVERED))}),
    ],
)
def test_what_is_wrong_is_found(sentence: str, changes: dict[str, Any]) -> None:
    (finding,) = judge(**changes).findings
    assert sentence in finding


def test_a_stop_is_in_force_until_a_start() -> None:
    late = UNDER_WAY_SECONDS + 1
    assert "s after a STOP" in judge(written=(word("STOP", 100 - late),)).findings[0]
    # Another use case's number; the moment of the hand-over; taken back; not yet written.
    assert judge(written=(word("STOP", 100 - late, FREE),), order=ORDER).findings[0].startswith("this answer")
    assert judge(written=(word("STOP", 100 - 1),)).close == 1
    assert judge(written=(word("STOP", 100 - late), word("START", 99.9))).findings == []
    assert judge(written=(word("STOP", 100.5),)).findings == []
    # A second STOP does not begin it anew.
    assert judge(written=(word("STOP", 100 - late), word("unsubscribe", 99))).findings != []


def test_a_stop_stops_what_is_handed_in_or_waits_while_it_is_in_force() -> None:
    def stopped(*written: Written) -> bool:
        return judge(sent=(), told=STOPPED, written=written).findings == []

    assert stopped(word("STOP", 50.0))
    assert stopped(word("STOP", 100.9))
    assert not stopped(word("STOP", 102.0))
    assert not stopped(word("START", 50.0))
    # The START may have been read while it was handed in, but not if it was long ago.
    assert stopped(word("STOP", 50.0), word("START", 98.0))
    assert not stopped(word("STOP", 50.0), word("START", 60.0))
    assert stopped(word("STOP", 50.0), word("START", 60.0), word("STOP", 70.0))


def test_our_own_answer_to_a_stop_goes_out_once() -> None:
    said = Sent(90.1, FREE, NEAR, "No more.", DELIVERED)
    written = (word("STOP", 90.0, FREE),)
    assert judge(sent=(SENT, said), written=written).findings == []
    assert "due 1 times more" in judge(written=written).findings[0]
    assert "nobody asked for this, 1 times" in judge(sent=(SENT, said, said), written=written).findings[0]


def test_geomatch_goes_from_area_code_to_state_to_region() -> None:
    for to, nearest in ((NEAR, {WEST}), (STATE, {WEST}), (FAR, {WEST, EAST})):
        for sender in (WEST, EAST):
            sent = (replace(SENT, to=to, sender=sender),)
            found = judge(sent=sent, order=replace(ORDER, to=to), told=replace(TOLD, sender=sender)).findings
            assert (found == []) == (sender in nearest), (to, sender)


def test_a_recipient_keeps_its_number() -> None:
    to, other = FAR, Order(3, UPDATES, FAR, "three")
    log = Log((replace(SENT, to=to), replace(SENT, to=to, text="three", sender=EAST)), ())
    told = {1: TOLD, 3: replace(TOLD, sender=EAST)}
    (finding,) = Oracle(directory(), log).judge([replace(ORDER, to=to), other], told).findings
    assert "several numbers" in finding


@pytest.mark.parametrize(
    ("code", "order", "entities"),
    [
        ("use_case_not_found", replace(ORDER, use_case="00000000-0000-4000-8000-00000000000f"), directory()),
        ("not_a_number", replace(ORDER, to="+19995550100"), directory()),
        ("landline", replace(ORDER, to="+442079460123"), directory()),
        ("region_not_permitted", replace(ORDER, to="+61491570006"), directory()),
        ("brand_suspended", ORDER, directory(brand="suspended")),
        ("campaign_not_verified", ORDER, directory(campaign="pending")),
        ("", OFFER, directory(campaign="pending")),
        ("", replace(OFFER, to="+61491570006"), directory()),
    ],
)
def test_what_is_refused_whatever_happens(code: str, order: Order, entities: list[AnyEntity]) -> None:
    assert Oracle(entities, Log((), ())).refused(order.use_case, order.to) == code
    if code:
        refused = Told(handed_in=99.0, ended=99.1, state="refused", code=code)
        assert judge(sent=(), told=refused, order=order, entities=entities).findings == []
        sent = (replace(SENT, to=order.to, text=order.text),)
        assert len(judge(sent=sent, order=order, entities=entities).findings) == 2


@pytest.mark.parametrize(
    ("code", "changes"),
    [("no_sender", {"numbers": []}), ("use_case_suspended", {"status": Active.SUSPENDED})],
)
def test_a_use_case_at_rest_or_without_numbers_refuses(code: str, changes: dict[str, Any]) -> None:
    fields = {"name": "Updates", "numbers": [WEST], **changes}
    entities = [entity(UseCase, UPDATES, **fields), entity(Number, WEST, account="twilio-main")]
    assert Oracle(entities, Log((), ())).refused(UPDATES, NEAR) == code


def test_the_simulators_log_is_read() -> None:
    def line(**changes: Any) -> str:
        draft = {"provider": "vonage", "account": "v", "to": NEAR, "sender": FREE, "text": "hi"}
        message = {"id": "1", "at": 5.0, "reaches_handset": True, "early": False, "draft": draft}
        receipts = [{"status": "submitted", "code": None}, {"status": "delivered", "code": None}]
        inbound = changes.pop("inbound", None)
        return json.dumps(
            {"message": {**message, "receipts": receipts, **changes, "draft": {**draft, **(inbound or {})}}}
        )

    told = json.dumps({"told": ["1", 0, 0]})
    stop = line(inbound={"inbound": True, "to": FREE, "sender": NEAR, "text": "STOP"})
    log = simlog.read([line(), told, stop, line(reaches_handset=False), line(receipts=[])])
    assert [sent.endings for sent in log.sent] == [
        {"delivered"}, {"undelivered", "failed"}, {"sent"},
    ]  # fmt: skip
    assert log.written == (Written(5.0, NEAR, FREE, "STOP", answered_by_us=True),)


def test_every_registration_is_thought_of() -> None:
    for registration in Registration:
        refused = Oracle(directory(campaign=registration), Log((), ())).refused(UPDATES, NEAR)
        assert refused == ("" if registration is Registration.VERIFIED else "campaign_not_verified")
