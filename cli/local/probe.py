"""Whether a service of ours is ready, asked over HTTP."""

import json
from http.client import HTTPConnection, HTTPException

from cli.local.ports import HOST


def http_ok(port: int, path: str) -> bool:
    """Whether `path` answers 200 within a second."""
    connection = HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def view_whole(port: int) -> bool:
    """Whether the ingress there knows all messages, so that keys and cancels are not answered 503."""
    connection = HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/readyz")
        return bool(json.loads(connection.getresponse().read())["checks"]["ledger"] == "ok")
    except (OSError, HTTPException, ValueError, KeyError):
        return False
    finally:
        connection.close()
