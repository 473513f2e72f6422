"""API keys: made, shown once, changed, replaced, revoked. Pure decisions; secrets are arguments."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from directory.changes import put
from directory.snapshot import Directory
from ingress.admin import asked
from ingress.admin.deciding import Asked, Decide, Decision, find, unexpected
from ingress.admin.flawed import FieldError, flawed
from ingress.admin.rights import is_operator
from ingress.admin.shown import iso
from ingress.codes import Code
from ingress.problems import Problem
from schemas.base import Millis
from schemas.directory import NO_KEY, Active, ApiKey, Burst, Former, Rate, Scope, Slug

#: What every secret starts with, so that tools that look for leaked ones can tell it.
PREFIX: Final = "helio_"
#: Bytes of a secret that nobody can guess.
SECRET_BYTES: Final = 32
#: How long the old key stays good after a rotation, unless asked for otherwise, and at most; in seconds.
GOOD_FOR: Final = 24 * 3600
LONGEST_GOOD_FOR: Final = 30 * 24 * 3600
#: Keys that were replaced are kept so many times, to be known should somebody bring one back.
_KEPT: Final = 5


class KeyFields(BaseModel):
    """What callers may say of a key."""

    model_config = ConfigDict(extra="forbid")

    scopes: Annotated[frozenset[Scope], Field(min_length=1)] = frozenset({Scope.SEND, Scope.READ})
    rate: Rate | None = None
    burst: Burst = 10
    status: Active = Active.ACTIVE


class NewKey(KeyFields):
    """What callers may say of one that is to be made."""

    id: Slug


class Rotation(BaseModel):
    """How long the old key stays good."""

    model_config = ConfigDict(extra="forbid")

    good_for: Annotated[int, Field(ge=0, le=LONGEST_GOOD_FOR)] = GOOD_FOR


def secret(random: bytes) -> str:
    """A key made of `SECRET_BYTES` random bytes."""
    return PREFIX + random.hex()


def sha256(key: str) -> str:
    """As the directory keeps it."""
    return hashlib.sha256(key.encode()).hexdigest()


def creating(by: ApiKey, organization: str, new: NewKey, made: str) -> Decide:
    """A new key `made`."""

    def decide(directory: Directory) -> Decision:
        if ("api_key", new.id) in directory.live:
            # Whose it is is not told: ids are everybody's.
            return Problem(Code.ID_TAKEN, f"There is an API key {new.id} already")
        entity = ApiKey(organization=organization, sha256=sha256(made), **new.model_dump())
        inherited = {} if is_operator(by) else {"rate": by.rate, "burst": by.burst}
        said = new.model_fields_set
        entity = entity.model_copy(update={n: v for n, v in inherited.items() if n not in said})
        return _written(by, directory, None, entity)

    return decide


def changing(place: Asked, given: Mapping[str, Any]) -> Decide:
    """Other scopes, rate, burst or status: the fields `given`; the others stay.

    What an answer says beside these may be there, unchanged.
    """

    def decide(directory: Directory) -> Decision:
        before = _found(directory, place)
        if isinstance(before, Problem):
            return before
        old = before.model_dump(mode="json", include=set(KeyFields.model_fields))
        said = {name: value for name, value in given.items() if not _is_told(name, value, before)}
        whole = {name: value for name, value in {**old, **said}.items() if value is not None}
        fields = asked.model(KeyFields, whole)
        if isinstance(fields, Problem):
            return fields
        return _written(place.key, directory, before, before.model_copy(update=fields.model_dump()))

    return decide


def rotating(place: Asked, made: str, now: Millis, rotation: Rotation) -> Decide:
    """`made` in place of the key's secret, which stays good for a while."""

    def decide(directory: Directory) -> Decision:
        before = _found(directory, place)
        if isinstance(before, Problem):
            return before
        until = now + rotation.good_for * 1000
        # Whoever says `good_for: 0` means every key but the new one.
        older = (former.model_copy(update={"until": min(former.until, until)}) for former in before.former)
        former = (*_ending(before, until), *older)[:_KEPT]
        return put(directory, before.model_copy(update={"sha256": sha256(made), "former": former}))

    return decide


def revoking(place: Asked, now: Millis) -> Decide:
    """Nothing opens the door by it any more. It stays, suspended, to be known should a file bring it back."""

    def decide(directory: Directory) -> Decision:
        before = _found(directory, place)
        if isinstance(before, Problem) or before.revoked:
            return before if isinstance(before, Problem) else None
        older = (former.model_copy(update={"until": min(former.until, now)}) for former in before.former)
        update = {
            "sha256": NO_KEY,
            "former": (*_ending(before, now), *older)[:_KEPT],
            "status": Active.SUSPENDED,
        }
        return put(directory, before.model_copy(update=update))

    return decide


def _ending(before: ApiKey, until: Millis) -> tuple[Former, ...]:
    """The key that is about to be a former one; none where there is none any more."""
    return () if before.revoked else (Former(sha256=before.sha256, until=until),)


def _is_told(name: str, value: object, before: ApiKey) -> bool:
    """Whether an answer about `before` says so, or has said so since its newest key was made."""
    match name:
        case "version" | "updated_at":
            return True
        case "id" | "organization" | "revoked":
            return bool(value == getattr(before, name))
        case "former_until":
            ends = {iso(former.until) for former in before.former}
            return isinstance(value, list) and all(end in ends for end in value)
        case _:
            return False


def _found(directory: Directory, place: Asked) -> ApiKey | Problem:
    found = find(directory, place.key, place.kind, place.id, place.organization)
    if isinstance(found, Problem):
        return found
    assert isinstance(found, ApiKey)  # noqa: S101  what stands under that kind
    return unexpected(directory, place.kind, place.id, place.expected) or found


def _written(by: ApiKey, directory: Directory, before: ApiKey | None, entity: ApiKey) -> Decision:
    """Nobody gives a key that may be used more often than its own: the operator's limits would be none."""
    if by.rate is not None and not is_operator(by):
        errors = []
        if not _is_kept(before, entity, "rate") and (entity.rate is None or entity.rate > by.rate):
            errors.append(FieldError("rate", f"at most {by.rate:g}, as your own key has it"))
        if not _is_kept(before, entity, "burst") and entity.burst > by.burst:
            errors.append(FieldError("burst", f"at most {by.burst}, as your own key has it"))
        if errors:
            return flawed(Code.OPERATOR_ONLY, errors)
    return put(directory, entity)


def _is_kept(before: ApiKey | None, after: ApiKey, field: str) -> bool:
    return before is not None and getattr(before, field) == getattr(after, field)
