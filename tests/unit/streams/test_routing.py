"""Routing from a number: who answers for it, through which account, and what stops it."""

from dataclasses import dataclass, field

import pytest

from schemas.directory import (
    Account,
    Active,
    Assistant,
    Number,
    Organization,
    TelnyxCredentials,
)
from schemas.lanes import Lane
from schemas.messages import Content, Door, Message
from schemas.provider import Provider
from schemas.tasks import How, OnUnknown
from streams.routing import Chosen, Refused, route

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


@dataclass
class Known:
    """A directory of one of each, or none."""

    a_number: Number | None = field(default=NUMBER)
    an_assistant: Assistant | None = field(default=ASSISTANT)
    an_account: Account | None = field(default=ACCOUNT)
    defaults: Organization | None = None

    def number(self, e164: str, /) -> Number | None:
        return self.a_number if e164 == SENDER else None

    def assistant_of(self, e164: str, /) -> Assistant | None:
        return self.an_assistant if e164 == SENDER else None

    def account(self, account: str, /) -> Account | None:
        return self.an_account if account == "tx-main" else None

    def organization(self, slug: str, /) -> Organization | None:
        return self.defaults if slug == "acme" else None


def test_the_number_names_the_account_and_the_account_the_provider() -> None:
    chosen = route(MESSAGE, Known())
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
    assert isinstance(route(MESSAGE, Known(an_account=shared)), Chosen)


FOREIGN = {"organization": "other"}
HELD = {"status": Active.SUSPENDED}


@pytest.mark.parametrize(
    ("known", "code"),
    [
        (Known(a_number=None), "sender_not_found"),
        (Known(an_assistant=None), "sender_not_found"),
        (Known(a_number=NUMBER.model_copy(update=FOREIGN)), "sender_not_found"),
        (Known(an_assistant=ASSISTANT.model_copy(update=FOREIGN)), "sender_not_found"),
        (Known(a_number=NUMBER.model_copy(update=HELD)), "sender_suspended"),
        (Known(an_assistant=ASSISTANT.model_copy(update=HELD)), "assistant_suspended"),
        (Known(an_account=None), "account_unavailable"),
        (Known(an_account=ACCOUNT.model_copy(update=FOREIGN)), "account_unavailable"),
        (Known(an_account=ACCOUNT.model_copy(update=HELD)), "account_unavailable"),
    ],
)
def test_what_changed_since_acceptance_refuses_with_code_and_words(known: Known, code: str) -> None:
    refused = route(MESSAGE, known)
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
    chosen = route(MESSAGE, Known(defaults=defaults))
    assert isinstance(chosen, Chosen)
    assert chosen.task.on_unknown is policy
