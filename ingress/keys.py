"""Who asks: Bearer keys, known by their SHA-256 alone."""

import hashlib

from directory.snapshot import Directory
from ingress.codes import Code
from ingress.problems import Problem
from schemas.directory import Active, ApiKey, Scope


def authenticate(header: str | None, directory: Directory, scope: Scope) -> ApiKey | Problem:
    """The key behind an `Authorization` header, if it is in use and may do `scope`."""
    scheme, _, token = (header or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        return _unauthenticated(
            "Not authenticated: send the header Authorization: Bearer <API key>", "Bearer"
        )
    key = directory.api_key(hashlib.sha256(token.encode()).hexdigest())
    if key is None or key.status is not Active.ACTIVE:
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
