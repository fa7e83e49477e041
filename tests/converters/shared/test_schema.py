"""JSON Schema in each target's dialect: what it takes survives as it is, what it refuses is said otherwise, and a change of meaning is reported once."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.genai import types
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic.alias_generators import to_camel

from rosetta.converters import schema
from rosetta.converters.losses import Losses
from rosetta.ir.loss import Loss

EMPTY = {"type": "object", "properties": {}}
STRICT = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"], "additionalProperties": False}
TREE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["name"],
    "additionalProperties": False,
}
RICH = {
    "type": "object",
    "properties": {
        "kind": {"const": "x"},
        "either": {"oneOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}]},
        "level": {"type": "integer", "exclusiveMinimum": 0, "enum": [1, 2]},
    },
    "$defs": {
        "a": {"type": "object", "properties": {"t": {"const": "a"}}, "required": ["t"]},
        "b": {"type": "object", "properties": {"t": {"const": "b"}}, "required": ["t"]},
    },
}

KEYWORDS = st.sampled_from(
    [
        *(
            "type",
            "properties",
            "items",
            "anyOf",
            "oneOf",
            "allOf",
            "not",
            "$ref",
            "$defs",
            "definitions",
            "required",
            "additionalProperties",
        ),
        *(
            "enum",
            "const",
            "format",
            "minimum",
            "exclusiveMinimum",
            "minItems",
            "prefixItems",
            "encrypted",
            "$schema",
            "nullable",
            "default",
            "a",
            "b",
        ),
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from(
        [
            "object",
            "array",
            "string",
            "null",
            "integer",
            "number",
            "boolean",
            "#",
            "#/$defs/a",
            "#/properties/a",
            "#/definitions/b",
            "date-time",
            "",
        ]
    ),
)
SCHEMAS = st.dictionaries(
    KEYWORDS,
    st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS, inner, max_size=5), max_leaves=25),
    max_size=6,
)


def anthropic_strict(value: Any) -> tuple[dict[str, Any], list[Loss]]:
    losses = Losses()
    return schema.anthropic_strict(value, "tools.0", losses), losses


def google_openapi(value: Any) -> tuple[dict[str, Any], list[Loss]]:
    losses = Losses()
    return schema.google_openapi(value, "tools.0", losses), losses


def subschemas(value: Any) -> Iterator[dict[str, Any]]:
    """A schema and all schemas within it, property names passed over."""
    if not isinstance(value, dict):
        return
    yield value
    for key, inner in value.items():
        if key in ("properties", "$defs", "definitions", "patternProperties") and isinstance(inner, dict):
            for each in inner.values():
                yield from subschemas(each)
        elif key in ("anyOf", "oneOf", "allOf", "prefixItems") and isinstance(inner, list):
            for each in inner:
                yield from subschemas(each)
        elif key in ("items", "not", "additionalProperties"):
            yield from subschemas(inner)


@settings(deadline=None, max_examples=200)
@given(SCHEMAS)
def test_any_schema_is_survived_and_left_as_it_was(value: dict[str, Any]) -> None:
    """Whatever a client calls a schema, each dialect gives something of it, the same twice, and the original is not touched."""
    before = copy.deepcopy(value)
    for dialect in (
        schema.plain,
        schema.anthropic,
        schema.google_json_schema,
        schema.from_google,
        schema.openai_strict,
        anthropic_strict,
        google_openapi,
    ):
        once = dialect(value)
        assert json.dumps(once, default=str) == json.dumps(dialect(value), default=str)
        assert value == before
    assert schema.plain(plain := schema.plain(value)) is plain
    assert schema.anthropic(root := schema.anthropic(value)) is root
    assert root["type"] == "object"
    assert not {"anyOf", "oneOf", "allOf"} & root.keys()


@settings(deadline=None, max_examples=200)
@given(SCHEMAS)
def test_googles_subset_holds_nothing_that_google_refuses(value: dict[str, Any]) -> None:
    """Google's own type, which forbids unknown keys, takes every rewritten schema that was one in the first place."""
    made, _ = google_openapi(value)
    for one in subschemas(made):
        assert one.keys() <= GOOGLE_KEYS
        assert one.keys() == {"anyOf"} or one["type"] in GOOGLE_TYPES
        assert one.get("type") != "ARRAY" or "items" in one
        assert all(isinstance(word, str) and word for word in one.get("enum", []))


GOOGLE_KEYS = {to_camel(name) for name in types.Schema.model_fields}
GOOGLE_TYPES = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}


@settings(deadline=None, max_examples=200)
@given(SCHEMAS)
def test_anthropics_subset_holds_nothing_that_anthropic_refuses(value: dict[str, Any]) -> None:
    """Objects are closed, types are single, and the refused keywords are gone at every level."""
    made, _ = anthropic_strict(value)
    for one in subschemas(made):
        assert not {"oneOf", "allOf", "not", "minimum", "exclusiveMinimum", "prefixItems", "encrypted", "$schema"} & one.keys()
        assert not isinstance(one.get("type"), list)
        if one.get("type") == "object":
            assert one["additionalProperties"] is False


@pytest.mark.parametrize("value", [EMPTY, STRICT, TREE, RICH])
def test_a_schema_that_needs_no_change_is_given_back_itself(value: dict[str, Any]) -> None:
    """oneOf, const, references and recursion stay where the target takes them, and nothing is copied."""
    assert schema.plain(value) is value
    assert schema.anthropic(value) is value
    assert schema.google_json_schema(value) is value


@pytest.mark.parametrize(
    ("value", "made"),
    [
        (None, EMPTY),
        ({}, EMPTY),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema"}, EMPTY),
        ({"properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}),
        ({"type": "object"}, {"type": "object", "properties": {}}),
        ({"type": "object", "properties": None}, {"type": "object", "properties": {}}),
        ({"type": "object", "properties": {"a": True, "b": False}}, {"type": "object", "properties": {"a": {}, "b": {"not": {}}}}),
        (
            {"type": "object", "properties": {"a": {"type": "array"}}},
            {"type": "object", "properties": {"a": {"type": "array", "items": {}}}},
        ),
        ({"$schema": "x", "type": "object", "properties": {}, "additionalProperties": False}, {**EMPTY, "additionalProperties": False}),
        (
            {"type": "OBJECT", "properties": {"type": {"type": ["STRING", "NULL"], "enum": ["STRING"]}, "a": {"type": "ARRAY"}}},
            {
                "type": "object",
                "properties": {"type": {"type": ["string", "null"], "enum": ["STRING"]}, "a": {"type": "array", "items": {}}},
            },
        ),
    ],
)
def test_what_every_server_trips_over_is_mended(value: Any, made: dict[str, Any]) -> None:
    """An absent schema, a missing type, null properties, booleans for schemas and arrays of nothing."""
    assert schema.plain(value) == made
    assert list(schema.plain(value)) == list(made)


def test_a_keyword_is_told_from_a_property_of_that_name() -> None:
    """Codex's mark ``encrypted`` goes, at every level; a parameter called so stays, and so do properties named like keywords."""
    value = {
        "type": "object",
        "properties": {"encrypted": {"type": "string", "encrypted": True}, "properties": {"type": "string"}, "$schema": {"type": "string"}},
        "$defs": {"a": {"type": "array", "items": {"type": "string", "encrypted": True}}},
    }
    cleaned = schema.plain(value)
    assert cleaned["properties"] == {"encrypted": {"type": "string"}, "properties": {"type": "string"}, "$schema": {"type": "string"}}
    assert cleaned["$defs"] == {"a": {"type": "array", "items": {"type": "string"}}}
    assert schema.plain(value, foreign=False) is value


def test_anthropics_root_is_an_object_without_alternatives() -> None:
    """Alternatives at the root become one object that requires what all of them require, and the loss says so."""
    value = {
        "oneOf": [
            {"type": "object", "properties": {"id": {"type": "string"}, "a": {"type": "string"}}, "required": ["id", "a"]},
            {"type": "object", "properties": {"id": {"type": "string"}, "a": {"type": "integer"}, "b": {}}, "required": ["id"]},
        ]
    }
    losses = Losses()
    made = schema.anthropic(value, "tools.0", losses)
    assert made["type"] == "object"
    assert made["properties"] == {"id": {"type": "string"}, "a": {"anyOf": [{"type": "string"}, {"type": "integer"}]}, "b": {}}
    assert made["required"] == ["id"]
    assert "id, a; id" in made["description"]
    assert [(loss.kind, loss.field, loss.at) for loss in losses] == [("approximated", "schema", "tools.0")]


def test_anthropics_root_may_be_a_reference_or_a_conjunction() -> None:
    """Both say the same as one object, so nothing is lost."""
    target = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    losses = Losses()
    made = schema.anthropic({"$ref": "#/$defs/A", "$defs": {"A": target}}, "t", losses)
    assert {key: made[key] for key in target} == target
    both = schema.anthropic({"allOf": [target, {"type": "object", "properties": {"b": {}}}]}, "t", losses)
    assert both == {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}
    assert losses == []


def test_anthropics_subset_says_the_rest_in_words() -> None:
    """A bound that structured output does not know is still read by the model."""
    made, losses = anthropic_strict({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "description": "How many."}}})
    assert made["properties"]["n"] == {"type": "integer", "description": "How many.\n\n{minimum: 1}"}
    assert made["additionalProperties"] is False
    assert [(loss.kind, loss.field, loss.at) for loss in losses] == [("approximated", "schema", "tools.0")]


def test_anthropics_subset_takes_what_it_can_as_it_is() -> None:
    """enum, const, local references, anyOf and known formats change nothing; closing an object that said nothing of more is no loss."""
    made, losses = anthropic_strict(
        RICH | {"properties": {"either": RICH["properties"]["either"], "when": {"type": "string", "format": "date"}}}
    )
    assert made["properties"] == {
        "either": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}]},
        "when": {"type": "string", "format": "date"},
    }
    assert losses == []
    assert anthropic_strict(STRICT)[0]["properties"]["a"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert anthropic_strict(STRICT)[1] == []


def test_anthropics_subset_unrolls_recursion() -> None:
    """A tree becomes a few levels of tree without a circle, and the loss says how many."""
    made, losses = anthropic_strict(TREE)
    depth, level = 0, made
    while "children" in level["properties"]:
        assert level["properties"]["name"] == {"type": "string"}
        level = level["properties"]["children"]["items"]
        depth += 1
    assert depth == 4
    assert "$ref" not in json.dumps(made)
    assert [loss.detail for loss in losses] == ["recursion is unrolled to 3 levels"]


def test_mutual_recursion_does_not_explode() -> None:
    """Definitions that all refer to each other stay within the limit."""
    names = [f"d{index}" for index in range(12)]
    definition = {"type": "object", "properties": {name: {"$ref": f"#/$defs/{name}"} for name in names}}
    value = {"$ref": "#/$defs/d0", "$defs": dict.fromkeys(names, definition)}
    for dialect in (anthropic_strict, google_openapi):
        made, losses = dialect(value)
        assert len(json.dumps(made)) < 2_000_000
        assert len(losses) == 1


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        (STRICT, True),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", **STRICT}, True),
        (TREE, False),
        (None, False),
        ({"type": "object", "properties": {}, "additionalProperties": False}, True),
        ({"type": "object", "properties": {}}, False),
        ({**STRICT, "required": []}, False),
        ({**STRICT, "anyOf": []}, False),
        ({**STRICT, "properties": {"a": {"type": "object", "properties": {}}}}, False),
        ({**STRICT, "properties": {"a": {"oneOf": [{"type": "string"}]}}}, False),
        ({**STRICT, "properties": {"a": {"anyOf": [{"type": "string"}, STRICT]}}}, True),
        ({**STRICT, "properties": {"a": {}}}, False),
        ({**STRICT, "properties": {"a": {"$ref": "#"}}}, True),
        ({**STRICT, "properties": {"a": {"type": "array", "items": {"type": "string", "enum": ["x"]}}}}, True),
        ({**STRICT, "properties": {"a": {"type": "string", "default": "x"}}}, False),
    ],
)
def test_openais_strict_mode_is_asked_for_only_where_it_fits(value: Any, fits: bool) -> None:
    """Every object closed, every property required, nothing it refuses: then, and only then, strict means no change."""
    assert schema.openai_strict(value) is fits


@pytest.mark.parametrize(
    ("value", "made", "reported"),
    [
        ({"type": "string", "enum": ["a", "b"]}, {"type": "STRING", "enum": ["a", "b"]}, False),
        ({"type": ["string", "null"], "enum": ["a", None]}, {"type": "STRING", "nullable": True, "enum": ["a"]}, False),
        ({"const": "a"}, {"type": "STRING", "enum": ["a"]}, False),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "d"},
            {"type": "STRING", "description": "d", "nullable": True},
            False,
        ),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}, False),
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "INTEGER", "minimum": 1}, False),
        ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}, False),
        ({"type": "string", "format": "uri"}, {"type": "STRING", "description": '{format: "uri"}'}, True),
        ({"type": "integer", "enum": [1, 2]}, {"type": "INTEGER", "description": "{enum: [1,2]}"}, True),
        ({"type": "string", "enum": ["", "a"]}, {"type": "STRING", "description": '{enum: ["","a"]}'}, True),
        ({"oneOf": [{"type": "string"}, {"type": "boolean"}]}, {"anyOf": [{"type": "STRING"}, {"type": "BOOLEAN"}]}, False),
        (
            {"oneOf": [{"type": "string"}, {"type": "string", "minLength": 2}]},
            {"anyOf": [{"type": "STRING"}, {"type": "STRING", "minLength": 2}]},
            True,
        ),
        ({"allOf": [{"type": "string"}, {"minLength": 2}]}, {"type": "STRING", "minLength": 2}, False),
        (
            {"type": "array"},
            {"type": "ARRAY", "items": {"anyOf": [{"type": kind} for kind in ("STRING", "NUMBER", "BOOLEAN", "OBJECT")]}},
            False,
        ),
        (
            {
                "type": "object",
                "properties": {"b": {"type": "string"}},
                "required": ["b", "gone"],
                "additionalProperties": False,
                "$id": "x",
            },
            {"type": "OBJECT", "properties": {"b": {"type": "STRING"}}, "required": ["b"]},
            False,
        ),
    ],
)
def test_googles_subset(value: dict[str, Any], made: dict[str, Any], reported: bool) -> None:
    """Each construct becomes what means the same there, or is said in words and reported."""
    root, losses = google_openapi({"type": "object", "properties": {"x": value}})
    assert root == {"type": "OBJECT", "properties": {"x": made}}
    assert [(loss.kind, loss.field) for loss in losses] == ([("approximated", "schema")] if reported else [])
    types.Schema.model_validate(root)


def test_googles_subset_expands_references_and_ends_circles() -> None:
    """Definitions are put in place; a circle ends in an object and is reported."""
    made, losses = google_openapi(RICH)
    assert made["properties"]["either"] == {
        "anyOf": [{"type": "OBJECT", "properties": {"t": {"type": "STRING", "enum": [word]}}, "required": ["t"]} for word in ("a", "b")]
    }
    assert "$defs" not in made
    assert len(losses) == 1
    tree, losses = google_openapi(TREE)
    assert [loss.detail for loss in losses] == ["a recursive $ref ends after two levels"]
    types.Schema.model_validate(tree)


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ({"type": "STRING"}, {"type": "string"}),
        ({"type": "string"}, {"type": "string"}),
        ({"type": "TYPE_UNSPECIFIED"}, {}),
        ({"type": "STRING", "nullable": True, "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"any_of": [{"type": "STRING"}], "nullable": True}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (
            {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "1", "max_items": 3},
            {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3},
        ),
        ({"type": "STRING", "example": "x"}, {"type": "string", "examples": ["x"]}),
        ({"ref": "#/defs/A", "defs": {"A": {"type": "STRING"}}}, {"$ref": "#/$defs/A", "$defs": {"A": {"type": "string"}}}),
    ],
)
def test_googles_schema_is_read_as_json_schema(value: dict[str, Any], made: dict[str, Any]) -> None:
    """Upper-case types, nullable, snake case and numbers in strings are all the same schema."""
    assert schema.from_google(value) == made


def test_property_ordering_becomes_the_order() -> None:
    """The model writes properties in the order it reads them in."""
    made = schema.from_google(
        {"type": "OBJECT", "properties": {"a": {"type": "STRING"}, "type": {"type": "STRING"}}, "propertyOrdering": ["type", "a"]}
    )
    assert list(made["properties"]) == ["type", "a"]
    assert "propertyOrdering" not in made


@given(
    st.recursive(
        st.sampled_from(
            [{"type": "string"}, {"type": "integer", "minimum": 1}, {"type": "string", "enum": ["a"]}, {"type": ["number", "null"]}]
        ),
        lambda inner: st.one_of(
            st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2).map(lambda names: {"type": "object", "properties": names}),
            inner.map(lambda items: {"type": "array", "items": items}),
        ),
        max_leaves=6,
    )
)
def test_what_googles_subset_can_say_comes_back(value: dict[str, Any]) -> None:
    """Written for Google and read again, a plain schema is the same, and nothing was reported."""
    made, losses = google_openapi(value)
    assert losses == []
    assert schema.from_google(made) == schema.plain(value)
