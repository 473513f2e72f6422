"""Names of topics: whose request topic one is, and which names are taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import topics
from schemas.directory import SLUG_PATTERN

SLUGS = st.from_regex(SLUG_PATTERN.replace("$", r"\Z"))


@given(SLUGS)
def test_a_topic_of_one_organization_is_its_own_and_no_other_topic(organization: str) -> None:
    topic = topics.requests_of(organization)
    shared = {one.name for one in topics.catalogue()}
    assert topics.may_have_own(organization) == (topic not in shared)
    assert topics.organization_of(topic) == (organization if topic not in shared else None)
    assert topics.dead_letters(topic) == topics.dead_letters(topics.REQUESTS)


def test_no_topic_of_all_is_one_organizations() -> None:
    assert [topics.organization_of(one.name) for one in topics.catalogue() if ".requests." in one.name] == [
        None,
        None,
    ]
    assert not topics.may_have_own("dlq")


@pytest.mark.parametrize(
    "topic",
    ["sms.requests.acme.v2", "sms.requests.acme.v1.v1", "xsms.requests.acme.v1", "sms.requests..v1", "acme"],
)
def test_other_names_are_nobodys(topic: str) -> None:
    assert topics.organization_of(topic) is None


def test_no_name_comes_twice_whoever_asks_for_it() -> None:
    names = [one.name for one in topics.catalogue(["dlq", "acme"])]
    assert len(names) == len(set(names))
    assert topics.requests_of("acme") in names


@pytest.mark.parametrize("kind", topics.DEAD_LETTER_KINDS)
def test_a_kind_and_its_dead_letters_name_one_another(kind: str) -> None:
    dead = topics.dead_letters_of(kind)
    assert topics.kind_of(dead) == kind
    assert topics.dead_letters(f"sms.{kind}.v1") == topics.dead_letters(dead) == dead


def test_whatever_may_be_a_dead_letter_has_a_topic_for_it() -> None:
    names = {one.name for one in topics.catalogue(["acme"])}
    assert {topics.dead_letters_of(kind) for kind in topics.DEAD_LETTER_KINDS} < names
    assert {topics.kind_of(name) for name in names if ".dlq." in name} == set(topics.DEAD_LETTER_KINDS)
