"""``detect_format`` on what the four wires really hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

import rosetta

FORMATS = ("openai_chat", "openai_responses", "anthropic", "google_genai")
HELLO = [{"role": "user", "content": "hello"}]
TEXT = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
ANSWER = TEXT | {"choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}
STREAM = (
    b'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n'
    b'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}}
REQUESTS: list[dict[str, Any]] = [
    {"model": "m", "messages": [{"role": "system", "content": "x"}, *HELLO], "max_completion_tokens": 5, "tools": [TOOL]},
    {"model": "m", "messages": [{"role": "system", "content": "x"}, *HELLO], "stop": ["a"], "response_format": {"type": "json_object"}},
    {"model": "m", "messages": HELLO, "temperature": 0.5},
]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("request_body", REQUESTS, ids=["tools", "settings", "plain"])
def test_requests_answers_streams_and_errors_of_each_format(format: str, request_body: dict[str, Any]) -> None:
    """Each made by rosetta's own converters from the chat format."""
    request = rosetta.convert_request(request_body, "openai_chat", format, model="m").value
    assert format == rosetta.detect_format(request)
    assert format == rosetta.detect_format(json.dumps(request))
    answer = rosetta.convert_response(ANSWER, "openai_chat", format).value
    assert format == rosetta.detect_format(answer)
    converter = rosetta.StreamConverter("openai_chat", format)
    stream = converter.feed(STREAM) + converter.finish()
    assert format == rosetta.detect_format(stream)
    for line in stream.split(b"\n"):
        if line.startswith(b"data: {"):
            assert format == rosetta.detect_format(line[6:]), line
    error = rosetta.convert_error({"error": {"message": "no"}}, "openai_chat", format, status=400).value
    assert (format if format != "openai_responses" else "openai_chat") == rosetta.detect_format(error)


@pytest.mark.parametrize(
    ("body", "format"),
    [
        ({"model": "m", "messages": HELLO}, "openai_chat"),
        ({"model": "m", "messages": HELLO, "max_tokens": 5}, "anthropic"),
        ({"model": "m", "messages": [{"role": "system", "content": "x"}], "max_tokens": 5}, "openai_chat"),
        ({"model": "m", "messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}]}, "anthropic"),
        ({"model": "m", "messages": HELLO, "functions": [], "max_tokens": 5}, "openai_chat"),
        ({"contents": []}, "google_genai"),
        ([{"candidates": []}], "google_genai"),
        ({"type": "error", "sequence_number": 1, "code": "x", "message": "y"}, "openai_responses"),
        ({"type": "error", "error": {"type": "api_error", "message": "y"}}, "anthropic"),
        ({"error": {"code": 400, "message": "y", "status": "INVALID_ARGUMENT"}}, "google_genai"),
        (b'event: message_start\ndata: {"type":"message_start"}\n\n', "anthropic"),
        (b': ping\n\ndata: {"choices":[]}\n\n', "openai_chat"),
    ],
    ids=str,
)
def test_what_tells_little(body: Any, format: str) -> None:
    assert format == rosetta.detect_format(json.dumps(body) if isinstance(body, list) else body)


@pytest.mark.parametrize(
    "body", [{}, {"hello": 1}, {"messages": 3}, {"type": 3}, b"", b"[1]", b"data: x\n\n", b": only a comment\n\n"], ids=str
)
def test_what_is_none_of_them(body: Any) -> None:
    with pytest.raises(ValueError, match="no request"):
        rosetta.detect_format(body)


def test_what_is_no_json() -> None:
    with pytest.raises(ValueError, match="not JSON"):
        rosetta.detect_format(b"{")
