"""Errors as values, and as the answers that callers get: `detail` is a sentence, `code` is stable."""

import json
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from ingress.codes import STATUS, Code

#: Seconds after which a caller may try again what failed for the moment.
RETRY_AFTER = 2


@dataclass(frozen=True)
class Problem:
    """An answer that is not a success. `more` are further members of the body beside `detail` and `code`."""

    code: Code
    detail: str
    more: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """As HTTP."""
        body = {"detail": self.detail, "code": self.code, **self.more}
        return Response(
            json.dumps(body, ensure_ascii=False).encode(),
            STATUS[self.code],
            self.headers,
            media_type="application/json",
        )


def passing(code: Code, detail: str, **more: Any) -> Problem:
    """A problem of the moment, with `Retry-After`."""
    return Problem(code, detail, more, {"Retry-After": str(RETRY_AFTER)})
