"""JSON Schema for whoever takes it, without what every foreign server trips over."""

from __future__ import annotations

from typing import Any

from rosetta.converters.schema.keywords import DEPTH_LIMIT, LISTS, MAPS, SINGLES, SWITCHES, Schema, nothing


def plain(schema: Schema | None, *, foreign: bool = True) -> Schema:
    """What a server that takes JSON Schema gets. An absent or empty schema becomes an object without properties.

    ``foreign=False``: the schema goes back to its own wire, as it is.
    """
    if not schema:
        return nothing()
    if not foreign or type(schema) is not dict:
        return schema
    cleaned = _cleaned(schema, 0)
    if "$schema" in cleaned:
        cleaned = {key: value for key, value in cleaned.items() if key != "$schema"}
    if not cleaned:
        return nothing()
    if cleaned.get("type") is None and "properties" in cleaned:
        return {"type": "object", **{key: value for key, value in cleaned.items() if key != "type"}}
    if (
        cleaned.get("type") == "object"
        and "properties" not in cleaned
        and not any(key in cleaned for key in ("anyOf", "oneOf", "allOf", "$ref"))
    ):
        return {**cleaned, "properties": {}}  # OpenAI refuses a root object without properties
    return cleaned


def _cleaned(schema: Schema, depth: int) -> Schema:
    """Without what every foreign server trips over; the same object when there is nothing of the kind."""
    if depth > DEPTH_LIMIT:
        return schema
    changed: Schema | None = None
    for key, value in schema.items():
        kind = type(value)
        if kind is str and (key != "type" or value not in _GOOGLE_TYPES):
            continue
        new: Any = value
        if key == "type":
            new = _json_type(value)
        elif kind is dict:
            if key in MAPS:
                new = _each_value(value, depth)
            elif key in SINGLES or key in SWITCHES:
                new = _cleaned(value, depth + 1)
        elif kind is list:
            if key in LISTS or key in SINGLES:
                new = _each_item(value, depth)
        elif key in SINGLES:
            new = _subschema(value, depth)
        elif (value is None and key in MAPS) or (kind is bool and key == "encrypted"):  # Codex marks parameters so in code mode
            new = _ABSENT
        if new is not value:
            if changed is None:
                changed = schema.copy()
            if new is _ABSENT:
                del changed[key]
            else:
                changed[key] = new
    if (schema if changed is None else changed).get("type") == "array" and "items" not in schema and "prefixItems" not in schema:
        changed = {**(schema if changed is None else changed), "items": {}}  # OpenAI and Google refuse an array without items
    return schema if changed is None else changed


_ABSENT: Any = object()
_GOOGLE_TYPES = {word: word.lower() for word in ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")}


def _json_type(value: Any) -> Any:
    """Google's clients write its own upper-case types into JSON Schema too, as Gemini CLI does; nobody else takes them."""
    if type(value) is list:
        new = [_json_type(each) for each in value]
        return value if new == value else new
    return _GOOGLE_TYPES.get(value, value) if type(value) is str else value


def _subschema(value: Any, depth: int) -> Any:
    if type(value) is dict:
        return _cleaned(value, depth + 1)
    if value is True:
        return {}
    if value is False:
        return {"not": {}}
    return value


def _each_value(values: Schema, depth: int) -> Schema:
    changed: Schema | None = None
    for name, value in values.items():
        new = _cleaned(value, depth + 1) if type(value) is dict else _subschema(value, depth)
        if new is not value:
            if changed is None:
                changed = values.copy()
            changed[name] = new
    return values if changed is None else changed


def _each_item(values: list[Any], depth: int) -> list[Any]:
    new = [_subschema(value, depth) for value in values]
    return values if all(a is b for a, b in zip(new, values, strict=True)) else new
