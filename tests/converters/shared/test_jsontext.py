"""The one place that parses and writes JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosetta.converters import jsontext
from tests.laws.strategies import any_json


@given(any_json)
def test_what_is_written_reads_back(value: Any) -> None:
    """Any JSON value survives being written and read."""
    assert jsontext.decode(jsontext.encode(value)) == value
    assert jsontext.decode(jsontext.encode_text(value)) == value


@given(st.binary(max_size=40))
def test_bytes_are_json_or_invalid(data: bytes) -> None:
    """Any bytes are either read or refused with one error, as the standard library reads or refuses them."""
    try:
        value = jsontext.decode(data)
    except jsontext.InvalidJson as error:
        message = str(error)
        assert message
    else:
        assert json.loads(data) == value or value != value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":"\\ud83d"}', {"a": "\ufffd"}),
        ('["\\ude00 b", "\\ud83d\\ude00"]', ["\ufffd b", "\U0001f600"]),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("1e400", None),
        ('"\u2028"', "\u2028"),
    ],
)
def test_oddities_of_the_world(text: str, value: Any) -> None:
    """Cut emoji become the replacement character, large integers stay whole, numbers beyond a float are refused."""
    if value is None:
        with pytest.raises(jsontext.InvalidJson):
            jsontext.decode(text)
    else:
        assert jsontext.decode(text) == value


@pytest.mark.parametrize("text", ["", "{", "nul", "NaN", '{"a":NaN,"b":"\\ud83d"}', "[" * 100_000, b"\xff{}", "{} {}"])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    """Nothing, half a value, a constant of JavaScript, endless nesting, foreign bytes and two values are all refused alike."""
    with pytest.raises(jsontext.InvalidJson):
        jsontext.decode(text)


def test_a_string_cut_within_an_emoji_is_written() -> None:
    """A lone surrogate which slicing made does not stop the encoder."""
    assert jsontext.encode({"a": "x\ud83d"}) == '{"a":"x\ufffd"}'.encode()


def test_a_large_integer_is_written() -> None:
    """Arguments with integers beyond 64 bits go out as they came."""
    assert jsontext.encode_text({"n": 2**70}) == f'{{"n":{2**70}}}'


@pytest.mark.parametrize(
    ("text", "value"),
    [("", {}), (" \n", {}), ("{}", {}), ('{"a":1}', {"a": 1}), ("[1]", None), ('"a"', None), ('{"a":', None), ("null", None)],
)
def test_arguments_are_an_object_or_none(text: str, value: Any) -> None:
    """No text means no arguments; what is no object is told apart from an empty one."""
    assert jsontext.arguments_object(text) == value
