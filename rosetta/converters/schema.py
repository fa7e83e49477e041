"""JSON Schema in each target's dialect: https://json-schema.org/draft/2020-12, and what each vendor takes of it.

Pure functions. The caller's schema is never changed and is given back itself, the same object, when nothing in it needs changing. Equal input
gives equal output, key order included: a schema is part of the prompt that providers cache. Any JSON is survived: what is no schema is left alone,
what is deeper than ``DEPTH_LIMIT`` too.

    plain                 OpenAI, and any server that takes JSON Schema
    anthropic             Anthropic ``input_schema``: the root is an object without alternatives
    anthropic_strict      Anthropic ``output_config.format`` and strict tools: a subset, the rest goes into descriptions as words
    openai_strict         whether OpenAI's strict mode takes the schema as it is (it is never rewritten for that)
    google_json_schema    Google ``parametersJsonSchema``, ``responseJsonSchema``
    google_openapi        Google ``parameters``, ``responseSchema``: a subset of OpenAPI 3.0, the rest goes into descriptions as words
    from_google           Google ``parameters`` -> JSON Schema
"""

from __future__ import annotations

from typing import Any

from rosetta.converters import jsontext
from rosetta.converters.losses import Losses

Schema = dict[str, Any]

DEPTH_LIMIT = 64
"""Levels of nesting that are looked at. A real tool stays below ten."""
NODE_LIMIT = 5000
"""Subschemas which unrolling references may make; past it they are cut."""
UNROLL_LEVELS = 3
"""How often a recursive definition is unrolled into itself where the target takes no recursion."""
STRICT_PROPERTY_LIMIT = 5000
STRICT_DEPTH_LIMIT = 10

# Where subschemas live. All other keywords hold plain values.
_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SINGLES = frozenset({"items", "contains", "not", "if", "then", "else", "propertyNames"})
_SWITCHES = frozenset({"additionalProperties", "unevaluatedProperties", "additionalItems", "unevaluatedItems"})
_APPLICATORS = _MAPS | _LISTS | _SINGLES | _SWITCHES

# Keywords that constrain nothing.
_ANNOTATIONS = frozenset(
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


def _nothing() -> Schema:
    return {"type": "object", "properties": {}}


# ------------------------------------------------------------------------------------------------------------------------------ JSON Schema


def plain(schema: Schema | None, *, foreign: bool = True) -> Schema:
    """What a server that takes JSON Schema gets. An absent or empty schema becomes an object without properties.

    ``foreign=False``: the schema goes back to its own wire, as it is.
    """
    if not schema:
        return _nothing()
    if not foreign or type(schema) is not dict:
        return schema
    cleaned = _cleaned(schema, 0)
    if "$schema" in cleaned:
        cleaned = {key: value for key, value in cleaned.items() if key != "$schema"}
    if not cleaned:
        return _nothing()
    if cleaned.get("type") is None and "properties" in cleaned:
        return {"type": "object", **{key: value for key, value in cleaned.items() if key != "type"}}
    if (
        cleaned.get("type") == "object"
        and "properties" not in cleaned
        and not any(key in cleaned for key in ("anyOf", "oneOf", "allOf", "$ref"))
    ):
        return {**cleaned, "properties": {}}  # OpenAI refuses a root object without properties
    return cleaned


def google_json_schema(schema: Schema | None) -> Schema:
    """For ``parametersJsonSchema`` and ``responseJsonSchema``, which take ordinary JSON Schema."""
    return plain(schema)


def _cleaned(schema: Schema, depth: int) -> Schema:
    """Without what every foreign server trips over; the same object when there is nothing of the kind."""
    if depth > DEPTH_LIMIT:
        return schema
    changed: Schema | None = None
    for key, value in schema.items():
        new: Any = value
        if key in _MAPS:
            new = _ABSENT if value is None else _each_value(value, depth)
        elif key in _LISTS:
            new = _each_item(value, depth)
        elif key in _SINGLES:
            new = _each_item(value, depth) if type(value) is list else _subschema(value, depth)
        elif key in _SWITCHES:
            if type(value) is dict:
                new = _cleaned(value, depth + 1)
        elif key == "encrypted" and type(value) is bool:  # Codex marks parameters so in code mode
            new = _ABSENT
        if new is not value:
            if changed is None:
                changed = schema.copy()
            if new is _ABSENT:
                del changed[key]
            else:
                changed[key] = new
    if schema.get("type") == "array" and "items" not in schema and "prefixItems" not in schema:
        changed = {**(schema if changed is None else changed), "items": {}}  # OpenAI and Google refuse an array without items
    return schema if changed is None else changed


_ABSENT: Any = object()


def _subschema(value: Any, depth: int) -> Any:
    if type(value) is dict:
        return _cleaned(value, depth + 1)
    if value is True:
        return {}
    if value is False:
        return {"not": {}}
    return value


def _each_value(values: Any, depth: int) -> Any:
    if type(values) is not dict:
        return values
    changed: Schema | None = None
    for name, value in values.items():
        new = _subschema(value, depth)
        if new is not value:
            if changed is None:
                changed = values.copy()
            changed[name] = new
    return values if changed is None else changed


def _each_item(values: Any, depth: int) -> Any:
    if type(values) is not list:
        return values
    new = [_subschema(value, depth) for value in values]
    return values if all(a is b for a, b in zip(new, values, strict=True)) else new


# ------------------------------------------------------------------------------------------------------------------------------ OpenAI strict

_STRICT_REFUSED = frozenset(
    {"oneOf", "allOf", "not", "if", "then", "else", "patternProperties", "propertyNames", "dependentRequired", "dependentSchemas"}
    | {"unevaluatedProperties", "unevaluatedItems", "contains", "minContains", "maxContains", "uniqueItems", "prefixItems"}
    | {"minProperties", "maxProperties", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "default", "examples", "$schema", "$id"}
)


def openai_strict(schema: Schema | None) -> bool:
    """Whether OpenAI's strict mode takes this schema as it is. Making it fit would change its meaning, so nobody does."""
    if not schema:
        return False
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


# ------------------------------------------------------------------------------------------------------------------------------ Anthropic


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
        target = _resolved(schema, result["$ref"])
        if type(target) is not dict:
            break
        result = {**target, **{key: value for key, value in result.items() if key != "$ref"}}
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
                result = _with_words(
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


def anthropic_strict(schema: Schema | None, at: str, losses: Losses) -> Schema:
    """For ``output_config.format`` and strict tools: every object is closed, oneOf becomes anyOf, what the subset lacks is said in the
    description, recursion is unrolled. One Loss (schema, approximated) tells all that changed the meaning."""
    return _AnthropicStrict(plain(schema)).build(at, losses)


class _Rewriter:
    """One rewriting of one schema: the root for references, and what changed its meaning."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self.changes: dict[str, None] = {}
        self.nodes = 0

    def build(self, at: str, losses: Losses) -> Schema:
        result: Schema = self.node(self.root, 0, ())
        if self.changes:
            losses.approximated("schema", at, "; ".join(self.changes))
        return self.root if result == self.root else result

    def node(self, schema: Any, depth: int, path: tuple[str, ...]) -> Schema:
        raise NotImplementedError

    def changed(self, what: str) -> None:
        self.changes[what] = None

    def too_large(self, depth: int) -> bool:
        self.nodes += 1
        if depth > DEPTH_LIMIT or self.nodes > NODE_LIMIT:
            self.changed("the schema is too large and was cut")
            return True
        return False

    def merged(self, schema: Schema, depth: int) -> Schema:
        """``schema`` with its allOf merged into it."""
        parts = schema.get("allOf")
        if type(parts) is not list:
            return schema
        result = {key: value for key, value in schema.items() if key != "allOf"}
        if self.too_large(depth):
            return result
        for part in parts:
            if type(part) is not dict:
                continue
            seen: set[str] = set()
            while type(part.get("$ref")) is str and part["$ref"] not in seen:
                seen.add(part["$ref"])
                target = _resolved(self.root, part["$ref"])
                if type(target) is not dict:
                    break
                part = {**target, **{key: value for key, value in part.items() if key != "$ref"}}
            part = self.merged(part, depth + 1)
            for key, value in part.items():
                known = result.get(key)
                if known is None or known == value:
                    result[key] = value
                elif key in _MAPS and type(known) is dict and type(value) is dict:
                    result[key] = {**known, **{name: _both(known[name], one) if name in known else one for name, one in value.items()}}
                elif key == "required" and type(known) is list and type(value) is list:
                    result[key] = [*known, *(name for name in value if name not in known)]
                elif key not in ("title", "description", "$ref"):
                    self.changed(f"allOf: only one {key} is kept")
        return result


def _both(one: Any, other: Any) -> Any:
    return one if one == other else {"allOf": [one, other]}


class _AnthropicStrict(_Rewriter):
    def __init__(self, root: Schema) -> None:
        super().__init__(root)
        self.recursive = _recursive_references(root)

    def node(self, schema: Any, depth: int, path: tuple[str, ...]) -> Schema:
        if type(schema) is not dict or self.too_large(depth):
            return _closed_object()
        reference = schema.get("$ref")
        if type(reference) is str:
            if reference in self.recursive:
                self.changed(f"recursion is unrolled to {UNROLL_LEVELS} levels")
                if path.count(reference) >= UNROLL_LEVELS:
                    return _closed_object()
                target = _resolved(self.root, reference)
                siblings = {key: value for key, value in schema.items() if key != "$ref"}
                return self.node({**target, **siblings} if type(target) is dict else siblings, depth + 1, (*path, reference))
            if _resolved(self.root, reference) is None:
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
                    if key == "oneOf" and ("anyOf" in schema or not _disjoint(self.root, value)):
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
            elif key not in _ANNOTATIONS:
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
        return _with_keywords(result, words)

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


# ------------------------------------------------------------------------------------------------------------------------------ Google's subset

_GOOGLE_KEPT = frozenset(
    {"title", "minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "minimum", "maximum"}
    | {"default", "nullable", "propertyOrdering"}
)
_GOOGLE_FORMATS = frozenset({"enum", "date-time", "float", "double", "int32", "int64"})
_GOOGLE_TYPES = frozenset({"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"})


def google_openapi(schema: Schema | None, at: str, losses: Losses) -> Schema:
    """For ``parameters`` and ``responseSchema``, whose every unknown key is a 400.

    Types in upper case, null as ``nullable``, const and enum as string enums, anyOf standing alone, references expanded, allOf merged; what cannot
    be said goes into the description. One Loss (schema, approximated) tells all that changed the meaning.
    """
    result = _GoogleOpenApi(plain(schema)).build(at, losses)
    if result.get("type") == "OBJECT" and "properties" not in result:
        return {**result, "properties": {}}
    return result


class _GoogleOpenApi(_Rewriter):
    def node(self, schema: Any, depth: int, path: tuple[str, ...]) -> Schema:
        if type(schema) is not dict or self.too_large(depth):
            return {"type": "OBJECT"}
        reference = schema.get("$ref")
        if type(reference) is str:
            target = _resolved(self.root, reference)
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
        if key == "oneOf" and not _disjoint(self.root, schema[key]):
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
                key: value for key, value in schema.items() if key not in _ANNOTATIONS and key not in ("description", "title", "nullable")
            }
            if words:
                self.changed("a schema without a type became any value")
            notes: Schema = {key: schema[key] for key in ("nullable", "title", "description") if key in schema}
            notes = _with_keywords(notes, {key: value for key, value in words.items() if key not in _MAPS})
            return {"anyOf": [{"type": each, **notes} for each in ("STRING", "NUMBER", "BOOLEAN", "OBJECT")]}
        result: Schema = {"type": kind}
        words = {}
        if type(schema.get("description")) is str:
            result["description"] = schema["description"]
        for key, value in schema.items():
            if key in ("type", "description") or key in _ANNOTATIONS or value is None:
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
        return _with_keywords(result, words)

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
    return _from_google(schema, 0) if type(schema) is dict else _nothing()


def _from_google(schema: Any, depth: int) -> Any:
    if type(schema) is not dict or depth > DEPTH_LIMIT:
        return schema
    result: Schema = {}
    nullable = False
    ordering: Any = None
    for written, value in schema.items():
        key: str = _FROM_GOOGLE_NAMES[written] if written in _FROM_GOOGLE_NAMES else written
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
        elif key in _MAPS and type(value) is dict:
            result[key] = {name: _from_google(each, depth + 1) for name, each in value.items()}
        elif key in _LISTS and type(value) is list:
            result[key] = [_from_google(each, depth + 1) for each in value]
        elif key in _APPLICATORS:
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


# ------------------------------------------------------------------------------------------------------------------------------ references and words


def _resolved(root: Schema, reference: str) -> Any:
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
        if key in _MAPS and type(value) is dict:
            for each in value.values():
                _references(each, depth + 1, found)
        elif key in _APPLICATORS:
            for each in value if type(value) is list else (value,):
                _references(each, depth + 1, found)


def _recursive_references(root: Schema) -> set[str]:
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
        _references(_resolved(root, reference), 0, inner)
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
        if key in _APPLICATORS:
            values = value.values() if key in _MAPS and type(value) is dict else value if type(value) is list else (value,)
            if any(_has_reference(each, depth + 1) for each in values):
                return True
    return False


def _disjoint(root: Schema, branches: list[Any]) -> bool:
    """Whether no value can match two branches, so that oneOf means the same as anyOf: they differ in type or in a required constant."""
    parts = [_resolved(root, each["$ref"]) if type(each) is dict and type(each.get("$ref")) is str else each for each in branches]
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


def _with_keywords(schema: Schema, keywords: Schema) -> Schema:
    """``schema`` with the keywords said in its description, where a model still reads them."""
    if not keywords:
        return schema
    return _with_words(schema, "{" + ", ".join(f"{key}: {jsontext.encode_text(value)}" for key, value in keywords.items()) + "}")


def _with_words(schema: Schema, words: str) -> Schema:
    description = schema.get("description")
    return {**schema, "description": f"{description}\n\n{words}" if type(description) is str and description else words}
