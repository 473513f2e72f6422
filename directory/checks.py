"""What must hold of entities: that what they name exists and may be used by them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from directory import endpoints
from directory.known import unknown
from directory.snapshot import Key
from schemas.directory import (
    OPERATOR,
    Account,
    AnyEntity,
    ApiKey,
    Assistant,
    Brand,
    Campaign,
    Number,
    Organization,
    Subscription,
    UseCase,
    identity,
)

Entities = Mapping[Key, AnyEntity]
#: Each of an organization's subscriptions is told of each of its messages: so many it may have.
MOST_SUBSCRIPTIONS: Final = 20


@dataclass(frozen=True)
class Flaw:
    """What is wrong with a field of an entity.

    `detail` may name other organizations and what is theirs: it is for the operator. `told` is for
    the entity's owner, to whom what belongs to another looks as if it were not there.
    """

    kind: str
    id: str
    organization: str
    field: str
    detail: str
    told: str

    @property
    def sentence(self) -> str:
        """Where and what, for whoever applies a file."""
        return f"{self.organization}: {self.kind} {self.id}: {self.field}: {self.detail}"


@dataclass(frozen=True)
class Naming:
    """A field of an entity that names another one; `shared`: which may also be the operator's."""

    field: str
    key: Key
    shared: bool = False


def flaws(entities: Entities, *, private: bool = False) -> Iterator[Flaw]:
    """Everything that is wrong between `entities`; `private`: endpoints may be in private networks."""
    ordered = [entity for _, entity in sorted(entities.items(), key=lambda item: item[0])]
    subscriptions = Counter[str]()
    for entity in ordered:
        yield from _misnamed(entity, entities)
        yield from _mistaken(entity, private=private)
        if isinstance(entity, Subscription):
            yield from _too_many(entity, subscriptions[entity.organization])
            subscriptions[entity.organization] += 1
    owners: dict[tuple[str, str], str] = {}
    for entity in ordered:
        for field, what, claimed in _claims(entity):
            owner = owners.setdefault((field, claimed), str(entity.id))
            if owner != str(entity.id):
                yield _claimed(entity, field, what, owner)


def flaws_of(entity: AnyEntity, entities: Entities, *, private: bool = False) -> Iterator[Flaw]:
    """What is wrong with `entity` among `entities`, whether it is one of them yet or not."""
    yield from _misnamed(entity, entities)
    yield from _mistaken(entity, private=private)
    if isinstance(entity, Subscription):
        yield from _too_many(entity, sum(
            isinstance(other, Subscription) and other.organization == entity.organization
            for key, other in entities.items() if key != identity(entity)
        ))  # fmt: skip
    claims = {(field, claimed): what for field, what, claimed in _claims(entity)}
    if not claims:
        return
    for key, other in sorted(entities.items(), key=lambda item: item[0]):
        if key[0] == entity.kind and key != identity(entity):
            for field, _, claimed in _claims(other):
                if (field, claimed) in claims:
                    yield _claimed(entity, field, claims[field, claimed], str(other.id))


def users(key: Key, entities: Entities) -> Iterator[tuple[AnyEntity, str]]:
    """Who names the entity `key`, and in which field; by kind and id."""
    for _, entity in sorted(entities.items(), key=lambda item: item[0]):
        for naming in namings(entity):
            if naming.key == key:
                yield entity, naming.field


def kept(entity: AnyEntity) -> str | None:
    """Why `entity` may not be deleted, whoever names it; None where it may.

    An organization without an entry redacts nothing: its texts would be told from that moment on.
    """
    if isinstance(entity, Organization) and entity.redact:
        return "it redacts, and without it texts would be told to all: set redact to false first"
    return None


def namings(entity: AnyEntity) -> Iterator[Naming]:
    """The entities that `entity` names."""
    match entity:
        case Number():
            yield Naming("account", ("account", entity.account), shared=True)
            if entity.campaign is not None:
                yield Naming("campaign", ("campaign", entity.campaign))
        case Assistant() | UseCase():
            yield from (Naming("numbers", ("number", number)) for number in entity.numbers)
        case Campaign():
            yield Naming("brand", ("brand", entity.brand))
        case Organization() | Account() | Brand() | ApiKey() | Subscription():
            pass
        case _:
            assert_never(entity)


def _misnamed(entity: AnyEntity, entities: Entities) -> Iterator[Flaw]:
    yield from (_flaw(entity, field, detail, detail) for field, detail in unknown(entity))
    for naming in namings(entity):
        named, what = entities.get(naming.key), f"{naming.key[0]} {naming.key[1]}"
        absent = f"there is no {what}"
        if named is None:
            yield _flaw(entity, naming.field, absent, absent)
        elif named.organization != entity.organization and not (
            naming.shared and named.organization == OPERATOR
        ):
            yield _flaw(entity, naming.field, f"{what} belongs to {named.organization}", absent)


def _mistaken(entity: AnyEntity, *, private: bool) -> Iterator[Flaw]:
    """What is wrong with an entity by itself, and cannot be told from its shape."""
    if not isinstance(entity, Subscription):
        return
    wrong = endpoints.flaw(entity.url, private=private)
    if wrong is not None:
        yield _flaw(entity, "url", wrong, wrong)
    for event, times in Counter(entity.events or ()).items():
        if times > 1:
            twice = f"{event} is there more than once"
            yield _flaw(entity, "events", twice, twice)


def _too_many(entity: Subscription, others: int) -> Iterator[Flaw]:
    if others >= MOST_SUBSCRIPTIONS:
        most = f"an organization may have {MOST_SUBSCRIPTIONS} subscriptions"
        yield _flaw(entity, "organization", most, most)


def _claims(entity: AnyEntity) -> Iterator[tuple[str, str, str]]:
    """What only one entity of a kind can have: field, its name in a sentence, value."""
    if isinstance(entity, Assistant):
        yield from (("numbers", f"number {number}", number) for number in dict.fromkeys(entity.numbers))
    elif isinstance(entity, ApiKey) and not entity.revoked:
        yield "sha256", "this key", entity.sha256


def _claimed(entity: AnyEntity, field: str, what: str, owner: str) -> Flaw:
    return _flaw(entity, field, f"{what} is {owner}'s already", f"{what} is taken already")


def _flaw(entity: AnyEntity, field: str, detail: str, told: str) -> Flaw:
    kind, name = identity(entity)
    return Flaw(kind, name, entity.organization, field, detail, told)
