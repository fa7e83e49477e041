"""The keywords of JSON Schema: where subschemas live, what references mean, and how a keyword is said in words."""

from __future__ import annotations

from typing import Any

from rosetta.converters import jsontext

Schema = dict[str, Any]

DEPTH_LIMIT = 64
"""Levels of nesting that are looked at. A real tool stays below ten."""
NODE_LIMIT = 5000
"""Subschemas which unrolling references may make; past it they are cut."""
UNROLL_LEVELS = 3
"""How often a recursive definition is unrolled into itself where the target takes no recursion."""

# Where subschemas live. All other keywords hold plain values.
MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
SINGLES = frozenset({"items", "contains", "not", "if", "then", "else", "propertyNames"})
SWITCHES = frozenset({"additionalProperties", "unevaluatedProperties", "additionalItems", "unevaluatedItems"})
APPLICATORS = MAPS | LISTS | SINGLES | SWITCHES

# Keywords that constrain nothing.
ANNOTATIONS = frozenset(
    {
        "$schema",
        "$id",
        "$anchor",
        "$comment",
        "$vocabulary",
        "$dynamicAnchor",
        "encrypted",
        "deprecated",
        "readOnly",
        "writeOnly",
        "examples",
    }
    | {"example", "discriminator", "contentMediaType", "contentEncoding", "xml", "externalDocs"}
)


def nothing() -> Schema:
    return {"type": "object", "properties": {}}


def resolved(root: Schema, reference: str) -> Any:
    """What a local reference means, None when it is not local or means nothing: https://www.rfc-editor.org/rfc/rfc6901."""
    if reference == "#":
        return root
    if not reference.startswith("#/"):
        return None
    found: Any = root
    for step in reference[2:].split("/"):
        name = step.replace("%24", "$").replace("~1", "/").replace("~0", "~")
        if type(found) is list and name.isdecimal() and len(name) < 9 and int(name) < len(found):
            found = found[int(name)]
        elif type(found) is dict and name in found:
            found = found[name]
        else:
            return None
    return found


def _references(schema: Any, depth: int, found: set[str]) -> None:
    """The references in a subschema, but for those in its definitions."""
    if type(schema) is not dict or depth > DEPTH_LIMIT:
        return
    if type(schema.get("$ref")) is str:
        found.add(schema["$ref"])
    for key, value in schema.items():
        if key in ("$defs", "definitions"):
            continue
        if key in MAPS and type(value) is dict:
            for each in value.values():
                _references(each, depth + 1, found)
        elif key in APPLICATORS:
            for each in value if type(value) is list else (value,):
                _references(each, depth + 1, found)


def recursive_references(root: Schema) -> set[str]:
    """The references whose meaning leads back to themselves."""
    if not _has_reference(root, 0):
        return set()
    leads: dict[str, set[str]] = {}
    waiting: list[str] = []
    first: set[str] = set()
    _references(root, 0, first)
    for key in ("$defs", "definitions"):
        for each in root[key].values() if type(root.get(key)) is dict else ():
            _references(each, 1, first)
    waiting.extend(sorted(first))
    while waiting:
        reference = waiting.pop()
        if reference in leads:
            continue
        inner: set[str] = set()
        _references(resolved(root, reference), 0, inner)
        leads[reference] = inner
        waiting.extend(sorted(inner - leads.keys()))
    recursive = set()
    for reference in leads:
        reached: set[str] = set()
        front = set(leads[reference])
        while front:
            reached |= front
            front = {each for one in front for each in leads.get(one, ())} - reached
        if reference in reached:
            recursive.add(reference)
    return recursive


def _has_reference(schema: Any, depth: int) -> bool:
    if type(schema) is not dict or depth > DEPTH_LIMIT:
        return False
    if "$ref" in schema:
        return True
    for key, value in schema.items():
        if key in APPLICATORS:
            values = value.values() if key in MAPS and type(value) is dict else value if type(value) is list else (value,)
            if any(_has_reference(each, depth + 1) for each in values):
                return True
    return False


def disjoint(root: Schema, branches: list[Any]) -> bool:
    """Whether no value can match two branches, so that oneOf means the same as anyOf: they differ in type or in a required constant."""
    parts = [resolved(root, each["$ref"]) if type(each) is dict and type(each.get("$ref")) is str else each for each in branches]
    if not all(type(part) is dict for part in parts):
        return False
    kinds = [part.get("type") for part in parts]
    if (
        all(type(kind) is str for kind in kinds)
        and len(set(kinds)) == len(kinds)
        and set(kinds) & {"integer", "number"} != {"integer", "number"}
    ):
        return True
    first = parts[0].get("properties")
    for name in first if type(first) is dict else ():
        words = [_constant(part, name) for part in parts]
        if all(words) and len({word for each in words for word in each}) == sum(len(each) for each in words):
            return True
    return False


def _constant(schema: Schema, name: str) -> list[str]:
    """The JSON texts of the only values a required property may have."""
    properties, required = schema.get("properties"), schema.get("required")
    if type(properties) is not dict or type(required) is not list or name not in required or type(properties.get(name)) is not dict:
        return []
    if "const" in properties[name]:
        return [jsontext.encode_text(properties[name]["const"])]
    values = properties[name].get("enum")
    return [jsontext.encode_text(value) for value in values] if type(values) is list else []


def with_keywords(schema: Schema, keywords: Schema) -> Schema:
    """``schema`` with the keywords said in its description, where a model still reads them."""
    if not keywords:
        return schema
    return with_words(schema, "{" + ", ".join(f"{key}: {jsontext.encode_text(value)}" for key, value in keywords.items()) + "}")


def with_words(schema: Schema, words: str) -> Schema:
    description = schema.get("description")
    return {**schema, "description": f"{description}\n\n{words}" if type(description) is str and description else words}
