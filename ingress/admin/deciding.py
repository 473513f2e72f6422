"""What a request to write means for the directory as it is: a change, nothing to do, or a problem. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from directory import checks
from directory.carried import brought, carried
from directory.changes import Change, delete, put
from directory.snapshot import Directory
from ingress.admin import asked, rights
from ingress.admin.asked import Expected
from ingress.admin.flawed import FieldError, flawed
from ingress.codes import Code
from ingress.problems import Problem
from schemas.directory import SLUG_PATTERN, AnyEntity, ApiKey, Organization, identity

SLUG: Final = re.compile(SLUG_PATTERN)
#: None: it is so already.
Decision = Change | None | Problem
Decide = Callable[[Directory], Decision]


def owner(key: ApiKey, asked_for: str | None) -> str | Problem | None:
    """The organization that a request is about; None: the operator has named none."""
    if rights.is_operator(key):
        if asked_for is not None and not SLUG.fullmatch(asked_for):
            return Problem(Code.INVALID_FIELD, "Invalid organization: use a-z, 0-9 and '-', at most 63")
        return asked_for
    if asked_for not in (None, key.organization):
        return Problem(Code.OPERATOR_ONLY, "Only the operator may ask for other organizations")
    return key.organization


def find(
    directory: Directory, key: ApiKey, kind: str, entity_id: str, organization: str | None
) -> AnyEntity | Problem:
    """The entity, if `key` may see it; otherwise it looks as if there were none."""
    found = directory.live.get((kind, entity_id))
    if (
        found is None
        or not rights.may_see(key, found)
        or (organization is not None and rights.is_operator(key) and found.organization != organization)
    ):
        return absent(kind, entity_id)
    return found


def absent(kind: str, entity_id: str) -> Problem:
    """There is no such entity, or it is another organization's."""
    return Problem(Code.ENTITY_NOT_FOUND, f"There is no {kind} {entity_id}")


@dataclass(frozen=True)
class Asked:
    """A request to write one entity: of which kind, under which id, by whom, and what it knows of it."""

    key: ApiKey
    model: type[AnyEntity]
    id: str
    expected: Expected
    #: As `owner` said it.
    organization: str | None
    #: Endpoints of subscriptions may be in private networks.
    private: bool = False

    @property
    def kind(self) -> str:
        """The kind's name."""
        return str(self.model.model_fields["kind"].default)


def putting(asked_for: Asked, given: Mapping[str, Any]) -> Decide:
    """Make the entity have the fields `given`, and the defaults for all others."""

    def decide(directory: Directory) -> Decision:
        entity = asked.entity(asked_for.model, asked_for.id, _owner_of(directory, asked_for), given)
        return entity if isinstance(entity, Problem) else _put(directory, asked_for, entity)

    return decide


def patching(asked_for: Asked, given: Mapping[str, Any]) -> Decide:
    """Change the fields `given` (null: back to the default), and leave the others as they are."""

    def decide(directory: Directory) -> Decision:
        before = find(directory, asked_for.key, asked_for.kind, asked_for.id, asked_for.organization)
        if isinstance(before, Problem):
            return before
        whole = {n: v for n, v in {**before.model_dump(mode="json"), **given}.items() if v is not None}
        entity = asked.entity(asked_for.model, asked_for.id, before.organization, whole)
        return entity if isinstance(entity, Problem) else _put(directory, asked_for, entity)

    return decide


def _owner_of(directory: Directory, asked_for: Asked) -> str:
    """Whose the entity is to be: as asked for, else whose it is, else the caller's."""
    if asked_for.organization is not None:
        return asked_for.organization
    if asked_for.model is Organization:
        return asked_for.id
    before = directory.live.get((asked_for.kind, asked_for.id))
    return asked_for.key.organization if before is None else before.organization


def _put(directory: Directory, asked_for: Asked, entity: AnyEntity) -> Decision:
    key, kind, name = asked_for.key, asked_for.kind, asked_for.id
    found = directory.live.get((kind, name))
    # What is another's looks as if it were not there, for as long as that can be.
    before = found if found is not None and found.organization == entity.organization else None
    wrong = [FieldError(field, f"{what}; leave it out") for field, what in brought(before, entity)]
    entity = carried(before, entity, directory.version(kind, name) + 1)
    refusal = _forbidden(key, directory, before, entity)
    if refusal is None and found is not before:
        # Whose it is is nobody else's business.
        refusal = Problem(Code.ID_TAKEN, f"{kind} {name} belongs to another organization")
    refusal = refusal or unexpected(directory, kind, name, asked_for.expected)
    refusal = refusal or _flawed(asked_for, directory, before, entity, wrong)
    return put(directory, entity) if refusal is None else refusal


def deleting(asked_for: Asked) -> Decide:
    """Take it out, where nothing names it any more."""

    def decide(directory: Directory) -> Decision:
        kind, name = asked_for.kind, asked_for.id
        entity = find(directory, asked_for.key, kind, name, asked_for.organization)
        if isinstance(entity, Problem):
            return entity
        if not rights.may_delete(asked_for.key, entity):
            return Problem(Code.OPERATOR_ONLY, "Accounts are the operator's to delete")
        refusal = unexpected(directory, kind, name, asked_for.expected) or _used(directory, entity)
        return delete(directory, entity) if refusal is None else refusal

    return decide


def unexpected(directory: Directory, kind: str, name: str, expectation: Expected) -> Problem | None:
    """Where the entity is not as the caller knew it."""
    there = (kind, name) in directory.live
    version = directory.version(kind, name) if there else 0
    if expectation.absent and there:
        return _stale(f"There is a {kind} {name} already, of version {version}")
    if (expectation.present or expectation.version is not None) and not there:
        return _stale(f"There is no {kind} {name}")
    if expectation.version is not None and expectation.version != version:
        return _stale(f"{kind} {name} has version {version} by now. Read it again")
    return None


def _stale(detail: str) -> Problem:
    return Problem(Code.VERSION_MISMATCH, detail)


def _forbidden(
    key: ApiKey, directory: Directory, before: AnyEntity | None, after: AnyEntity
) -> Problem | None:
    errors = rights.beyond(key, directory, before, after)
    return flawed(Code.OPERATOR_ONLY, errors) if errors else None


def _flawed(
    asked_for: Asked,
    directory: Directory,
    before: AnyEntity | None,
    after: AnyEntity,
    wrong: Sequence[FieldError],
) -> Problem | None:
    """What it names that there is not; what was wrong with it before is not this change's fault."""
    live, private, operator = directory.live, asked_for.private, rights.is_operator(asked_for.key)
    known = set() if before is None else set(checks.flaws_of(before, live, private=private))
    found = [flaw for flaw in checks.flaws_of(after, live, private=private) if flaw not in known]
    told = [FieldError(flaw.field, flaw.detail if operator else flaw.told) for flaw in found]
    return flawed(Code.INVALID_ENTITY, [*wrong, *told]) if wrong or told else None


def _used(directory: Directory, entity: AnyEntity) -> Problem | None:
    """Only who may see them names an entity: its organization; and anybody one of the operator's."""
    if (why := checks.kept(entity)) is not None:
        return Problem(Code.IN_USE, f"{entity.kind} {entity.id} stays: {why}")
    users = list(checks.users(identity(entity), directory.live))
    if not users:
        return None
    kind, name = identity(entity)
    named = ", ".join(f"{user.kind} {user.id} ({field})" for user, field in users[:5])
    more = f" and {len(users) - 5} more" if len(users) > 5 else ""
    return Problem(Code.IN_USE, f"{kind} {name} is in use by {named}{more}")
