"""The secrets of subscriptions, shown and replaced, and their trials. Pure decisions; ids are arguments."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from directory.changes import put
from directory.snapshot import Directory
from ingress.admin.deciding import Asked, Decide, Decision, find, unexpected
from ingress.admin.flawed import FieldError, flawed
from ingress.admin.shown import iso
from ingress.codes import Code
from ingress.problems import Problem
from schemas import signing
from schemas.base import Millis
from schemas.directory import Active, FormerSecret, Subscription
from schemas.notifications import Event, Notification, Trial, id_of

#: How long the former secret signs as well after a rotation, in seconds: by default, and at most.
KEEP: Final = 24 * 3600
LONGEST_KEEP: Final = 30 * 24 * 3600
#: Former secrets that sign as well, at most: each signs what is told, and the header has to hold them all.
_MOST_FORMER: Final = 4


class SecretRotation(BaseModel):
    """How long the former secret signs as well."""

    model_config = ConfigDict(extra="forbid")

    keep_seconds: Annotated[int, Field(ge=0, le=LONGEST_KEEP)] = KEEP


def found(directory: Directory, place: Asked) -> Subscription | Problem:
    """The subscription, if its key may see it."""
    entity = find(directory, place.key, place.kind, place.id, place.organization)
    if isinstance(entity, Problem):
        return entity
    assert isinstance(entity, Subscription)  # noqa: S101  what stands under that kind
    return entity


def rotating(place: Asked, now: Millis, rotation: SecretRotation) -> Decide:
    """A new secret signs, beside the one that it replaces for a while."""

    def decide(directory: Directory) -> Decision:
        before = found(directory, place)
        if isinstance(before, Problem):
            return before
        refusal = unexpected(directory, place.kind, place.id, place.expected)
        if refusal is not None:
            return refusal
        until = now + rotation.keep_seconds * 1000
        # Whoever says `keep_seconds: 0` means every secret but the new one.
        older = (former.model_copy(update={"until": min(former.until, until)})
                 for former in before.former_secrets)  # fmt: skip
        all_former = (FormerSecret(version=before.secret_version, until=until), *older)
        live = tuple(former for former in all_former if former.until > now)
        if len(live) > _MOST_FORMER:
            return _too_many(before, now)
        update = {"secret_version": before.secret_version + 1, "former_secrets": live}
        return put(directory, before.model_copy(update=update))

    return decide


def _too_many(entity: Subscription, now: Millis) -> Problem:
    """Whoever still verifies with the oldest one must not lose it before its time, by nobody's word."""
    free = min(former.until for former in entity.former_secrets if former.until > now)
    return Problem(
        Code.TOO_MANY_SECRETS,
        f"{_MOST_FORMER} former secrets of subscription {entity.id} sign as well, the most there may be. "
        f"Rotate again from {iso(free)} on, or end all of them now: keep_seconds 0",
    )


def secret_shown(
    entity: Subscription, directory: Directory, roots: tuple[str, ...], now: Millis
) -> dict[str, Any]:
    """The newest secret of a subscription, and until when former ones sign as well."""
    secret = signing.secret_of(entity.organization, entity.id, entity.secret_version, roots[0])
    return {
        "id": entity.id,
        "organization": entity.organization,
        "secret": signing.shown(secret),
        "former_until": [iso(former.until) for former in entity.former_secrets if former.until > now],
        "version": directory.version("subscription", entity.id),
    }


def trial(entity: Subscription, trial_id: str, now: Millis) -> Notification | Problem:
    """What its endpoint is told when somebody tries the subscription out."""
    if entity.status is not Active.ACTIVE:
        return flawed(Code.INVALID_ENTITY, [FieldError("status", "it is suspended: make it active first")])
    tried = Trial(id=trial_id, subscription=entity.id, organization=entity.organization, at=now)
    return Notification(
        id=id_of(tried, entity.id),
        organization=entity.organization,
        subscription=entity.id,
        event=Event.of(tried),
        since=now,
    )
