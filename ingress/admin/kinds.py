"""The kinds of entities that have routes."""

from collections.abc import Mapping
from typing import Final

from directory.file import SECTIONS
from schemas.directory import AnyEntity, ApiKey, Organization

#: By their names in paths, as the sections of a directory file have them. API keys have routes of their own.
KINDS: Final[Mapping[str, type[AnyEntity]]] = {
    "organizations": Organization,
    **{name: model for name, model in SECTIONS.items() if model not in (Organization, ApiKey)},
}
