"""The rule by which every replica, whatever part of the log it saw, comes to the same directory."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.snapshot import Directory, Refused
from schemas.base import DecodeError
from schemas.directory import Assistant, Entry, Organization, Subscription
from schemas.provider import Provider
from tests.fakes import world


def entry(
    version: int, *, organization: str = "acme", name: str = "a", deleted: bool = False, key: str = "x"
) -> Entry:
    entity = None if deleted else Assistant(organization=organization, id=key, name=name, numbers=())
    return Entry(
        kind="assistant", id=key, organization=organization, version=version, at=version, entity=entity
    )


def test_look_ups() -> None:
    directory = world.directory()
    number = directory.number(world.TWILIO)
    assert number is not None
    assert directory.account(number.account) is directory.accounts(Provider.TWILIO)[0]
    assistant = directory.assistant_of(world.TWILIO)
    assert assistant is not None
    assert assistant.id == "desk"
    assert directory.assistant_of("+14155550106") is None
    key = directory.api_key(world.sha256(world.OTHER_KEY))
    assert key is not None
    assert key.organization == "globex"
    assert directory.api_key("0" * 64) is None
    assert [account.id for account in directory.accounts(Provider.TWILIO)] == ["tw", "tw-old"]
    assert directory.accounts(Provider.VONAGE) == []
    assert directory.version("number", world.TWILIO) == 1
    assert directory.version("number", "+1") == 0
    assert sum(entity.kind == "number" for entity in directory.entities()) == 9


def subscription(name: str, organization: str) -> Entry:
    url = f"https://{name}.example/sms"
    entity = Subscription(organization=organization, id=name, url=url)
    return Entry(kind="subscription", id=name, organization=organization, version=1, at=1, entity=entity)


def test_subscriptions_are_found_by_organization() -> None:
    made, _ = Directory().after(subscription(*one) for one in (("b", "acme"), ("a", "acme"), ("c", "globex")))
    assert [one.id for one in made.subscriptions("acme")] == ["a", "b"]
    assert made.subscriptions("globex") == [made.subscription("c")]
    assert made.subscriptions("initech") == ()


def test_an_id_of_one_kind_is_not_found_as_another() -> None:
    made, _ = Directory().after([entry(1, key="tw")])
    assert made.account("tw") is None


def test_the_name_of_an_organization_is_not_another_ones_to_take() -> None:
    """Else who may write under one name could set the defaults of another."""
    entry = Entry(
        kind="organization", id="acme", organization="acme", version=1, at=1,
        entity=Organization(organization="acme", id="acme", validity_seconds=60),
    )  # fmt: skip
    made, _ = Directory().after([entry])
    found = made.organization("acme")
    assert found is not None
    assert found.validity_seconds == 60
    assert made.organization("globex") is None
    with pytest.raises(DecodeError, match="own name"):
        Entry.decode(entry.encode().replace(b'"id":"acme"', b'"id":"globex"'))


def test_a_snapshot_never_changes() -> None:
    before = Directory()
    after, _ = before.after([entry(1)])
    assert list(before.entities()) == []
    assert len(list(after.entities())) == 1


@pytest.mark.parametrize(
    ("known", "then", "why"),
    [
        (entry(3), entry(3, name="b"), "version 3 where 4 is next"),
        (entry(3), entry(2), "version 2"),
        (entry(3), entry(5), "version 5"),
        (entry(3), entry(4, organization="globex"), "acme owns this id"),
        (entry(3), entry(4, organization="globex", deleted=True), "acme owns this id"),
        (entry(3, deleted=True), entry(4, organization="globex", deleted=True), "acme owns this id"),
    ],
)
def test_refused(known: Entry, then: Entry, why: str) -> None:
    made, refused = Directory().after([known, then])
    assert [one.key for one in refused] == [("assistant", "x")]
    assert why in refused[0].why
    assert made.entries["assistant", "x"] is known
    assert made.disputed == {("assistant", "x")}


@pytest.mark.parametrize(
    ("known", "then"),
    [
        (entry(3), entry(4, name="b")),
        (entry(3), entry(4, deleted=True)),
        (entry(3, deleted=True), entry(4, organization="globex")),
    ],
)
def test_taken(known: Entry, then: Entry) -> None:
    made, refused = Directory().after([known, then])
    assert refused == []
    assert made.entries["assistant", "x"] is then


def test_a_first_sighting_is_taken_at_any_version() -> None:
    made, refused = Directory().after([entry(17)])
    assert refused == []
    assert made.version("assistant", "x") == 17


def test_a_repeat_changes_nothing_and_ends_a_dispute() -> None:
    winner, loser = entry(3), entry(3, name="b")
    made, refused = Directory().after([winner, loser, winner])
    assert len(refused) == 1
    assert made.disputed == frozenset()
    assert made.live["assistant", "x"] == winner.entity


def test_what_cannot_be_read_disputes_only_what_is_known() -> None:
    made, refused = Directory().after([entry(1), Refused(("assistant", "x"), "null"), Refused(("", ""), "?")])
    assert len(refused) == 2
    assert made.disputed == {("assistant", "x")}


@given(st.integers(0, 2**32), st.integers(1, 30))
def test_replicas_agree_however_the_log_comes_to_them(seed: int, length: int) -> None:
    """In one batch, record by record, or after compaction of a settled log: the same directory."""
    chance = random.Random(seed)
    log = [
        entry(
            chance.randint(1, 5),
            organization=chance.choice(["acme", "globex"]),
            name=chance.choice("ab"),
            deleted=chance.random() < 0.3,
            key=chance.choice("xy"),
        )
        for _ in range(length)
    ]
    at_once, _ = Directory().after(log)
    step_by_step = Directory()
    for one in log:
        step_by_step, _ = step_by_step.after([one])
    assert at_once.entries == step_by_step.entries
    assert at_once.disputed == step_by_step.disputed
    settled = [*log, *(at_once.entries[key] for key in at_once.disputed)]
    compacted = list({one.key: one for one in settled}.values())
    late, refused = Directory().after(compacted)
    assert refused == []
    assert late.live == at_once.live
