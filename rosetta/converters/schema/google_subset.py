"""Google's readings: ordinary JSON Schema, or its own Schema: https://ai.google.dev/api/caching#Schema."""

from __future__ import annotations

from typing import Any

from rosetta.converters.losses import Losses
from rosetta.converters.schema.cleaning import plain
from rosetta.converters.schema.keywords import (
    ANNOTATIONS,
    APPLICATORS,
    DEPTH_LIMIT,
    LISTS,
    MAPS,
    Schema,
    disjoint,
    nothing,
    resolved,
    with_keywords,
)
from rosetta.converters.schema.rewriting import Rewriter

_GOOGLE_KEPT = frozenset(
    {"title", "minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "minimum", "maximum"}
    | {"default", "nullable", "propertyOrdering"}
)
_GOOGLE_FORMATS = frozenset({"enum", "date-time", "float", "double", "int32", "int64"})
_GOOGLE_TYPES = frozenset({"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"})


def google_json_schema(schema: Schema | None, *, foreign: bool = True) -> Schema:
    """For ``parametersJsonSchema`` and ``responseJsonSchema``, which take ordinary JSON Schema. ``foreign=False`` as in ``plain``."""
    return plain(schema, foreign=foreign)


def google_openapi(schema: Schema | None, at: str, losses: Losses, field: str = "schema") -> Schema:
    """For ``parameters`` and ``responseSchema``, whose every unknown key is a 400.

    Types in upper case, null as ``nullable``, const and enum as string enums, anyOf standing alone, references expanded, allOf merged; what cannot
    be said goes into the description. One Loss (``field``, approximated) tells all that changed the meaning.
    """
    result = _GoogleOpenApi(plain(schema)).build(at, losses, field)
    if result.get("type") == "OBJECT" and "properties" not in result:
        return {**result, "properties": {}}
    return result


class _GoogleOpenApi(Rewriter):
    def node(self, schema: Any, depth: int, path: tuple[str, ...]) -> Schema:
        if type(schema) is not dict or self.too_large(depth):
            return {"type": "OBJECT"}
        reference = schema.get("$ref")
        if type(reference) is str:
            target = resolved(self.root, reference)
            siblings = {key: value for key, value in schema.items() if key != "$ref"}
            if path.count(reference) > 1 or type(target) is not dict:
                self.changed("a recursive $ref ends after two levels" if type(target) is dict else "an external $ref was dropped")
                return self.node({"type": "object", **siblings}, depth + 1, path)
            return self.node({**target, **siblings}, depth + 1, (*path, reference))
        schema = self.merged(schema, depth)
        branches = [key for key in ("anyOf", "oneOf") if type(schema.get(key)) is list and schema[key]]
        kinds = schema.get("type")
        if branches:
            return self._alternatives(schema, branches[0], depth, path)
        if type(kinds) is list:
            named = [kind for kind in kinds if type(kind) is str and kind != "null"]
            rest = {key: value for key, value in schema.items() if key != "type"}
            if len(named) < len(kinds):
                rest["nullable"] = True
            if len(named) == 1:
                return self.node({"type": named[0], **rest}, depth + 1, path)
            if named:
                return {"anyOf": [self.node({"type": kind, **rest}, depth + 1, path) for kind in named]}
            return self.node({"type": "null", **rest}, depth + 1, path)
        return self._single(schema, depth, path)

    def _alternatives(self, schema: Schema, key: str, depth: int, path: tuple[str, ...]) -> Schema:
        """anyOf must be the only field of its object: what stands beside it goes into each branch."""
        if key == "oneOf" and not disjoint(self.root, schema[key]):
            self.changed("oneOf became anyOf")
        beside = {name: value for name, value in schema.items() if name != key and name not in ("$defs", "definitions")}
        real = [each for each in schema[key] if not _is_null(each) and each is not False]
        if any(_is_null(each) for each in schema[key]):
            beside["nullable"] = True
        if not real:
            return {"type": "NULL"}
        built: list[Schema] = []
        for each in real:
            branch = each if type(each) is dict else {}
            if beside:
                constraints = {name: value for name, value in beside.items() if name not in ("nullable", "title", "description", "default")}
                notes = {name: value for name, value in beside.items() if name not in constraints and name not in branch}
                branch = {**branch, **notes} if not constraints else {**self.merged({"allOf": [constraints, branch]}, depth), **notes}
            one = self.node(branch, depth + 1, path)
            built.extend(one["anyOf"] if one.keys() == {"anyOf"} else [one])
        unique = [one for index, one in enumerate(built) if one not in built[:index]]
        return unique[0] if len(unique) == 1 else {"anyOf": unique}

    def _single(self, schema: Schema, depth: int, path: tuple[str, ...]) -> Schema:
        kind = self._kind(schema)
        if kind is None:
            words = {
                key: value for key, value in schema.items() if key not in ANNOTATIONS and key not in ("description", "title", "nullable")
            }
            if words:
                self.changed("a schema without a type became any value")
            notes: Schema = {key: schema[key] for key in ("nullable", "title", "description") if key in schema}
            notes = with_keywords(notes, {key: value for key, value in words.items() if key not in MAPS})
            return {"anyOf": [{"type": each, **notes} for each in ("STRING", "NUMBER", "BOOLEAN", "OBJECT")]}
        result: Schema = {"type": kind}
        words = {}
        if type(schema.get("description")) is str:
            result["description"] = schema["description"]
        for key, value in schema.items():
            if key in ("type", "description") or key in ANNOTATIONS or value is None:
                continue
            if key == "const" or key == "enum":
                self._enum(kind, [value] if key == "const" else value, result, words, key)
            elif key == "properties":
                if type(value) is dict:
                    result[key] = {name: self.node(each, depth + 1, path) for name, each in value.items() if each is not False}
            elif key == "required":
                known = schema.get("properties")
                names = (
                    [name for name in value if type(name) is str and type(known) is dict and name in known] if type(value) is list else []
                )
                if names:
                    result[key] = names
            elif key == "items":
                result[key] = self.node(value, depth + 1, path)
            elif key == "prefixItems":
                words[key] = value
            elif key == "format":
                (result if type(value) is str and value in _GOOGLE_FORMATS else words)[key] = value
            elif key in ("exclusiveMinimum", "exclusiveMaximum") and kind == "INTEGER" and type(value) is int:
                result["minimum" if key == "exclusiveMinimum" else "maximum"] = value + (1 if key == "exclusiveMinimum" else -1)
            elif key in ("additionalProperties", "unevaluatedProperties"):
                if type(value) is dict and value:
                    words[key] = value
            elif key in _GOOGLE_KEPT:
                result[key] = value
            elif key not in ("$defs", "definitions"):
                words[key] = value
        if kind == "ARRAY" and "items" not in result:
            prefix = schema.get("prefixItems")
            result["items"] = self.node({"anyOf": prefix} if type(prefix) is list and prefix else {}, depth + 1, path)
        for key in words:
            self.changed(f"{key} is said in the description")
        return with_keywords(result, words)

    def _kind(self, schema: Schema) -> str | None:
        kind = schema.get("type")
        if type(kind) is str and kind.upper() in _GOOGLE_TYPES:
            return kind.upper()
        if "properties" in schema or "additionalProperties" in schema:
            return "OBJECT"
        if "items" in schema or "prefixItems" in schema:
            return "ARRAY"
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if type(values) is list and values:
            kinds = {_TYPE_OF.get(type(value)) for value in values if value is not None} or {"NULL"}
            if len(kinds) == 1:
                return kinds.pop()
            if kinds == {"INTEGER", "NUMBER"}:
                return "NUMBER"
        return None

    def _enum(self, kind: str, values: Any, result: Schema, words: Schema, key: str) -> None:
        """Only strings can be listed, and not the empty one."""
        if type(values) is not list:
            return
        if None in values:
            values = [value for value in values if value is not None]
            if kind != "NULL":
                result["nullable"] = True
        if not values:
            return
        if kind == "STRING" and all(type(value) is str and value for value in values):
            result["enum"] = values
        else:
            words[key] = values[0] if key == "const" else values


_TYPE_OF: dict[type, str] = {str: "STRING", bool: "BOOLEAN", int: "INTEGER", float: "NUMBER", dict: "OBJECT", list: "ARRAY"}


def _is_null(schema: Any) -> bool:
    return type(schema) is dict and (schema.get("type") in ("null", "NULL") or ("const" in schema and schema["const"] is None))


_FROM_GOOGLE_NAMES: dict[str, str] = {
    "any_of": "anyOf",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
    "property_ordering": "propertyOrdering",
    "additional_properties": "additionalProperties",
    "defs": "$defs",
    "ref": "$ref",
}
_WHOLE_NUMBERS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})


def from_google(schema: Schema) -> Schema:
    """Google's Schema as JSON Schema: lower-case types, ``nullable`` as a null type, ``propertyOrdering`` as the order of the properties."""
    return _from_google(schema, 0) if type(schema) is dict else nothing()


def _from_google(schema: Any, depth: int) -> Any:
    if type(schema) is not dict or depth > DEPTH_LIMIT:
        return schema
    result: Schema = {}
    nullable = False
    ordering: Any = None
    for written, value in schema.items():
        key = str(_FROM_GOOGLE_NAMES.get(written, written))
        if key == "type":
            kind = value.lower() if type(value) is str else value
            if kind != "type_unspecified":
                result[key] = kind
        elif key == "nullable":
            nullable = value is True
        elif key == "propertyOrdering":
            ordering = value
        elif key == "example":
            result["examples"] = [value]
        elif key in _WHOLE_NUMBERS and type(value) is str and value.isdecimal():  # int64 is a string in proto JSON
            result[key] = int(value)
        elif key == "$ref" and type(value) is str:
            result[key] = value.replace("#/defs/", "#/$defs/", 1) if value.startswith("#/defs/") else value
        elif key in MAPS and type(value) is dict:
            result[key] = {name: _from_google(each, depth + 1) for name, each in value.items()}
        elif key in LISTS and type(value) is list:
            result[key] = [_from_google(each, depth + 1) for each in value]
        elif key in APPLICATORS:
            result[key] = _from_google(value, depth + 1)
        else:
            result[key] = value
    properties = result.get("properties")
    if type(ordering) is list and type(properties) is dict:
        names = [name for name in ordering if type(name) is str and name in properties]
        result["properties"] = {**{name: properties[name] for name in names}, **properties}
    if nullable:
        _make_nullable(result)
    return schema if result == schema and list(result) == list(schema) and nullable is False and ordering is None else result


def _make_nullable(schema: Schema) -> None:
    kind = schema.get("type")
    if type(kind) is str and kind != "null":
        schema["type"] = [kind, "null"]
    elif type(schema.get("anyOf")) is list:
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    if type(schema.get("enum")) is list and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
