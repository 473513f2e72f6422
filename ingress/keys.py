"""Who asks: Bearer keys, known by their SHA-256 alone."""

import hashlib

from directory.snapshot import Directory
from ingress.codes import Code
from ingress.problems import Problem
from schemas.base import Millis
from schemas.directory import Active, ApiKey, Scope


def authenticate(header: str | None, directory: Directory, scope: Scope, now: Millis) -> ApiKey | Problem:
    """The key behind an `Authorization` header, if it is in use at `now` and may do `scope`."""
    scheme, _, token = (header or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        return _unauthenticated(
            "Not authenticated: send the header Authorization: Bearer <API key>", "Bearer"
        )
    sha256 = hashlib.sha256(token.encode()).hexdigest()
    key = directory.api_key(sha256)
    if key is None or key.status is not Active.ACTIVE or not key.opens(sha256, now):
        return _unauthenticated("Invalid API key", 'Bearer error="invalid_token"')
    if scope not in key.scopes:
        return Problem(
            Code.MISSING_SCOPE,
            f"This API key may not {scope}: it lacks the scope {scope!s}",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        )
    return key


def _unauthenticated(detail: str, challenge: str) -> Problem:
    return Problem(Code.UNAUTHENTICATED, detail, headers={"WWW-Authenticate": challenge})
