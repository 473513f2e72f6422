"""What of an entity is not for people to write: it is carried on from what the directory has."""

from collections.abc import Iterator, Mapping
from typing import Final

from schemas.directory import Active, AnyEntity, ApiKey, Subscription

_ROTATED: Final = "it is what rotating the secret counts"
#: The fields, by model, and what they are.
CARRIED: Final[Mapping[type[AnyEntity], Mapping[str, str]]] = {
    ApiKey: {"former": "it is what rotating a key leaves behind"},
    Subscription: {
        "secret_version": _ROTATED,
        "former_secrets": "it is what rotating the secret leaves behind",
        "switched_off_at": "it is what an endpoint that did not answer for days leaves behind",
    },
}


def brought(before: AnyEntity | None, entity: AnyEntity) -> Iterator[tuple[str, str]]:
    """The fields in which `entity` says something else of that than `before`, and what they are."""
    for field, what in CARRIED.get(type(entity), {}).items():
        if field not in entity.model_fields_set:
            continue
        held = type(entity).model_fields[field].default if before is None else getattr(before, field)
        if getattr(entity, field) != held:
            yield field, what


def carried(before: AnyEntity | None, entity: AnyEntity, version: int) -> AnyEntity:
    """`entity` as it is to be written over `before`, as that `version`."""
    if isinstance(entity, ApiKey) and isinstance(before, ApiKey):
        return entity.model_copy(update={"former": before.former})
    if isinstance(entity, Subscription):
        return _subscription(before, entity, version)
    return entity


def _subscription(before: AnyEntity | None, entity: Subscription, version: int) -> Subscription:
    if not isinstance(before, Subscription):
        # Versions count on over a deletion, and each rotation makes one: so no secret of a subscription that
        # was here before, and whose secret may have leaked, comes back.
        return entity.model_copy(
            update={"secret_version": version, "former_secrets": (), "switched_off_at": None}
        )
    # Who says nothing of the status, such as a file that is applied every night, does not switch it on again.
    silent = "status" not in entity.model_fields_set and before.switched_off_at is not None
    status = before.status if silent else entity.status
    return entity.model_copy(
        update={
            "secret_version": before.secret_version,
            "former_secrets": before.former_secrets,
            "status": status,
            "switched_off_at": before.switched_off_at if status is Active.SUSPENDED else None,
        }
    )
