"""Reads a directory file (docs/directory.md) into entities; every problem names file, entity and field."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from directory.carried import CARRIED
from directory.secrets import SecretMissingError, resolve
from directory.snapshot import Key
from schemas.directory import (
    Account,
    AnyEntity,
    ApiKey,
    Assistant,
    Brand,
    Campaign,
    Number,
    Organization,
    Slug,
    Subscription,
    UseCase,
    identity,
)

#: The section of an organization that holds its own fields, not entities by their ids.
DEFAULTS: Final = "defaults"
#: The sections of an organization, in the order in which their entities are written: what is named comes
#: before what names it.
SECTIONS: Final[Mapping[str, type[AnyEntity]]] = {
    DEFAULTS: Organization,
    "accounts": Account,
    "brands": Brand,
    "campaigns": Campaign,
    "numbers": Number,
    "assistants": Assistant,
    "use_cases": UseCase,
    "api_keys": ApiKey,
    "subscriptions": Subscription,
}
#: The section of an organization that names what there shall be no more: section -> ids.
RETIRED: Final = "retired"
_BY_PLACE: Final = frozenset({"kind", "id", "organization"})
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SLUG: Final = TypeAdapter[str](Slug)


class DirectoryFileError(Exception):
    """The directory file cannot be applied. Nothing was written. `problems` are sentences, one for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class DirectoryFile:
    """What a file says there is."""

    #: The organizations that it names, those with nothing in them too.
    organizations: frozenset[str]
    entities: Mapping[Key, AnyEntity]
    #: What it wants deleted, and whose that has to be.
    retired: Mapping[Key, str] = field(default_factory=dict)


def parse(text: str, *, source: str, variables: Mapping[str, str]) -> DirectoryFile:
    """Read the YAML in `text`.

    Args:
        text: the file's content.
        source: the file's name, for messages.
        variables: what `${NAME}` stands for.

    Raises:
        DirectoryFileError: says everything that is wrong with it.
    """
    problems: list[str] = []
    try:
        # S506: the loader is SafeLoader, made stricter.
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - as above
    except yaml.YAMLError as error:
        raise DirectoryFileError([f"{source}: {_yaml_sentence(error)}"]) from None
    organizations = _mapping(_mapping(content, "the file", problems, ("organizations",)).get("organizations"),
        "organizations", problems)  # fmt: skip
    entities: dict[Key, AnyEntity] = {}
    retired: dict[Key, str] = {}
    for organization, sections in organizations.items():
        if not _is_slug(organization):
            problems.append(f"organizations: {organization!r} is no id: use a-z, 0-9 and '-', at most 63")
            continue
        for where, found in _entities(str(organization), sections, variables, problems):
            key = identity(found)
            if key in entities:
                problems.append(f"{where}: it is in the file twice, also under {entities[key].organization}")
            entities[key] = found
        retired |= dict.fromkeys(_retired(str(organization), sections, problems), str(organization))
    problems += [
        f"{retired[kind, name]}: {RETIRED}: {kind} {name} is in the file as well"
        for kind, name in sorted(retired.keys() & entities.keys())
    ]
    if problems:
        raise DirectoryFileError([f"{source}: {problem}" for problem in problems])
    return DirectoryFile(frozenset(map(str, organizations)), entities, retired)


def _entities(
    organization: str, sections: Any, variables: Mapping[str, str], problems: list[str]
) -> Iterator[tuple[str, AnyEntity]]:
    for section, members in _mapping(sections, organization, problems, (*SECTIONS, RETIRED)).items():
        if section == RETIRED:
            continue
        place = f"{organization}: {section}"
        if section == DEFAULTS:
            named = [(place, organization, members)]
        else:
            found = _mapping(members, place, problems)
            named = [(f"{place}: {name}", name, fields) for name, fields in found.items()]
        for where, name, fields in named:
            try:
                given = _substituted(_mapping(fields, where, problems), variables)
                yield where, _build(SECTIONS[section], organization, name, given)
            except ValidationError as error:
                problems.extend(f"{where}: {_sentence(found)}" for found in error.errors())
            except (SecretMissingError, KeyError) as error:
                problems.append(f"{where}: {error.args[0]}")


def _retired(organization: str, sections: Any, problems: list[str]) -> Iterator[Key]:
    if not isinstance(sections, Mapping):
        return
    place = f"{organization}: {RETIRED}"
    known = tuple(section for section in SECTIONS if section != DEFAULTS)
    for section, names in _mapping(sections.get(RETIRED), place, problems, known).items():
        kind = SECTIONS[section].model_fields["kind"].default
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            problems.append(f"{place}: {section}: expected a list of ids; numbers stand in quotes")
            continue
        yield from ((kind, name.lower() if kind == "use_case" else name) for name in names)


def _build(model: type[AnyEntity], organization: str, name: Any, fields: Mapping[str, Any]) -> AnyEntity:
    for said in _BY_PLACE & fields.keys():
        # Else an entity could be slipped in under another organization.
        raise KeyError(f"{said}: it is what the place in the file says; leave it out")
    for held, what in CARRIED.get(model, {}).items():
        if held in fields:
            raise KeyError(f"{held}: {what}; leave it out")
    entity = model.model_validate({"id": name, "organization": organization, **fields}, strict=False)
    if isinstance(entity, ApiKey) and entity.sha256.startswith(("env:", "file:")):
        digest = hashlib.sha256(resolve(entity.sha256).encode()).hexdigest()
        return entity.model_copy(update={"sha256": digest})
    return entity


def _mapping(
    value: Any, where: str, problems: list[str], known: Sequence[str] | None = None
) -> Mapping[Any, Any]:
    """`value` as a mapping, reduced to `known` keys; what else it holds becomes a problem."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        problems.append(f"{where}: expected names with a colon, not {type(value).__name__}")
        return {}
    if known is None:
        return value
    problems.extend(
        f"{where}: {name!r} is not known here; there may be: {', '.join(known)}"
        for name in value
        if name not in known
    )
    return {name: part for name, part in value.items() if name in known}


def _substituted(value: Any, variables: Mapping[str, str]) -> Any:
    match value:
        case str():
            return _VARIABLE.sub(lambda found: _variable(found[1], variables), value)
        case Mapping():
            return {name: _substituted(part, variables) for name, part in value.items()}
        case list():
            return [_substituted(part, variables) for part in value]
        case _:
            return value


def _variable(name: str, variables: Mapping[str, str]) -> str:
    if name not in variables:
        raise KeyError(f"${{{name}}} stands for nothing: set the environment variable {name}")
    return variables[name]


def _sentence(error: ErrorDetails) -> str:
    # Values stay out of the message: they may be secrets that someone wrote where a reference belongs.
    where = ".".join(str(part) for part in error["loc"])
    hint = ""
    if error["type"] == "string_type" and error["loc"][:1] == ("quiet_hours",):
        # YAML 1.1 reads 21:00 as a number of the base 60.
        hint = ' (put it in quotes: "21:00")'
    elif error["type"] == "string_type" and isinstance(error["input"], int):
        hint = ' (put it in quotes: "+1555...")'
    elif "(env|file)" in str(error.get("ctx", {}).get("pattern", "")):
        hint = " (a reference to the secret: env:NAME or file:PATH)"
    return f"{where}: {error['msg']}{hint}"


def _yaml_sentence(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return f"it is not YAML: {error}"


def _is_slug(value: Any) -> bool:
    try:
        _SLUG.validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key that comes twice, where PyYAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            name = (key_node.tag, key_node.value if isinstance(key_node, yaml.ScalarNode) else id(key_node))
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key_node.value} comes twice", key_node.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep=deep)
