"""The rights of deploy/acls.md as an admin client gives them."""

from collections.abc import Iterable
from typing import Final

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from cli.acls import PAGE, Right, rights

_RESOURCES: Final = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional-id": ResourceType.TRANSACTIONAL_ID,
}
_OPERATIONS: Final = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Create": AclOperation.CREATE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}
_PATTERNS: Final = {"literal": ResourcePatternType.LITERAL, "prefixed": ResourcePatternType.PREFIXED}

TOLD: Final = tuple(rights(PAGE.read_text(encoding="utf-8")))
PRINCIPALS: Final = sorted({right.principal for right in TOLD})


def bindings(wanted: Iterable[Right]) -> list[AclBinding]:
    """From any host."""
    return [
        AclBinding(
            _RESOURCES[right.resource],
            right.name,
            _PATTERNS[right.pattern],
            f"User:{right.principal}",
            "*",
            _OPERATIONS[right.operation],
            AclPermissionType.ALLOW,
        )
        for right in wanted
    ]
