"""Free-text tools as functions with one string property, and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosetta.converters import custom
from rosetta.converters.custom import InputUnwrapper
from rosetta.ir.request import CustomTool, Grammar

TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)


def unwrapped(arguments: str, places: list[int]) -> str:
    edges = [0, *sorted(place % (len(arguments) + 1) for place in places), len(arguments)]
    unwrapper = InputUnwrapper()
    pieces = [unwrapper.feed(arguments[edges[i] : edges[i + 1]]) for i in range(len(edges) - 1)]
    return "".join(pieces) + unwrapper.finish()


@given(TEXTS, st.booleans(), st.lists(st.integers(0, 1000), max_size=10))
def test_the_text_comes_out_whole_however_it_is_cut(text: str, ascii_only: bool, places: list[int]) -> None:
    """Cut within an escape or a surrogate pair, streamed or whole, the text is the one which was wrapped."""
    assert custom.unwrap(custom.wrap(text)) == text
    arguments = json.dumps({"input": text}, ensure_ascii=ascii_only)
    assert unwrapped(arguments, places) == text
    assert unwrapped(arguments, list(range(len(arguments)))) == text


@given(
    st.dictionaries(
        st.sampled_from(["input", "patch", "code", "n", "o"]),
        TEXTS | st.integers() | st.none() | st.just({"input": "deep"}) | st.just(["x"]),
        max_size=4,
    ),
    st.lists(st.integers(0, 1000), max_size=6),
)
def test_streaming_says_what_the_whole_says(arguments: dict[str, object], places: list[int]) -> None:
    """Whatever properties the model made up, the streamed text is the unwrapped one."""
    text = json.dumps(arguments)
    assert unwrapped(text, places) == custom.unwrap(text)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"input": "a"}', "a"),
        ('{"patch": "a"}', "a"),
        ('{"n": 1, "code": "a"}', "a"),
        ('{"why": "b", "input": "a"}', "a"),
        ("{}", ""),
        ("", ""),
        ("plain text", "plain text"),
        ('{"n": 1}', '{"n": 1}'),
        ('["a"]', '["a"]'),
    ],
)
def test_models_wrap_the_text_in_their_own_ways(arguments: str, text: str) -> None:
    """The named property first, else the first string, else the arguments as they came."""
    assert custom.unwrap(arguments) == text
    assert unwrapped(arguments, []) == text
    assert unwrapped(arguments, list(range(len(arguments)))) == text


def test_a_call_that_was_cut_gives_what_came() -> None:
    """When the tokens run out in the middle of the text, the beginning is not lost."""
    assert unwrapped('{"input": "half a te', []) == "half a te"
    assert unwrapped('{"input": "half\\ud83d', []) == "half\ufffd"


def test_a_grammar_is_told_in_words() -> None:
    """Where a wire cannot hold a model to a grammar, the description holds it."""
    told = custom.description(CustomTool("patch", "Edits.", Grammar("lark", "start: A")))
    assert told.startswith("Edits.")
    assert "lark" in told
    assert "start: A" in told
    assert custom.PROPERTY in custom.description(CustomTool("free"))
    assert custom.schema()["required"] == [custom.PROPERTY]
