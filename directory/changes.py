"""What must be written so that the directory says what is wanted: pure comparisons."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from directory import checks
from directory.carried import carried
from directory.file import SECTIONS, DirectoryFile
from directory.snapshot import Directory, Key
from schemas.base import Millis
from schemas.directory import AnyEntity, ApiKey, Entry, identity

_ORDER: Final = {model.model_fields["kind"].default: place for place, model in enumerate(SECTIONS.values())}


class Action(StrEnum):
    """What happens to an entity."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One write. `fields` are those that differ; all of a new entity, none of a deleted one."""

    action: Action
    kind: str
    id: str
    organization: str
    #: The one that it gets.
    version: int
    fields: tuple[str, ...]
    entity: AnyEntity | None

    def entry(self, now: Millis) -> Entry:
        """The record that makes it so."""
        return Entry(
            kind=self.kind,
            id=self.id,
            organization=self.organization,
            version=self.version,
            at=now,
            entity=self.entity,
        )


def put(current: Directory, entity: AnyEntity) -> Change | None:
    """The write that makes `current` hold `entity`; None where it does."""
    key = identity(entity)
    before = current.live.get(key)
    if before == entity:
        return None
    old = {} if before is None else before.model_dump()
    new = entity.model_dump()
    return Change(
        action=Action.CREATE if before is None else Action.UPDATE,
        kind=key[0],
        id=key[1],
        organization=entity.organization,
        version=current.version(*key) + 1,
        fields=tuple(name for name in new if name not in old or old[name] != new[name]),
        entity=entity,
    )


def delete(current: Directory, entity: AnyEntity) -> Change:
    """The write that takes `entity` out of `current`. The id is free then, for every organization."""
    kind, name = identity(entity)
    return Change(
        action=Action.DELETE,
        kind=kind,
        id=name,
        organization=entity.organization,
        version=current.version(kind, name) + 1,
        fields=(),
        entity=None,
    )


def compare(
    current: Directory, wanted: DirectoryFile, *, prune: bool, private: bool = False
) -> tuple[list[Change], list[str]]:
    """The writes that lead from `current` to `wanted`, in their order, and what speaks against them.

    With `prune`, what the file's organizations have beyond the file is deleted; others' is never touched.
    With `private`, subscriptions may have addresses of private networks.
    """
    problems = []
    changes = []
    former = {
        old.sha256: one for one in current.live.values() if isinstance(one, ApiKey) for old in one.former
    }
    for key, entity in wanted.entities.items():
        before = current.live.get(key)
        if before is not None and before.organization != entity.organization:
            problems.append(_owned(entity.organization, key, before))
            continue
        kept = carried(before, entity, current.version(*key) + 1)
        if isinstance(kept, ApiKey) and kept.sha256 in former:
            problems.append(_over(kept, former[kept.sha256]))
        change = put(current, kept)
        if change is not None:
            changes.append(change)
    changes.sort(key=lambda change: _ORDER[change.kind])
    retired, others = _retired(current, wanted)
    problems += others
    if prune:
        retired |= _beyond(current, wanted)
    for key in sorted(retired, key=_last_named_first):
        entity = current.live[key]
        if (why := checks.kept(entity)) is not None:
            problems.append(f"{entity.organization}: {key[0]} {key[1]}: {why}")
        changes.append(delete(current, entity))
    # What was wrong before this file is not this file's fault.
    known = set(checks.flaws(current.live, private=private))
    found = checks.flaws(_result(current, changes), private=private)
    problems += [flaw.sentence for flaw in found if flaw not in known]
    return changes, problems


def _owned(organization: str, key: Key, before: AnyEntity) -> str:
    return (
        f"{organization}: {key[0]} {key[1]}: it belongs to {before.organization}; "
        "retire it there, or delete it over the admin API with a key of the operator"
    )


def _over(brought: ApiKey, holder: ApiKey) -> str:
    """`brought` has a secret that was replaced or revoked as `holder`'s: it may be what has leaked."""
    what = (
        "this key was revoked; take it out, or put a new one here"
        if holder.revoked
        else "this key was replaced by a newer one; put that one's here"
    )
    return f"{brought.organization}: api_key {brought.id}: sha256: {what}"


def _retired(current: Directory, wanted: DirectoryFile) -> tuple[set[Key], list[str]]:
    """What the file retires and there still is, and what of that is others'."""
    there = {key: current.live[key] for key in wanted.retired if key in current.live}
    others = [
        _owned(wanted.retired[key], key, entity)
        for key, entity in there.items()
        if entity.organization != wanted.retired[key]
    ]
    return {key for key, entity in there.items() if entity.organization == wanted.retired[key]}, others


def _beyond(current: Directory, wanted: DirectoryFile) -> set[Key]:
    """All but revoked keys: what is deleted is forgotten, and could come back."""
    return {
        key
        for key, entity in current.live.items()
        if entity.organization in wanted.organizations
        and key not in wanted.entities
        and not (isinstance(entity, ApiKey) and entity.revoked)
    }


def _last_named_first(key: Key) -> tuple[int, str]:
    """In the opposite order of writes: what names comes before what is named."""
    return -_ORDER[key[0]], key[1]


def _result(current: Directory, changes: list[Change]) -> dict[Key, AnyEntity]:
    found = dict(current.live)
    for change in changes:
        if change.entity is None:
            found.pop((change.kind, change.id), None)
        else:
            found[(change.kind, change.id)] = change.entity
    return found
