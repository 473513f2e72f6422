"""What must be written so that the directory says what a file says: a pure comparison."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from directory import checks
from directory.file import SECTIONS, DirectoryFile
from directory.snapshot import Directory, Key
from schemas.directory import AnyEntity, Entry

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

    def entry(self, now: int) -> Entry:
        """The record that makes it so."""
        return Entry(
            kind=self.kind,
            id=self.id,
            organization=self.organization,
            version=self.version,
            at=now,
            entity=self.entity,
        )


def compare(current: Directory, wanted: DirectoryFile, *, prune: bool) -> tuple[list[Change], list[str]]:
    """The writes that lead from `current` to `wanted`, in their order, and what speaks against them.

    With `prune`, what the file's organizations have beyond the file is deleted; others' is never touched.
    """
    problems = []
    changes = []
    for key, entity in wanted.entities.items():
        before = current.live.get(key)
        if before is not None and before.organization != entity.organization:
            problems.append(
                f"{entity.organization}: {key[0]} {key[1]}: it belongs to {before.organization}; "
                "delete it there first"
            )
        elif before != entity:
            changes.append(_write(current, key, before, entity))
    changes.sort(key=lambda change: _ORDER[change.kind])
    if prune:
        changes += _deletions(current, wanted)
    after = _result(current, changes)
    # What was wrong before this file is not this file's fault.
    known = set(checks.problems(current.live))
    problems += [problem for problem in checks.problems(after) if problem not in known]
    return changes, problems


def _write(current: Directory, key: Key, before: AnyEntity | None, entity: AnyEntity) -> Change:
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


def _deletions(current: Directory, wanted: DirectoryFile) -> list[Change]:
    """In the opposite order of writes: what names comes before what is named."""
    gone = [
        (key, entity.organization)
        for key, entity in current.live.items()
        if entity.organization in wanted.organizations and key not in wanted.entities
    ]
    return [
        Change(
            action=Action.DELETE,
            kind=kind,
            id=name,
            organization=organization,
            version=current.version(kind, name) + 1,
            fields=(),
            entity=None,
        )
        for (kind, name), organization in sorted(gone, key=lambda one: (-_ORDER[one[0][0]], one[0][1]))
    ]


def _result(current: Directory, changes: list[Change]) -> dict[Key, AnyEntity]:
    found = dict(current.live)
    for change in changes:
        if change.entity is None:
            found.pop((change.kind, change.id), None)
        else:
            found[(change.kind, change.id)] = change.entity
    return found
