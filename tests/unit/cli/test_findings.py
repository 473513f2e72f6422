"""What the doctor makes of settings, variables and clocks."""

import pytest

from cli.commands.findings import (
    MAX_SKEW_MS,
    Reading,
    known_variables,
    of_clocks,
    of_environment,
    of_health,
    of_settings,
)
from ledger.health import Breaker, Health, Slowed
from schemas.settings import (
    CallbackSettings,
    KafkaSettings,
    NotifierSettings,
    Settings,
    SubscriptionSettings,
    TopicSettings,
)


def test_a_misspelt_setting_is_found_and_the_right_one_named() -> None:
    (finding,) = of_environment({"HELIO_KAFAK__BOOTSTRAP_SERVERS", "HELIO_REDIS__URL", "HELIO_HOME", "PATH"})
    assert not finding.ok
    assert "HELIO_KAFKA__BOOTSTRAP_SERVERS" in finding.said


def test_a_secret_of_the_owners_is_no_misspelt_setting() -> None:
    assert not list(of_environment({"HELIO_TWILIO_TOKEN"}))


def test_every_setting_is_known() -> None:
    assert {"HELIO_LOG_LEVEL", "HELIO_DISPATCH__WINDOW", "HELIO_CALLBACKS__SECRETS"} <= known_variables()


def test_the_defaults_are_well() -> None:
    assert all(finding.ok for finding in of_settings(Settings()))


def test_the_published_secret_is_for_this_machine_only() -> None:
    public = Settings(callbacks=CallbackSettings(public_url="https://sms.example.com"))
    assert any("HELIO_CALLBACKS__SECRETS" in finding.todo for finding in of_settings(public))
    assert any("HELIO_SUBSCRIPTIONS__SECRETS" in finding.todo for finding in of_settings(public))
    own = CallbackSettings(public_url="https://sms.example.com", secrets=("random",))
    roots = SubscriptionSettings(secrets=("random",))
    assert all(finding.ok for finding in of_settings(Settings(callbacks=own, subscriptions=roots)))
    inside = NotifierSettings(allow_private=True)
    (problem,) = [
        finding
        for finding in of_settings(Settings(callbacks=own, subscriptions=roots, notifiers=inside))
        if not finding.ok
    ]
    assert "HELIO_NOTIFIERS__ALLOW_PRIVATE" in problem.todo


def test_a_cluster_needs_copies() -> None:
    kafka = KafkaSettings(bootstrap_servers="a:9092,b:9092,c:9092")
    assert not all(finding.ok for finding in of_settings(Settings(kafka=kafka)))
    topics = TopicSettings(replication_factor=3, min_insync_replicas=2)
    assert all(finding.ok for finding in of_settings(Settings(kafka=kafka, topics=topics)))


@pytest.mark.parametrize(
    ("theirs", "skew"),
    [(100, 0), (150, 0), (200, 0), (201, 1), (5_200, 5_000), (99, -1), (-4_900, -5_000)],
)
def test_a_clock_is_only_blamed_for_what_the_way_cannot_explain(theirs: float, skew: float) -> None:
    assert Reading(before=100, theirs=theirs, after=200).skew_ms == skew


def test_a_clock_that_is_off_is_a_problem() -> None:
    good = Reading(0, MAX_SKEW_MS + 10, 10)
    late = Reading(0, -MAX_SKEW_MS - 1, 10)
    findings = list(of_clocks({"Kafka": good, "Redis": late}))
    assert [finding.ok for finding in findings] == [True, False]
    assert "Redis" in findings[1].said


def test_an_open_breaker_is_a_problem_and_a_slowed_pace_is_told() -> None:
    well = list(of_health(Health(9_000, {"tw": Breaker("closed", 0, bad=1, all=9)}, {})))
    assert [finding.ok for finding in well] == [True]
    breakers = {"tw": Breaker("open", 2_000, 10_000), "vo": Breaker("closed", 1)}
    opened, slowed = of_health(Health(9_000, breakers, {"number:+1": Slowed(0.25, 0)}))
    assert (opened.ok, slowed.ok) == (False, True)
    assert "account tw" in opened.said
    assert "open since 7 s" in opened.said
    assert slowed.said.startswith("number:+1 goes at 25% of its rate")
