"""Routing from a number: who answers for it, through which account, and what stops it."""

import pytest

from directory.pool import Standing
from directory.snapshot import Directory
from schemas.directory import (
    Account,
    Active,
    AnyEntity,
    Assistant,
    Entry,
    Number,
    Organization,
    TelnyxCredentials,
    identity,
)
from schemas.lanes import Lane
from schemas.messages import Content, Door, Message
from schemas.provider import Provider
from schemas.refusals import Refused
from schemas.tasks import How, OnUnknown
from streams.routing import Chosen, route

SENDER, HANDSET = "+15550100001", "+15557654321"
ACCOUNT = Account(
    organization="acme",
    id="tx-main",
    credentials=TelnyxCredentials(api_key="env:KEY", public_keys=("env:PUBLIC",)),
)
NUMBER = Number(organization="acme", id=SENDER, account="tx-main")
ASSISTANT = Assistant(organization="acme", id="desk", name="Desk", numbers=(SENDER,))
MESSAGE = Message(
    message_id="m-1",
    organization="acme",
    door=Door.REST,
    lane=Lane.QUEUED,
    valid_until=2_000,
    forget_at=9_000,
    can_repeat=True,
    content=Content(
        from_number=SENDER,
        to_number=HANDSET,
        text="hello",
        media=("https://example.com/a.png",),
        segments=1,
        reference="r-1",
        fingerprint="1:abc",
        accepted_at=1_000,
    ),
)


def directory(*entities: AnyEntity) -> Directory:
    """A directory of these."""
    entries = [
        Entry(
            kind=identity(entity)[0],
            id=identity(entity)[1],
            organization=entity.organization,
            version=1,
            at=1,
            entity=entity,
        )
        for entity in entities
    ]
    return Directory().after(entries)[0]


def known(
    number: AnyEntity | None = NUMBER,
    assistant: AnyEntity | None = ASSISTANT,
    account: AnyEntity | None = ACCOUNT,
    *others: AnyEntity,
) -> Directory:
    """A directory of one of each, or none."""
    return directory(*(one for one in (number, assistant, account, *others) if one is not None))


def routed(senders: Directory) -> Chosen | Refused:
    return route(MESSAGE, senders, sticky=None, standing=Standing())


def test_the_number_names_the_account_and_the_account_the_provider() -> None:
    chosen = routed(known())
    assert isinstance(chosen, Chosen)
    assert chosen.reason == f"from number: {SENDER} of assistant desk sends through account tx-main"
    task = chosen.task
    assert (task.provider, task.account, task.sender, task.lane) == (
        Provider.TELNYX,
        "tx-main",
        SENDER,
        Lane.QUEUED,
    )
    assert (task.to_number, task.text, task.media, task.segments) == (
        HANDSET,
        "hello",
        MESSAGE.content.media,
        1,
    )
    assert (task.attempt, task.how, task.record) == (1, How.PLAIN, None)
    assert (task.message_id, task.organization) == ("m-1", "acme")
    assert (task.valid_until, task.forget_at, task.not_before) == (2_000, 9_000, 0)


def test_an_account_of_the_operator_serves_everybody() -> None:
    shared = ACCOUNT.model_copy(update={"organization": "operator"})
    assert isinstance(routed(known(account=shared)), Chosen)


FOREIGN = {"organization": "other"}
HELD = {"status": Active.SUSPENDED}


@pytest.mark.parametrize(
    ("senders", "code"),
    [
        (known(number=None), "sender_not_found"),
        (known(assistant=None), "sender_not_found"),
        (known(number=NUMBER.model_copy(update=FOREIGN)), "sender_not_found"),
        (known(assistant=ASSISTANT.model_copy(update=FOREIGN)), "sender_not_found"),
        (known(number=NUMBER.model_copy(update=HELD)), "sender_suspended"),
        (known(assistant=ASSISTANT.model_copy(update=HELD)), "assistant_suspended"),
        (known(account=None), "account_unavailable"),
        (known(account=ACCOUNT.model_copy(update=FOREIGN)), "account_unavailable"),
        (known(account=ACCOUNT.model_copy(update=HELD)), "account_unavailable"),
    ],
)
def test_what_changed_since_acceptance_refuses_with_code_and_words(senders: Directory, code: str) -> None:
    refused = routed(senders)
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert refused.detail.endswith(".")
    assert "tx-main" in refused.detail or SENDER in refused.detail


@pytest.mark.parametrize(
    ("defaults", "policy"),
    [
        (None, OnUnknown.HOLD),
        (Organization(organization="acme", id="acme"), OnUnknown.HOLD),
        *((Organization(organization="acme", id="acme", on_unknown=one), one) for one in OnUnknown),
    ],
)
def test_the_organization_says_what_becomes_of_an_unknown_send(
    defaults: Organization | None, policy: OnUnknown
) -> None:
    chosen = routed(known(NUMBER, ASSISTANT, ACCOUNT, *([defaults] if defaults else [])))
    assert isinstance(chosen, Chosen)
    assert chosen.task.on_unknown is policy
