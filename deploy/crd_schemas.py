"""`python deploy/crd_schemas.py FROM TO`: JSON Schemas of custom resources, under kubeconform's names.

FROM holds CustomResourceDefinitions (YAML). The schemas are strict: a field that a definition does not name
is refused, as the API server would drop it in silence.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml


def strict(schema: Any) -> Any:
    """The same schema, closed wherever it names its properties."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    named = isinstance(schema.get("properties"), dict)
    if named and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed


def main(source: Path, target: Path) -> None:
    """Write `<kind>-<group>-<version>.json` for each version of each definition."""
    target.mkdir(parents=True)
    for file in sorted(source.glob("*.yaml")):
        spec = yaml.safe_load(file.read_text(encoding="utf-8"))["spec"]
        for version in spec["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            # A definition leaves the inside of `metadata` to the API server.
            schema["properties"]["metadata"] = {"type": "object"}
            name = f"{spec['names']['kind']}-{spec['group'].split('.')[0]}-{version['name']}.json".lower()
            (target / name).write_text(json.dumps(schema), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
