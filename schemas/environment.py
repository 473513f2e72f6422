"""The settings of this process, or one sentence about what is wrong with them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from schemas.settings import Settings

_LIST: Final = """write a list as JSON: '["one", "two"]'"""
_GROUP: Final = "write it as JSON, or set each of its fields"
#: Of a setting's place the group and the field name its variable; the rest is within its value.
_NAMED: Final = 2


class MissetError(Exception):
    """A setting cannot be read. The sentence names its variable and quotes no value: it may be a secret."""


def settings() -> "Settings":
    """From the environment, then from files.

    Raises:
        MissetError: one cannot be read.
    """
    # What heeds `MissetError` alone, such as `helio --help`, needs none of these.
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from schemas.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        raise MissetError(_invalid(error.errors(include_url=False, include_input=False)[0])) from None
    except SettingsError:
        raise MissetError(_no_json()) from None


def _invalid(error: Mapping[str, Any]) -> str:
    name = "HELIO_" + "__".join(str(part) for part in error["loc"][:_NAMED]).upper()
    listed = error["type"] == "tuple_type" or len(error["loc"]) > _NAMED
    said = _LIST if listed else error["msg"].removeprefix("Value error, ")
    return _sentence(name, said)


def _no_json() -> str:
    """The library says which group, and not which variable of it: each alone is tried."""
    from pydantic_settings import SettingsError

    from schemas.settings import SOURCES, Settings

    for kind in SOURCES:
        source = kind(Settings)
        for name, value in sorted(source.env_vars.items()):
            source.env_vars = {name: value}
            try:
                source()
            except SettingsError:
                return _sentence(name.upper(), _LIST if "__" in name else _GROUP)
    return _sentence("a setting", _LIST)


def _sentence(name: str, said: str) -> str:
    return f"{name} is wrong: {said} (docs/operations.md lists the settings)"
