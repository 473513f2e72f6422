"""What the doctor says of subscriptions: who was switched off, who fails, and until when."""

from cli.commands.findings import Finding
from cli.commands.subscribed import judged
from directory.changes import put
from directory.snapshot import Directory
from schemas.directory import Active, Subscription

HOUR = 3_600_000
FIVE_DAYS = 5 * 24 * HOUR
NOW = 1_700_000_000_000


def of(*names: str, **fields: object) -> Directory:
    found = Directory()
    for name in names:
        given = {"organization": "acme", "id": name, "url": "https://hooks.acme.example/", **fields}
        change = put(found, Subscription.model_validate(given))
        assert change is not None
        found, _ = found.after([change.entry(1)])
    return found


def looked(directory: Directory, failing: dict[str, int]) -> list[Finding]:
    return list(judged(directory, failing, FIVE_DAYS, NOW))


def test_where_there_are_none_nothing_is_said() -> None:
    assert looked(of(), {}) == []


def test_who_fails_is_named_with_when_it_began_and_when_it_ends() -> None:
    summary, failing = looked(of("orders", "other"), {"orders": NOW - 2 * HOUR})
    assert summary.ok
    assert "2 subscriptions, 2 of them active" in summary.said
    assert not failing.ok
    assert "subscription orders of acme has only failed since 2023-11-14T20:13:20+00:00" in failing.said
    assert "switched off 2023-11-19T20:13:20+00:00" in failing.said
    assert "subscription=orders" in failing.todo


def test_who_has_failed_for_minutes_is_named_and_is_no_problem_yet() -> None:
    _, failing = looked(of("orders"), {"orders": NOW - HOUR + 1})
    assert failing.ok
    assert "subscription orders of acme has only failed since" in failing.said


def test_who_was_switched_off_says_so_alone() -> None:
    off = of("orders", status=Active.SUSPENDED, switched_off_at=NOW)
    summary, found = looked(off, {"orders": NOW - FIVE_DAYS})
    assert "1 subscriptions, 0 of them active" in summary.said
    assert "took nothing: switched off 2023-11-14T22:13:20+00:00" in found.said
    assert "helio subscription on orders" in found.todo
