"""What a STOP is about is what stops what comes from that number, and nothing else of the organization."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from directory.scopes import of_message, records, written_to
from directory.snapshot import Directory
from schemas.directory import Active, AnyEntity, Assistant, Entry, UseCase, identity
from schemas.optouts import Consent, OptOut, Source, scope

USE, OTHER, PAUSED, THEIRS = (str(UUID(int=n)) for n in (1, 2, 3, 4))
POOLED, SHARED, DESK, BOTH, LONE = (f"+1415555010{n}" for n in range(5))
ORG, ALIEN = "acme", "globex"


def use_case(id_: str, *numbers: str, organization: str = ORG, status: Active = Active.ACTIVE) -> UseCase:
    return UseCase(organization=organization, id=UUID(id_), name="x", numbers=numbers, status=status)


def directory(*entities: AnyEntity) -> Directory:
    entries = [
        Entry(kind=kind, id=id_, organization=entity.organization, version=1, at=1, entity=entity)
        for entity in entities
        for kind, id_ in [identity(entity)]
    ]
    made, refused = Directory().after(entries)
    assert not refused
    return made


KNOWN = directory(
    use_case(USE, POOLED, SHARED),
    use_case(OTHER, SHARED, BOTH, SHARED),
    use_case(PAUSED, SHARED, status=Active.SUSPENDED),
    use_case(THEIRS, POOLED, LONE, organization=ALIEN),
    Assistant(organization=ORG, id="desk", name="Desk", numbers=(DESK, BOTH)),
)


def test_a_stop_is_about_each_use_case_that_sends_from_there() -> None:
    assert written_to(KNOWN, ORG, POOLED) == (USE,)
    assert written_to(KNOWN, ORG, SHARED) == (USE, OTHER, PAUSED)
    assert written_to(KNOWN, ALIEN, POOLED) == (THEIRS,)


def test_and_about_the_organization_where_an_assistant_does_or_nobody_knows_who() -> None:
    assert written_to(KNOWN, ORG, DESK) == (None,)
    assert written_to(KNOWN, ORG, BOTH) == (None, OTHER)
    assert written_to(KNOWN, ORG, LONE) == (None,)
    assert written_to(KNOWN, ALIEN, DESK) == (None,)


def test_stop_all_is_about_everything() -> None:
    assert written_to(KNOWN, ORG, POOLED, everything=True) == (None, USE)
    assert written_to(KNOWN, ORG, LONE, everything=True) == (None,)


def test_a_message_belongs_to_its_organization_and_its_use_case() -> None:
    assert of_message(KNOWN, ORG, None, USE) == (ORG, f"{ORG}/{USE}")
    # Also where the use case has gone, or does not have that number any more.
    assert of_message(KNOWN, ORG, LONE, OTHER) == (ORG, f"{ORG}/{OTHER}", f"{ORG}/{LONE}")


def test_a_message_from_a_number_belongs_to_all_that_sends_from_there() -> None:
    assert of_message(KNOWN, ORG, BOTH, None) == (ORG, f"{ORG}/{OTHER}", f"{ORG}/{BOTH}")
    assert of_message(KNOWN, ORG, DESK, None) == (ORG, f"{ORG}/{DESK}")


def test_a_stop_is_about_the_number_itself_too_whatever_use_case_gets_it() -> None:
    def written(sender: str) -> list[OptOut]:
        return records(
            ORG, (USE,), "+14155550199", sender=sender, consent=Consent.OUT, source=Source.TEXT, at=7, note=""
        )

    assert [one.scope for one in written(POOLED)] == [f"{ORG}/{USE}", f"{ORG}/{POOLED}"]
    assert {written(POOLED)[1].scope} < set(of_message(KNOWN, ORG, POOLED, OTHER))
    # Receipts may not name theirs.
    assert [one.scope for one in written("")] == [f"{ORG}/{USE}"]


NUMBERS = st.sampled_from((POOLED, SHARED, DESK, BOTH, LONE))


POOLS = st.lists(
    st.tuples(st.sampled_from((USE, OTHER, PAUSED)), st.sets(NUMBERS)), unique_by=lambda pool: pool[0]
)


@given(POOLS, st.sets(NUMBERS), NUMBERS)
def test_whatever_comes_from_the_number_that_was_written_to_is_stopped(
    pools: list[tuple[str, set[str]]], owned: set[str], number: str
) -> None:
    """By each way in which it can send from there now; and by no more, unless nobody knows who does."""
    made = directory(
        *(use_case(id_, *sorted(numbers)) for id_, numbers in pools),
        Assistant(organization=ORG, id="desk", name="Desk", numbers=tuple(sorted(owned))),
    )
    stopped = {scope(ORG, one) for one in written_to(made, ORG, number)}
    senders = [id_ for id_, numbers in pools if number in numbers]
    for id_ in senders:
        assert stopped & set(of_message(made, ORG, number, id_))
    if number in owned:
        assert stopped & set(of_message(made, ORG, number, None))
    for id_, numbers in pools:
        if number not in numbers and senders and number not in owned:
            assert not stopped & set(of_message(made, ORG, None, id_))
