"""Paths, counts, models and frames."""

from __future__ import annotations

import anthropic.types as sdk
import pytest

from rosetta.converters.anthropic import CONVERTER
from rosetta.converters.converter import Malformed, ModelEntry, WireEvent
from rosetta.converters.sse import SseParser


def test_paths() -> None:
    """The model is in the body: no path holds it."""
    assert CONVERTER.endpoint("generate", "a/b") == "/v1/messages"
    assert CONVERTER.endpoint("stream", "a/b") == "/v1/messages"
    assert CONVERTER.endpoint("count", "a/b") == "/v1/messages/count_tokens"
    assert CONVERTER.endpoint("models", "a/b") == "/v1/models?limit=1000"


def test_counts() -> None:
    """A count is one number; what is none is a broken upstream."""
    assert CONVERTER.decode_count_reply is not None
    assert CONVERTER.encode_count_reply is not None
    assert CONVERTER.encode_count_reply(42) == {"input_tokens": 42}
    assert CONVERTER.decode_count_reply({"input_tokens": 42}) == 42
    with pytest.raises(Malformed):
        CONVERTER.decode_count_reply({})


def test_a_models_list_is_a_page() -> None:
    """Each model is what the SDK reads, and the page says that it is the last."""
    entries = [ModelEntry("a", created=1_790_000_000, context_window=200_000, max_output=64_000), ModelEntry("v/b:1")]
    page = CONVERTER.encode_models(entries)
    found = [sdk.ModelInfo.model_construct(**row) for row in page["data"]]
    assert [(model.id, model.type, model.max_input_tokens if index == 0 else None) for index, model in enumerate(found)] == [
        ("a", "model", 200_000),
        ("v/b:1", "model", None),
    ]
    assert page["data"][0]["created_at"] == "2026-09-21T14:13:20Z"
    assert (page["has_more"], page["first_id"], page["last_id"]) == (False, "a", "v/b:1")
    assert CONVERTER.decode_models(page) == ["a", "v/b:1"]
    assert CONVERTER.encode_models([])["first_id"] is None
    assert CONVERTER.decode_models({"data": [1, {"id": 2}, {"id": "x"}]}) == ["x"]


def test_frames_name_their_events() -> None:
    """The SDK skips events without a name; pings are events of their own."""
    assert CONVERTER.frame(WireEvent("ping", {"type": "ping"})) == b'event: ping\ndata: {"type":"ping"}\n\n'
    assert CONVERTER.ping is not None
    assert SseParser().feed(CONVERTER.ping) == [("ping", b'{"type": "ping"}')]
