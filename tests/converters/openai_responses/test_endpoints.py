"""Paths, counts, models and frames."""

from __future__ import annotations

import pytest
from openai.types import Model

from rosetta.converters.converter import Malformed, ModelEntry, WireEvent
from rosetta.converters.openai_responses import CONVERTER, WORDS
from rosetta.ir.loss import FIELD_CLASS


def test_paths() -> None:
    """The model is in the body; streams have no path of their own."""
    assert [CONVERTER.endpoint(operation, "m") for operation in ("generate", "stream", "count", "models")] == [
        "/v1/responses",
        "/v1/responses",
        "/v1/responses/input_tokens",
        "/v1/models",
    ]


def test_counts() -> None:
    """In and out."""
    assert CONVERTER.decode_count_reply is not None
    assert CONVERTER.encode_count_reply is not None
    assert CONVERTER.encode_count_reply(7) == {"object": "response.input_tokens", "input_tokens": 7}
    assert CONVERTER.decode_count_reply({"object": "response.input_tokens", "input_tokens": 7}) == 7
    with pytest.raises(Malformed):
        CONVERTER.decode_count_reply({"input_tokens": "7"})


def test_models() -> None:
    """Rows that OpenAI's SDK reads, and lists of several makes."""
    entry = ModelEntry("a/b:c", owner="me", created=5)
    assert Model.model_validate(CONVERTER.encode_model(entry)).id == "a/b:c"
    listed = CONVERTER.encode_models([entry])
    assert listed["object"] == "list"
    assert CONVERTER.decode_models(listed) == ["a/b:c"]
    assert CONVERTER.decode_models({"models": [{"name": "x"}, "y", {}]}) == ["x", "y"]
    with pytest.raises(Malformed):
        CONVERTER.decode_models({"data": None})


def test_frames() -> None:
    """The name twice, the data once; the ping is a comment."""
    assert (
        CONVERTER.frame(WireEvent("response.created", {"type": "response.created"}))
        == b'event: response.created\ndata: {"type":"response.created"}\n\n'
    )
    assert CONVERTER.frame(WireEvent(None, {"a": 1})) == b'data: {"a":1}\n\n'
    assert CONVERTER.frame(WireEvent(None, None)) == b"data: [DONE]\n\n"
    assert CONVERTER.ping == b": ping\n\n"


def test_words_are_of_the_vocabulary() -> None:
    """Every word stands for something that can be lost."""
    assert set(WORDS) <= set(FIELD_CLASS)
