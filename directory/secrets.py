"""Where a secret is found: `env:NAME`, or `file:PATH`. The directory holds references, never values."""

import os
from pathlib import Path
from typing import Final

#: The folder that a relative `file:` path starts from: `/run/secrets` in containers, for example.
FOLDER_VARIABLE: Final = "HELIO_SECRETS"


class SecretMissingError(Exception):
    """A reference leads to no secret. The message names the reference and what to do, never a value."""


def resolve(ref: str) -> str:
    """The secret that `ref` leads to.

    `env:NAME` is an environment variable. `file:PATH` is a text file, without the line break at its end;
    a relative path starts from the folder that `HELIO_SECRETS` names, else from the working directory.

    Raises:
        SecretMissingError: there is none, or it is empty.
    """
    scheme, _, place = ref.partition(":")
    if scheme == "env" and place:
        return _full(ref, os.environ.get(place), f"set the environment variable {place}")
    if scheme == "file" and place:
        return _full(ref, *_read(place))
    raise SecretMissingError(f"{ref!r} is no reference to a secret: write env:NAME or file:PATH")


def _read(place: str) -> tuple[str | None, str]:
    path = Path(os.environ.get(FOLDER_VARIABLE, "")) / place
    try:
        return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r"), f"fill {path}"
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        return None, f"{path}: {reason}"


def _full(ref: str, value: str | None, advice: str) -> str:
    if not value:
        raise SecretMissingError(f"no secret at {ref}: {advice}")
    return value
