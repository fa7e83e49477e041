"""Anthropic's readings: https://docs.claude.com/en/docs/build-with-claude/structured-outputs."""

from __future__ import annotations

from typing import Any

from rosetta.converters.losses import Losses
from rosetta.converters.schema.cleaning import plain
from rosetta.converters.schema.keywords import (
    ANNOTATIONS,
    UNROLL_LEVELS,
    Schema,
    disjoint,
    recursive_references,
    resolved,
    with_keywords,
    with_words,
)
from rosetta.converters.schema.rewriting import Rewriter


def anthropic(schema: Schema | None, at: str = "", losses: Losses | None = None) -> Schema:
    """A tool's ``input_schema``: the root is ``type: object`` and holds no anyOf, oneOf or allOf, which Anthropic refuses there.

    Root alternatives become one object with the properties of all of them, of which those are required that every alternative requires;
    ``losses`` then hears of it.
    """
    result = plain(schema)
    if type(result.get("$ref")) is str:
        result = _root_inlined(result)
    if any(key in result for key in ("anyOf", "oneOf", "allOf")):
        result, exact = _root_flattened(result)
        if not exact and losses is not None:
            losses.approximated("schema", at, "the alternatives at the schema's root became one object")
    if result.get("type") != "object":
        kinds = result.get("type")
        if kinds is not None and not (type(kinds) is list and "object" in kinds) and losses is not None:
            losses.approximated("schema", at, "the schema's root must be an object")
        result = {"type": "object", "properties": {}, **{key: value for key, value in result.items() if key != "type"}}
    return result


def _root_inlined(schema: Schema) -> Schema:
    seen: set[str] = set()
    result = schema
    while type(result.get("$ref")) is str and result["$ref"] not in seen:
        seen.add(result["$ref"])
        target = resolved(schema, result["$ref"])
        if type(target) is not dict:
            break
        result = {**target, **{key: value for key, value in result.items() if key != "$ref"}}
    if result.get("$ref") in seen and type(resolved(schema, result["$ref"])) is dict:  # a root that means itself says nothing
        result = {key: value for key, value in result.items() if key != "$ref"}
    return result


def _root_flattened(schema: Schema) -> tuple[Schema, bool]:
    """One object for the root's alternatives, and whether it means the same."""
    result = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf", "allOf")}
    properties: Schema = dict(result["properties"]) if type(result.get("properties")) is dict else {}
    required = _names(result.get("required"))
    exact = True
    for key in ("allOf", "anyOf", "oneOf"):
        branches = schema.get(key)
        if type(branches) is not list or not branches:
            continue
        parts = [_root_inlined({**_definitions(schema), **branch}) if type(branch) is dict else {} for branch in branches]
        wanted: list[list[str]] = []
        for part in parts:
            wanted.append(_names(part.get("required")))
            members = part.get("properties")
            for name, value in (members if type(members) is dict else {}).items():
                known = properties.get(name)
                if known is None:
                    properties[name] = value
                elif known != value:
                    properties[name] = _either(known, value) if key != "allOf" else {"allOf": [known, value]}
            exact = (
                exact
                and key == "allOf"
                and part.keys() <= {"type", "properties", "required", "description", "title", "$defs", "definitions"}
            )
        common = [name for names in wanted for name in names] if key == "allOf" else [n for n in wanted[0] if all(n in w for w in wanted)]
        required.extend(name for name in dict.fromkeys(common) if name not in required)
        if key != "allOf":
            shapes = [", ".join(names) or "none" for names in wanted]
            if len(set(shapes)) > 1:
                result = with_words(
                    result, f"The required properties go together, {'one' if key == 'oneOf' else 'any'} of: {'; '.join(shapes)}."
                )
            exact = exact and len(parts) == 1
    result["type"] = "object"
    result["properties"] = properties
    if required:
        result["required"] = required
    return result, exact


def _names(value: Any) -> list[str]:
    return [name for name in value if type(name) is str] if type(value) is list else []


def _definitions(schema: Schema) -> Schema:
    return {key: schema[key] for key in ("$defs", "definitions") if key in schema}


def _either(one: Any, other: Any) -> Schema:
    if type(one) is dict and one.keys() == {"anyOf"} and type(one["anyOf"]) is list:
        return one if other in one["anyOf"] else {"anyOf": [*one["anyOf"], other]}
    return {"anyOf": [one, other]}


_ANTHROPIC_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_ANTHROPIC_KEPT = frozenset({"type", "description", "title", "enum", "const", "pattern", "required", "default"})


def anthropic_strict(schema: Schema | None, at: str, losses: Losses, field: str = "schema") -> Schema:
    """For ``output_config.format`` and strict tools: every object is closed, oneOf becomes anyOf, what the subset lacks is said in the
    description, recursion is unrolled. One Loss (``field``, approximated) tells all that changed the meaning."""
    return _AnthropicStrict(plain(schema)).build(at, losses, field)


class _AnthropicStrict(Rewriter):
    def __init__(self, root: Schema) -> None:
        super().__init__(root)
        self.recursive = recursive_references(root)

    def node(self, schema: Any, depth: int, path: tuple[str, ...]) -> Schema:
        if type(schema) is not dict or self.too_large(depth):
            return _closed_object()
        reference = schema.get("$ref")
        if type(reference) is str:
            if reference in self.recursive:
                self.changed(f"recursion is unrolled to {UNROLL_LEVELS} levels")
                if path.count(reference) >= UNROLL_LEVELS:
                    return _closed_object()
                target = resolved(self.root, reference)
                siblings = {key: value for key, value in schema.items() if key != "$ref"}
                return self.node({**target, **siblings} if type(target) is dict else siblings, depth + 1, (*path, reference))
            if resolved(self.root, reference) is None:
                self.changed("an external $ref was dropped")
                return _closed_object()
        if "allOf" in schema:
            schema = self.merged(schema, depth)
        if type(schema.get("type")) is list:
            return self._kinds(schema, depth, path)
        result: Schema = {}
        words: Schema = {}
        for key, value in schema.items():
            if key in ("$defs", "definitions"):
                kept = {
                    name: self.node(each, depth + 1, path)
                    for name, each in (value.items() if type(value) is dict else ())
                    if f"#/{key}/{name}" not in self.recursive
                }
                if kept:
                    result[key] = kept
            elif key == "properties":
                if type(value) is dict:
                    result[key] = {name: self.node(each, depth + 1, path) for name, each in value.items() if not self._bottom(each, path)}
            elif key in ("anyOf", "oneOf"):
                if type(value) is list:
                    if key == "oneOf" and ("anyOf" in schema or not disjoint(self.root, value)):
                        self.changed("oneOf became anyOf")
                    branches = [each for each in value if not self._bottom(each, path)] or value
                    result["anyOf"] = [*result.get("anyOf", ()), *(self.node(each, depth + 1, path) for each in branches)]
            elif key == "items":
                if type(value) is dict:
                    result[key] = self.node(value, depth + 1, path)
            elif key == "additionalProperties":
                if type(value) is dict and value:
                    words[key] = value
            elif key == "format":
                (result if type(value) is str and value in _ANTHROPIC_FORMATS else words)[key] = value
            elif key == "minItems":
                (result if value in (0, 1) else words)[key] = value
            elif key == "$ref" or key in _ANTHROPIC_KEPT:
                result[key] = value
            elif key not in ANNOTATIONS:
                words[key] = value
        if schema.get("type") == "object" or "properties" in schema:
            result.setdefault("type", "object")
            result.setdefault("properties", {})
            if schema.get("additionalProperties") is not False and schema.get("additionalProperties") is not None:
                self.changed("objects are closed")
            result["additionalProperties"] = False
            if type(result.get("required")) is list:
                result["required"] = [name for name in result["required"] if type(name) is str and name in result["properties"]]
        for key in words:
            self.changed(f"{key} is said in the description")
        return with_keywords(result, words)

    def _kinds(self, schema: Schema, depth: int, path: tuple[str, ...]) -> Schema:
        """A list of types as anyOf."""
        notes: Schema = {key: schema[key] for key in ("description", "title") if key in schema}
        rest = {key: value for key, value in schema.items() if key != "type" and key not in notes}
        values = rest.get("enum")
        branches: list[Schema] = []
        for kind in schema["type"]:
            if kind == "null":
                branches.append({"type": "null"})
            elif type(values) is list:
                branches.append({"type": kind, **rest, "enum": [value for value in values if value is not None]})
            else:
                branches.append({"type": kind, **rest})
        if len(branches) == 1:
            return self.node({**branches[0], **notes}, depth + 1, path)
        return {**notes, "anyOf": [self.node(branch, depth + 1, path) for branch in branches]}

    def _bottom(self, schema: Any, path: tuple[str, ...]) -> bool:
        """Whether this is where the unrolling ends: left out altogether where it can be."""
        if type(schema) is not dict:
            return schema is False
        return type(schema.get("$ref")) is str and schema["$ref"] in self.recursive and path.count(schema["$ref"]) >= UNROLL_LEVELS


def _closed_object() -> Schema:
    return {"type": "object", "properties": {}, "additionalProperties": False}
