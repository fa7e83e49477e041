"""Paths, models lists and framing, as OpenAI's own SDK reads them."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

from rosetta.converters.converter import Malformed, ModelEntry, WireEvent
from rosetta.converters.openai_chat import CONVERTER


def test_paths() -> None:
    """One for all models."""
    assert CONVERTER.endpoint("generate", "m") == CONVERTER.endpoint("stream", "m") == "/v1/chat/completions"
    assert CONVERTER.endpoint("models", "m") == "/v1/models"
    assert CONVERTER.encode_count_request is None


def test_models() -> None:
    """Read by the SDK."""
    listed = CONVERTER.encode_models([ModelEntry("a/b:c", owner="me", created=7)])
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json=listed))
    client = openai.OpenAI(api_key="k", base_url="http://upstream/v1", http_client=httpx2.Client(transport=transport))
    (model,) = client.models.list()
    assert (model.id, model.created, model.owned_by, model.object) == ("a/b:c", 7, "me", "model")


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"object": "list", "data": [{"id": "a"}, {"id": 1}, 2, {"name": "b"}]}, ["a", "b"]),
        ({"models": [{"id": "a"}]}, ["a"]),
        ([{"id": "a"}], ["a"]),
        (["a"], ["a"]),
    ],
)
def test_lists_of_compatible_servers(body: Any, names: list[str]) -> None:
    """Some leave the wrapper out, as Together does."""
    assert CONVERTER.decode_models(body) == names


@pytest.mark.parametrize("body", [{}, {"data": None}, "a", None])
def test_what_is_no_list_is_said_to_be_none(body: Any) -> None:
    """``rosetta check`` tells it; nothing is routed by it."""
    with pytest.raises(Malformed):
        CONVERTER.decode_models(body)


def test_events_are_framed() -> None:
    """Without a name; the end is a word; a comment keeps the line open."""
    assert CONVERTER.frame(WireEvent(None, {"a": "é"})) == 'data: {"a":"é"}\n\n'.encode()
    assert CONVERTER.frame(WireEvent(None, None)) == b"data: [DONE]\n\n"
    assert CONVERTER.ping == b": ping\n\n"
