"""The Helm chart's generated files: values.schema.json and the table of values in its README.

The types come from values.yaml itself, so that a key stands in one place; ``SPECIAL`` has what a default cannot tell. The part below
``config`` is the schema of rosetta's own config.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy.config_keys import schema, structs

CHART = Path(__file__).parent / "helm" / "rosetta"
VALUES = CHART / "values.yaml"

FREE = {"annotations", "labels", "resources", "podSecurityContext", "securityContext"}
"""Mappings that go into a manifest as they are: Kubernetes knows their keys."""
_NAME = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
SPECIAL: dict[str, dict[str, Any]] = {
    "config": {"$ref": "#/definitions/Config"},
    "image.repository": {"type": "string", "minLength": 1},
    "image.digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "keys.values": {"type": "object", "propertyNames": {"pattern": _NAME}, "additionalProperties": {"type": "string", "minLength": 1}},
    "secrets.values": {
        "type": "object",
        "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
        "additionalProperties": {"type": "string"},
    },
    "ollama.url": {"type": "string", "pattern": "^(https?://[^ ]+)?$"},
    "service.type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
    "service.port": {"type": "integer", "minimum": 1, "maximum": 65535},
    "replicaCount": {"type": "integer", "minimum": 0},
    "autoscaling.minReplicas": {"type": "integer", "minimum": 1},
    "autoscaling.maxReplicas": {"type": "integer", "minimum": 1},
    "preStopSeconds": {"type": "integer", "minimum": 1},
    "podDisruptionBudget.maxUnavailable": {"type": ["integer", "string"]},
    "ingress.hosts": {"type": "array", "items": {"type": "string"}},
    "httpRoute.hostnames": {"type": "array", "items": {"type": "string"}},
    "extraArgs": {"type": "array", "items": {"type": "string"}},
}
NEEDS = {"ingress": "hosts", "httpRoute": "parentRefs"}
"""What must not be empty once the section is enabled."""


def values_schema() -> str:
    """The text of values.schema.json (draft 7, which Helm 3 and 4 both read)."""
    values = yaml.safe_load(VALUES.read_text())
    made = _object(values, "")
    made["properties"]["global"] = {"type": "object"}  # Helm puts it there for subcharts
    definitions = {name: schema(struct) for name, struct in structs().items()}
    return json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", **made, "definitions": definitions}, indent=2) + "\n"


def _object(values: dict[str, Any], path: str) -> dict[str, Any]:
    properties = {name: _schema(value, f"{path}.{name}".removeprefix(".")) for name, value in values.items()}
    made: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties}
    if path in NEEDS:
        made["if"] = {"properties": {"enabled": {"const": True}}, "required": ["enabled"]}
        made["then"] = {"properties": {NEEDS[path]: {"minItems": 1}}}
    return made


def _schema(value: Any, path: str) -> dict[str, Any]:
    if path in SPECIAL:
        return SPECIAL[path]
    match value:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer", "minimum": 0}
        case str():
            return {"type": "string"}
        case list():
            return {"type": "array"}
        case dict() if value and path.rpartition(".")[2] not in FREE:
            return _object(value, path)
    return {"type": "object"}


def values_table() -> str:
    """Every value with its default and the comment above it, as a Markdown table."""
    text = VALUES.read_text()
    lines = text.splitlines()
    root = yaml.compose(text)
    head = "| value | default | meaning |\n|---|---|---|\n"
    return head + "".join(f"| `{path}` | `{default}` | {meaning} |\n" for path, default, meaning in _leaves(root, "", lines))


def _leaves(node: Any, path: str, lines: list[str]) -> Iterator[tuple[str, str, str]]:
    for key, value in node.value:
        name = f"{path}.{key.value}".removeprefix(".")
        above = lines[key.start_mark.line - 1].strip()
        meaning = above.removeprefix("# -- ").replace("|", "\\|") if above.startswith("# -- ") else ""
        inner = isinstance(value, yaml.MappingNode) and value.value and key.value not in FREE and not meaning
        if inner:
            yield from _leaves(value, name, lines)
        else:
            yield name, json.dumps(yaml.safe_load(yaml.serialize(value))), meaning
