"""Entities as callers see them."""

from datetime import UTC, datetime
from typing import Any

from directory.snapshot import Directory
from ingress.admin.rights import is_operator
from schemas.base import Millis
from schemas.directory import Account, AnyEntity, ApiKey, identity


def shown(entity: AnyEntity, directory: Directory, key: ApiKey) -> dict[str, Any]:
    """`entity` as the owner of `key` may see it, with its version and when it was written."""
    entry = directory.entries[identity(entity)]
    return {
        **_fields(entity, key),
        "version": entry.version,
        "updated_at": iso(entry.at),
    }


def key_shown(entity: ApiKey, directory: Directory, now: Millis) -> dict[str, Any]:
    """An API key without its secret, which nobody has, and without hashes, which help nobody."""
    entry = directory.entries[identity(entity)]
    return {
        "id": entity.id,
        "organization": entity.organization,
        "scopes": sorted(entity.scopes),
        "rate": entity.rate,
        "burst": entity.burst,
        "status": entity.status.value,
        "revoked": entity.revoked,
        "former_until": [iso(former.until) for former in entity.former if former.until > now],
        "version": entry.version,
        "updated_at": iso(entry.at),
    }


def _fields(entity: AnyEntity, key: ApiKey) -> dict[str, Any]:
    if isinstance(entity, Account) and not is_operator(key):
        # Where secrets lie, and where requests go, is the operator's alone.
        return {
            "kind": entity.kind,
            "id": entity.id,
            "organization": entity.organization,
            "provider": entity.provider.value,
            "status": entity.status.value,
        }
    found = entity.model_dump(mode="json")
    # A set has no order of its own; an answer that has not changed should not differ.
    return {name: sorted(value) if name == "capabilities" else value for name, value in found.items()}


def iso(at: Millis) -> str:
    """Epoch milliseconds as RFC 3339 has them."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
