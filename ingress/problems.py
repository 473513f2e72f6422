"""Errors as values, and as the answers that callers get: `detail` is a sentence, `code` is stable.

Bodies have the members of RFC 9457, but the media type of the public contract, `application/json`: its
clients look for that one before they read `detail`, and some refuse to parse any other.
"""

import json
import logging
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

from starlette.responses import Response

from ingress.codes import STATUS, TITLE, Code, type_uri

_LOG: Final = logging.getLogger(__name__)
#: Seconds after which a caller may try again what failed for the moment.
RETRY_AFTER: Final = 2


@dataclass(frozen=True)
class Problem:
    """An answer that is not a success. `more` are further members of the body, `cause` is for the log."""

    code: Code
    detail: str
    more: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    cause: BaseException | None = None
    #: Its HTTP status, where that is not the code's own.
    http: int | None = None

    @property
    def status(self) -> int:
        """As an HTTP status."""
        return STATUS[self.code] if self.http is None else self.http

    def body(self, instance: UUID) -> bytes:
        """The JSON for this one occurrence, `instance`."""
        members = {
            "detail": self.detail,
            "code": self.code,
            "type": type_uri(self.code),
            "title": TITLE[self.code],
            "status": self.status,
            "instance": instance.urn,
        }
        # What is told beyond a problem may have members of the same name, such as a message's `status`.
        return json.dumps(members | self.more, ensure_ascii=False).encode()

    def response(self) -> Response:
        """As HTTP; what is our side's doing is logged under the `instance` that the caller is told."""
        instance = uuid4()
        if self.status >= 500:
            level = logging.WARNING if self.status == 503 else logging.ERROR
            _LOG.log(
                level,
                "request.failed instance=%s code=%s detail=%s",
                instance.urn,
                self.code,
                self.detail,
                exc_info=self.cause,
            )
        return Response(self.body(instance), self.status, self.headers, media_type="application/json")


def passing(code: Code, detail: str, *, after: int = RETRY_AFTER, **more: Any) -> Problem:
    """A problem of the moment: try again after that many seconds (`Retry-After`)."""
    return Problem(code, detail, more, {"Retry-After": str(after)})


def internal(cause: BaseException) -> Problem:
    """What nobody has foreseen: the caller is owed an answer, and the log the reason."""
    return Problem(Code.INTERNAL, "Internal error", cause=cause)
