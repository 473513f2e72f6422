"""Settings that contradict one another, or the topics, are refused."""

import pytest
from pydantic import ValidationError

from cli.settings_table import render
from schemas import topics
from schemas.forgetting import SIGHTINGS_MS, VIEW_MS
from schemas.requests import MAX_AHEAD
from schemas.settings import DispatchSettings, MessageSettings, NotifierSettings, Settings, TopicSettings

REBUILT_FROM = (
    topics.EVENTS,
    topics.INTENTS,
    topics.MESSAGES,
    topics.changelog(topics.ROUTE_APP, topics.FIRST_TABLE),
    topics.changelog(topics.FOLD_APP, topics.ROWS_TABLE),
)


LONGEST = next(
    most.le for most in MessageSettings.model_fields["lifetime_seconds"].metadata if hasattr(most, "le")
)


def kept_ms(name: str) -> int:
    (topic,) = (topic for topic in topics.catalogue() if topic.name == name)
    return topic.retention_ms


@pytest.mark.parametrize("name", REBUILT_FROM)
def test_nothing_is_remembered_for_longer_than_kafka_keeps_what_it_is_rebuilt_from(name: str) -> None:
    # From acceptance on: as late as may be asked for, the longest quiet hours, and then its lifetime.
    latest = MAX_AHEAD + 24 * 3600 + MessageSettings(lifetime_seconds=LONGEST).lifetime_seconds
    assert latest * 1000 <= kept_ms(name)
    with pytest.raises(ValidationError, match="less than or equal"):
        MessageSettings(lifetime_seconds=kept_ms(name) // 1000 + 1)


def test_what_outlives_a_message_is_kept_for_that_long_too() -> None:
    assert kept_ms(topics.changelog(topics.ROUTE_APP, topics.FIRST_TABLE)) >= LONGEST * 1000 + SIGHTINGS_MS
    assert kept_ms(topics.STATUS) >= LONGEST * 1000 + VIEW_MS


def test_what_waits_to_be_told_is_kept_for_as_long_as_it_may_be_told_and_a_day() -> None:
    (longest,) = [
        one.le for one in NotifierSettings.model_fields["give_up_seconds"].metadata if hasattr(one, "le")
    ]
    assert longest * 1000 <= topics.OLDEST_TOLD_MS
    assert kept_ms(topics.NOTIFICATIONS) == topics.OLDEST_TOLD_MS + 86_400_000
    assert all(kept_ms(name) >= topics.OLDEST_TOLD_MS for name in topics.WAITING.values())


def test_a_message_outlives_its_validity() -> None:
    with pytest.raises(ValidationError, match="by an hour"):
        MessageSettings(validity_seconds=86_400, lifetime_seconds=86_400)


def test_more_replicas_in_sync_than_there_are_would_stop_every_write() -> None:
    TopicSettings(replication_factor=3, min_insync_replicas=3)
    with pytest.raises(ValidationError, match="at most replication_factor"):
        TopicSettings(replication_factor=1, min_insync_replicas=2)


def test_a_connection_may_not_take_longer_than_the_whole_answer() -> None:
    DispatchSettings(http_timeout_seconds=3, connect_timeout_seconds=3)
    with pytest.raises(ValidationError, match="at most http_timeout_seconds"):
        DispatchSettings(http_timeout_seconds=1)


def test_a_stop_lets_every_hand_over_end() -> None:
    DispatchSettings(http_timeout_seconds=15, drain_seconds=20)
    with pytest.raises(ValidationError, match="Raise it, and have the supervisor wait"):
        DispatchSettings(http_timeout_seconds=15, drain_seconds=19)


def test_the_last_deadline_of_a_message_comes_before_it_is_forgotten() -> None:
    messages = MessageSettings(validity_seconds=86_400, lifetime_seconds=90_000)
    Settings(messages=messages, dispatch=DispatchSettings(settle_seconds=1_199))
    with pytest.raises(ValidationError, match="Lower settle_seconds or validity_seconds"):
        Settings(messages=messages, dispatch=DispatchSettings(settle_seconds=1_200))


def test_every_setting_is_described() -> None:
    assert [line for line in render().splitlines() if line.endswith("|  |")] == []
