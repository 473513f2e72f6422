"""What must hold between entities: that what they name exists and may be used by them."""

from collections.abc import Iterator, Mapping
from typing import assert_never

from directory.snapshot import Key
from schemas.directory import (
    OPERATOR,
    Account,
    AnyEntity,
    ApiKey,
    Assistant,
    Brand,
    Campaign,
    Entity,
    Number,
    Organization,
    UseCase,
)

Entities = Mapping[Key, AnyEntity]


def problems(entities: Entities) -> Iterator[str]:
    """Everything that is wrong between `entities`, a sentence each."""
    for (kind, name), entity in sorted(entities.items(), key=lambda item: item[0]):
        for problem in _of(entity, entities):
            yield f"{entity.organization}: {kind} {name}: {problem}"
    yield from _shared(entities)


def _of(entity: AnyEntity, entities: Entities) -> Iterator[str]:
    match entity:
        case Number():
            yield from _named(entity, entities, "account", ("account", entity.account), shared=True)
            if entity.campaign is not None:
                yield from _named(entity, entities, "campaign", ("campaign", entity.campaign))
        case Assistant() | UseCase():
            for number in entity.numbers:
                yield from _named(entity, entities, "numbers", ("number", number))
        case Campaign():
            yield from _named(entity, entities, "brand", ("brand", entity.brand))
        case Organization() | Account() | Brand() | ApiKey():
            pass
        case _:
            assert_never(entity)


def _named(
    entity: Entity, entities: Entities, field: str, key: Key, *, shared: bool = False
) -> Iterator[str]:
    """Problems of `entity` naming `key` in `field`. What is `shared` may also be the operator's."""
    named, what = entities.get(key), f"{key[0]} {key[1]}"
    if named is None:
        yield f"{field}: there is no {what}"
    elif named.organization != entity.organization and not (shared and named.organization == OPERATOR):
        yield f"{field}: {what} belongs to {named.organization}"


def _shared(entities: Entities) -> Iterator[str]:
    """What two entities claim, though only one can have it."""
    owners: dict[tuple[str, str], str] = {}
    for (_, name), entity in sorted(entities.items(), key=lambda item: item[0]):
        match entity:
            case Assistant():
                claims = [("number", number) for number in entity.numbers]
            case ApiKey():
                claims = [("key", entity.sha256)]
            case _:
                continue
        for what, claimed in claims:
            owner = owners.setdefault((what, claimed), name)
            if owner != name:
                said = f"number {claimed}" if what == "number" else "this key"
                yield f"{entity.organization}: {entity.kind} {name}: {said} is {owner}'s already"
