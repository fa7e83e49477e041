"""Paths, counting, models lists and framing, as Google's own SDK reads them."""

from __future__ import annotations

import json
from typing import Any

import google.genai as genai
import google.genai.types as sdk
import httpx2
import pytest

from rosetta.converters.converter import Malformed, ModelEntry, WireEvent, WireRequest
from rosetta.converters.google_genai import CONVERTER, ArrayFraming
from rosetta.ir.parts import Text
from tests.converters.google_genai.surroundings import GEMINI_25, WEATHER, foreign, target, told, user

CONTENTS = [{"role": "user", "parts": [{"text": "Hello"}]}]


def client(body: Any) -> genai.Client:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json=body))
    return genai.Client(api_key="k", http_options=sdk.HttpOptions(httpx_client=httpx2.Client(transport=transport)))


def test_paths() -> None:
    """The model is in the path, whatever its name holds; a tuned one has its own collection."""
    assert CONVERTER.endpoint("generate", "llama3.2:3b") == "/v1beta/models/llama3.2:3b:generateContent"
    assert CONVERTER.endpoint("stream", "a/b") == "/v1beta/models/a/b:streamGenerateContent?alt=sse"
    assert CONVERTER.endpoint("count", "tunedModels/x") == "/v1beta/tunedModels/x:countTokens"
    assert CONVERTER.endpoint("models", "") == "/v1beta/models?pageSize=1000"


@pytest.mark.parametrize(
    "body",
    [
        {"contents": CONTENTS},
        {"generateContentRequest": {"model": "models/m", "contents": CONTENTS}},
        {"generate_content_request": {"contents": CONTENTS}},
    ],
)
def test_a_count_in_each_of_its_forms(body: Any) -> None:
    """Contents alone, or a whole request inside."""
    assert CONVERTER.decode_count_request is not None
    request = CONVERTER.decode_count_request(WireRequest(body, model="m")).value
    assert request.model == "m"
    assert [part.text for turn in request.turns for part in turn.parts if isinstance(part, Text)] == ["Hello"]


def test_a_count_that_is_wrong_says_where() -> None:
    """The path begins at the request that was sent."""
    assert CONVERTER.decode_count_request is not None
    for body, path in (
        ({"generateContentRequest": 1}, "generateContentRequest"),
        ({"generateContentRequest": {}}, "generateContentRequest.contents"),
    ):
        with pytest.raises(Malformed) as caught:
            CONVERTER.decode_count_request(WireRequest(body, model="m"))
        assert caught.value.path == path


def test_a_count_reads_all_that_a_generation_would() -> None:
    """System prompt and tools too; settings do not count."""
    assert CONVERTER.encode_count_request is not None
    sent = CONVERTER.encode_count_request(foreign(user("Hello"), tools=(WEATHER,), max_output_tokens=9), target(GEMINI_25))
    inner = sent.wire.body["generateContentRequest"]
    assert sent.wire.path == "/v1beta/models/gemini-x:countTokens"
    assert (inner.keys(), inner["model"]) == ({"model", "contents", "tools"}, "models/gemini-x")
    assert told(sent.losses) == []


def test_the_count_comes_back() -> None:
    """Under its only name."""
    assert CONVERTER.encode_count_reply is not None
    assert CONVERTER.decode_count_reply is not None
    assert client(CONVERTER.encode_count_reply(7)).models.count_tokens(model="m", contents="Hello").total_tokens == 7
    assert CONVERTER.decode_count_reply({"totalTokens": 7, "promptTokensDetails": []}) == 7
    with pytest.raises(Malformed):
        CONVERTER.decode_count_reply({})


def test_models() -> None:
    """With their collection, and without it where we read them."""
    entries = [ModelEntry("gemini-x", context_window=1000, max_output=10), ModelEntry("a/b")]
    listed = CONVERTER.encode_models(entries)
    models = list(client(listed).models.list())
    assert [(model.name, model.input_token_limit, model.output_token_limit) for model in models] == [
        ("models/gemini-x", 1000, 10),
        ("models/a/b", None, None),
    ]
    assert CONVERTER.decode_models(listed) == ["gemini-x", "a/b"]
    assert CONVERTER.decode_models({"models": [1, {"name": 2}, {"name": "tunedModels/t"}]}) == ["tunedModels/t"]
    assert CONVERTER.decode_models({}) == []
    for body in ({"models": 1}, [], None):
        with pytest.raises(Malformed):
            CONVERTER.decode_models(body)


def test_chunks_are_framed_in_both_ways() -> None:
    """Bare ``data:`` lines with ``alt=sse``, else elements of one array, which may be empty."""
    events = [WireEvent(None, {"a": "é"}), WireEvent(None, {"b": 2})]
    assert [CONVERTER.frame(event) for event in events] == ['data: {"a":"é"}\r\n\r\n'.encode(), b'data: {"b":2}\r\n\r\n']
    framing = ArrayFraming()
    assert json.loads(b"".join([*(framing.frame(event) for event in events), framing.end()])) == [{"a": "é"}, {"b": 2}]
    assert ArrayFraming().end() == b"[]"
    assert CONVERTER.ping is None
