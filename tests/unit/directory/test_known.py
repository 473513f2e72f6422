"""Names of zones and regions: replicas take what looks like one, who writes is told what there is not."""

import re
from zoneinfo import available_timezones

import pytest
from pydantic import TypeAdapter, ValidationError

from directory.changes import compare
from directory.file import parse
from directory.known import zones
from schemas.directory import Entry, QuietHours, ZoneName
from tests.fakes import world

USE_CASE = "5d0f7a52-6f0e-4f0b-9a55-3f3a3f1f2a10"


def problems(fields: str) -> list[str]:
    text = world.of("acme", f"use_cases: {{{USE_CASE}: {{name: U, {fields}}}}}")
    return compare(world.directory(), parse(text, source="f", variables={}), prune=False)[1]


def quiet(zone: str) -> str:
    return f'quiet_hours: {{start: "21:00", end: "08:00", zone: "{zone}"}}'


@pytest.mark.parametrize("zone", ["Mars/Olympus", "America", "localtime", "Factory", "Europe/berlin"])
def test_who_writes_a_zone_that_there_is_not_is_told(zone: str) -> None:
    assert problems(quiet(zone)) == [
        f"acme: use_case {USE_CASE}: quiet_hours.zone: {zone} is no time zone (such as Europe/Berlin)"
    ]


def test_an_organizations_zone_is_checked_as_well() -> None:
    text = world.of("acme", f"defaults: {{{quiet('Mars/Olympus')}}}")
    _, found = compare(world.directory(), parse(text, source="f", variables={}), prune=False)
    assert found == [
        "acme: organization acme: quiet_hours.zone: Mars/Olympus is no time zone (such as Europe/Berlin)"
    ]


@pytest.mark.parametrize("region", ["UK", "ZZ", "EU"])
def test_who_writes_a_region_that_there_is_not_is_told(region: str) -> None:
    (found,) = problems(f"regions: [US, {region}]")
    assert found.startswith(f"acme: use_case {USE_CASE}: regions: {region} is no region")


def test_what_there_is_is_taken() -> None:
    assert problems(f"regions: [US, GB, PR], {quiet('America/Argentina/Buenos_Aires')}") == []


def test_what_is_known_elsewhere_only_is_taken_from_the_log() -> None:
    """A replica that refused a record would show another directory than the one that wrote it."""
    record = {
        "kind": "organization", "id": "acme", "organization": "acme", "version": 1, "at": 1,
        "entity": {"kind": "organization", "id": "acme", "organization": "acme",
                   "quiet_hours": {"start": "21:00", "end": "08:00", "zone": "Mars/Olympus"}},
    }  # fmt: skip
    assert Entry.model_validate(record).entity is not None


def test_every_zone_has_the_shape_of_one() -> None:
    shape = TypeAdapter[str](ZoneName)
    assert {shape.validate_python(name) for name in available_timezones()} == available_timezones()
    assert not {name for name in zones() if re.match("posix|right|localtime|Factory", name)}


@pytest.mark.parametrize("zone", ["", "/etc/passwd", "../zone", "Europe/../../etc", "Europe/Berlin/", "a b"])
def test_what_is_no_name_at_all_is_no_record(zone: str) -> None:
    with pytest.raises(ValidationError):
        QuietHours(start="21:00", end="08:00", zone=zone)


def test_no_organization_gets_the_topic_of_the_dead_letters() -> None:
    text = world.of("dlq", "defaults: {own_topic: true}")
    _, found = compare(world.directory(), parse(text, source="f", variables={}), prune=False)
    assert found == ["dlq: organization dlq: own_topic: sms.requests.dlq.v1 is another topic of Heliograph"]
