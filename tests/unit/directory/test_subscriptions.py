"""Subscriptions in files: where they may lead, how many there may be, and what a file cannot say of them."""

import pytest

from directory.changes import Action, Change, compare, put
from directory.checks import MOST_SUBSCRIPTIONS, flaws_of
from directory.endpoints import flaw
from directory.file import DirectoryFileError, parse
from directory.snapshot import Directory
from schemas.directory import Active, FormerSecret, Subscription

URL = "https://hooks.acme.example/sms"


def text(fields: str = "", name: str = "orders") -> str:
    return f"organizations: {{acme: {{subscriptions: {{{name}: {{url: '{URL}'{fields}}}}}}}}}"


def applied(current: Directory, said: str, *, private: bool = False) -> tuple[list[Change], list[str]]:
    return compare(current, parse(said, source="f", variables={}), prune=True, private=private)


def after(current: Directory, *changes: Change) -> Directory:
    found, refused = current.after([change.entry(1) for change in changes])
    assert not refused
    return found


def written(current: Directory, said: str) -> Directory:
    changes, problems = applied(current, said)
    assert not problems
    return after(current, *changes)


def only(directory: Directory) -> Subscription:
    (found,) = directory.subscriptions("acme")
    return found


def changed(directory: Directory, **update: object) -> Directory:
    change = put(directory, only(directory).model_copy(update=update))
    assert change is not None
    return after(directory, change)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.acme.example/sms", "https"),
        ("https://user:secret@hooks.acme.example/", "password"),
        ("https://user@hooks.acme.example/", "password"),
        ("https://hooks.acme.example/#top", "fragment"),
        ("https://hooks.acme.example:0/", "no URL"),
        ("https://hooks.acme.example:99999/", "no URL"),
        ("https:///sms", "no URL"),
        ("https://hooks.acme.example\\@evil.example/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://127.0.0.1/", "public"),
        ("https://169.254.169.254/latest", "public"),
        ("https://10.1.2.3:8443/", "public"),
        ("https://[::1]/", "public"),
        ("https://168.63.129.16/", "public"),
        ("https://192.0.0.192/opc/v2/", "public"),
        ("https://224.0.0.1/", "public"),
        ("https://[64:ff9b::a9fe:a9fe]/", "public"),
        ("https://[2002:7f00:1::]/", "public"),
        ("https://[::ffff:10.0.0.1]/", "public"),
        ("https://127.1/", "public"),
        ("https://0x7f.0x1/", "public"),
        ("https://localhost/", "public"),
        ("https://hooks/", "public"),
        ("https://hooks.internal./", "public"),
    ],
)
def test_where_a_subscription_may_not_lead(url: str, why: str) -> None:
    assert why in (flaw(url, private=False) or "")
    entity = Subscription(organization="acme", id="orders", url=url)
    assert [one.field for one in flaws_of(entity, {})] == ["url"]


def test_a_file_is_told_what_a_url_must_be() -> None:
    with pytest.raises(DirectoryFileError, match="orders: url: it must be a URL such as https://hooks"):
        parse(text().replace("https://", "ftp://"), source="f", variables={})


@pytest.mark.parametrize(
    "url", [URL, "https://hooks.acme.example", "https://1.1.1.1:8443/a?b=c", "https://hooks.4u.example./"]
)
def test_where_it_may(url: str) -> None:
    assert flaw(url, private=False) is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/", "http://hooks/", "https://10.0.0.1/"])
def test_private_addresses_where_the_operator_takes_them(url: str) -> None:
    assert flaw(url, private=True) is None
    said = text().replace(URL, url)
    assert applied(Directory(), said)[1] != []
    assert applied(Directory(), said, private=True)[1] == []


def test_an_event_that_is_there_twice_or_unknown() -> None:
    _, problems = applied(Directory(), text(", events: [message.sent, message.failed, message.sent]"))
    assert problems == ["acme: subscription orders: events: message.sent is there more than once"]
    with pytest.raises(DirectoryFileError, match=r"orders: events\.0"):
        applied(Directory(), text(", events: [message.lost]"))


@pytest.mark.parametrize("field", ["secret_version", "former_secrets", "switched_off_at"])
def test_what_a_file_cannot_say(field: str) -> None:
    with pytest.raises(DirectoryFileError, match=f"{field}: .*; leave it out"):
        applied(Directory(), text(f", {field}: 2"))


def test_rotated_secrets_stay_as_they_are() -> None:
    rotated = changed(
        written(Directory(), text()), secret_version=2, former_secrets=(FormerSecret(version=1, until=9),)
    )
    assert applied(rotated, text()) == ([], [])
    found = only(written(rotated, text(", events: [message.sent]")))
    assert (found.secret_version, found.former_secrets) == (2, (FormerSecret(version=1, until=9),))


def test_what_was_switched_off_is_switched_on_by_whoever_says_so() -> None:
    """A file that is applied every night would otherwise switch a dead endpoint on again every night."""
    off = changed(written(Directory(), text()), status=Active.SUSPENDED, switched_off_at=5)
    assert applied(off, text()) == ([], [])
    assert only(written(off, text(", status: suspended"))).switched_off_at == 5
    elsewhere = only(written(off, text().replace("/sms", "/texts")))
    assert (elsewhere.status, elsewhere.switched_off_at) == (Active.SUSPENDED, 5)
    on = only(written(off, text(", status: active")))
    assert (on.status, on.switched_off_at) == (Active.ACTIVE, None)


def test_one_suspended_by_hand_is_active_where_the_file_says_nothing() -> None:
    suspended = written(Directory(), text(", status: suspended"))
    assert only(written(suspended, text())).status is Active.ACTIVE


def test_an_id_that_was_deleted_never_gets_a_secret_that_it_had() -> None:
    first = written(Directory(), text())
    assert only(first).secret_version == 1
    rotated = changed(first, secret_version=2)
    (gone,), _ = applied(rotated, "organizations: {acme: }")
    assert gone.action is Action.DELETE
    assert only(written(after(rotated, gone), text())).secret_version > 2


def test_so_many_an_organization_may_have() -> None:
    def many(count: int) -> str:
        named = ", ".join(f"s{n}: {{url: '{URL}'}}" for n in range(count))
        return f"organizations: {{acme: {{subscriptions: {{{named}}}}}}}"

    full = written(Directory(), many(MOST_SUBSCRIPTIONS))
    _, problems = applied(full, many(MOST_SUBSCRIPTIONS + 1))
    assert len(problems) == 1
    assert "an organization may have 20 subscriptions" in problems[0]
    _, problems = applied(full, text().replace("acme", "globex"))
    assert problems == []
    held = full.subscriptions("acme")[0]
    assert list(flaws_of(held, full.live)) == []
    assert [one.field for one in flaws_of(held.model_copy(update={"id": "x"}), full.live)] == ["organization"]
