"""What OpenAI's strict mode takes: https://platform.openai.com/docs/guides/structured-outputs."""

from __future__ import annotations

from typing import Any

from rosetta.converters.schema.cleaning import plain
from rosetta.converters.schema.keywords import DEPTH_LIMIT, Schema

STRICT_PROPERTY_LIMIT = 5000
STRICT_DEPTH_LIMIT = 10

_STRICT_REFUSED = frozenset(
    {"oneOf", "allOf", "not", "if", "then", "else", "patternProperties", "propertyNames", "dependentRequired", "dependentSchemas"}
    | {"unevaluatedProperties", "unevaluatedItems", "contains", "minContains", "maxContains", "uniqueItems", "prefixItems"}
    | {"minProperties", "maxProperties", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "default", "examples", "$schema", "$id"}
)


def openai_strict(schema: Schema | None) -> bool:
    """Whether OpenAI's strict mode takes this schema as ``plain`` leaves it. Making it fit would change its meaning, so nobody does."""
    if not schema:
        return False
    schema = plain(schema)
    if schema.get("type") != "object" or "anyOf" in schema:
        return False
    count = [0]
    return _fits_strict(schema, 1, 0, count) and count[0] <= STRICT_PROPERTY_LIMIT


def _fits_strict(schema: Any, level: int, depth: int, count: list[int]) -> bool:
    if type(schema) is not dict or level > STRICT_DEPTH_LIMIT or depth > DEPTH_LIMIT:
        return False
    if not _STRICT_REFUSED.isdisjoint(schema) or not _described(schema):
        return False
    properties = schema.get("properties", {})
    kind = schema.get("type")
    if kind == "object" or "properties" in schema or (type(kind) is list and "object" in kind):
        required = schema.get("required", [])
        if schema.get("additionalProperties") is not False or type(properties) is not dict or type(required) is not list:
            return False
        if any(name not in required for name in properties):
            return False
        count[0] += len(properties)
    inner: list[Any] = list(properties.values()) if type(properties) is dict else []
    same_level: list[Any] = []
    for key in ("$defs", "definitions"):
        if type(schema.get(key)) is dict:
            same_level.extend(schema[key].values())
    if type(schema.get("anyOf")) is list:
        same_level.extend(schema["anyOf"])
    if "items" in schema:
        inner.append(schema["items"])
    return all(_fits_strict(each, level + 1, depth + 1, count) for each in inner) and all(
        _fits_strict(each, level, depth + 1, count) for each in same_level
    )


def _described(schema: Schema) -> bool:
    """Strict mode wants every subschema to say what it is."""
    return any(key in schema for key in ("type", "anyOf", "$ref", "enum", "const"))
