"""The reader over one JSON object, whose errors name the place."""

from __future__ import annotations

from typing import Any

import pytest

from rosetta.converters.converter import Malformed
from rosetta.converters.fields import Fields, maybe_object, maybe_string, string, unknown
from rosetta.ir.parts import NO_EXTRAS


def test_a_field_is_taken_once_and_the_rest_is_left() -> None:
    """What is asked for goes, what nobody asked for stays, and the object itself is not touched."""
    body = {"id": "x", "n": 1, "other": {"a": None}, "nothing": None}
    fields = Fields(body, "messages.0")
    assert fields.take("id", str) == "x"
    assert fields.maybe("n", int) == 1
    assert fields.maybe("nothing", str) is None
    assert fields.maybe("absent", str) is None
    assert fields.rest() == {"other": {"a": None}}
    assert body == {"id": "x", "n": 1, "other": {"a": None}, "nothing": None}


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (None, str, "expected str, got null or nothing"),
        (3, str, "expected str, got int"),
        (True, int, "expected int, got bool"),
        (1.5, int, "expected int, got number"),
        ("x", bool, "expected bool, got str"),
        ([], dict, "expected object, got array"),
        ({}, list, "expected array, got object"),
        (True, float, "expected number, got bool"),
    ],
)
def test_a_wrong_type_names_the_place_and_both_types(value: Any, kind: type, message: str) -> None:
    """The error says where, what was expected and what came, in the words of JSON."""
    with pytest.raises(Malformed) as error:
        Fields({"text": value}, "messages.0.content.0").take("text", kind)
    assert (error.value.path, error.value.message) == ("messages.0.content.0.text", message)


def test_numbers_are_read_as_they_are_meant() -> None:
    """1024.0 is an int and 1 a float; neither bool nor string is either."""
    assert Fields({"n": 1024.0}).take("n", int) == 1024
    assert type(Fields({"n": 1024.0}).take("n", int)) is int
    assert type(Fields({"n": 1}).take("n", float)) is float


@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_only_an_object_has_fields(value: Any) -> None:
    """Anything else is malformed at its own path."""
    with pytest.raises(Malformed) as error:
        Fields(value, "tools.1")
    assert error.value.path == "tools.1"


def test_a_list_of_strings_holds_strings() -> None:
    """The index of the stranger among them is in the path."""
    assert Fields({"stop": ["a", "b"]}).strings("stop") == ("a", "b")
    assert Fields({}).strings("stop") == ()
    with pytest.raises(Malformed) as error:
        Fields({"stop": ["a", 1]}).strings("stop")
    assert error.value.path == "stop.1"


def test_a_nested_object_knows_its_path() -> None:
    """A reader of a reader adds its key."""
    nested = Fields({"a": {"b": 1}}, "x").fields("a")
    assert nested is not None
    with pytest.raises(Malformed) as error:
        nested.take("b", str)
    assert error.value.path == "x.a.b"
    assert Fields({"a": None}).fields("a") is None


def test_known_fields_that_carry_nothing_can_be_dropped() -> None:
    """has does not take, drop takes without looking."""
    fields = Fields({"type": "x", "null": None})
    assert fields.has("type")
    assert not fields.has("null")
    fields.drop("type", "absent")
    assert fields.rest() == {"null": None}


def test_one_field_of_an_object_as_it_lies() -> None:
    """Null is absent where a field may be, and a fault where it must be; at the top its name is the whole path."""
    node = {"id": "x", "null": None, "n": 1, "o": {}}
    assert (string(node, "id", "a"), maybe_string(node, "null", "a"), maybe_object(node, "o", "a")) == ("x", None, {})
    for read, key, at, path in (
        (string, "null", "a.0", "a.0.null"),
        (string, "n", "", "n"),
        (maybe_string, "n", "a", "a.n"),
        (maybe_object, "id", "a", "a.id"),
    ):
        with pytest.raises(Malformed) as error:
            read(node, key, at)
        assert error.value.path == path


def test_what_nobody_knows_of_an_object() -> None:
    """Its nulls say nothing; where nothing is left, it is the one shared empty mapping."""
    assert unknown({"id": "x", "y": 1, "z": None}, frozenset({"id"})) == {"y": 1}
    assert unknown({"id": "x", "z": None}, frozenset({"id"})) is NO_EXTRAS
