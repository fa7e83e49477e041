"""Whatever JSON comes in, what goes out is a value of ours, or Malformed, or a failure in words."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rosetta.converters.converter import Malformed, Unsupported, UpstreamFailed, WireRequest
from rosetta.converters.openai_responses import CONVERTER
from rosetta.ir.events import End, Failed
from rosetta.ir.request import Request
from tests.converters.openai_responses.surroundings import OPENAI, PLAIN, reply, target, ticket

KEYS = st.sampled_from(
    [
        "type",
        "role",
        "content",
        "text",
        "id",
        "call_id",
        "name",
        "namespace",
        "arguments",
        "input",
        "output",
        "tools",
        "tool_choice",
        "parameters",
        "format",
        "summary",
        "encrypted_content",
        "status",
        "phase",
        "annotations",
        "image_url",
        "file_data",
        "reasoning",
        "effort",
        "include",
        "item",
        "response",
        "delta",
        "output_index",
        "item_id",
        "content_index",
        "error",
        "usage",
        "part",
    ]
)
WORDS = st.sampled_from(
    [
        "message",
        "user",
        "assistant",
        "system",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "reasoning",
        "additional_tools",
        "configuration_update",
        "item_reference",
        "compaction",
        "input_text",
        "output_text",
        "refusal",
        "input_image",
        "input_file",
        "input_audio",
        "function",
        "custom",
        "namespace",
        "web_search",
        "allowed_tools",
        "auto",
        "required",
        "json_schema",
        "rst1.e30",
        "response.created",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.delta",
        "response.function_call_arguments.delta",
        "response.completed",
        "response.failed",
        "error",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | WORDS | st.text(max_size=3)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=5)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.lists(OBJECTS, max_size=4) | JSON, st.lists(OBJECTS, max_size=3) | JSON, OBJECTS)
def test_any_request_is_a_request_or_malformed(given_input: Any, tools: Any, rest: dict[str, Any]) -> None:
    """And any request can be said again, to a server that knows all and to one that knows little."""
    try:
        request = CONVERTER.decode_request(WireRequest({"model": "m", **rest, "input": given_input, "tools": tools})).value
    except Malformed:
        return
    assert isinstance(request, Request)
    for dialect in (OPENAI, PLAIN):
        try:
            sent = CONVERTER.encode_request(request, target(dialect))
        except Unsupported:
            continue
        CONVERTER.decode_request(WireRequest(sent.wire.body | {"input": sent.wire.body.get("input") or "x"}))


@settings(derandomize=True, deadline=None, max_examples=120)
@given(OBJECTS, st.lists(OBJECTS, max_size=4) | JSON)
def test_any_answer_is_an_answer_or_a_failure(body: dict[str, Any], output: Any) -> None:
    """And any answer can be told to a client."""
    try:
        answer = CONVERTER.decode_response({**body, "output": output}, ticket()).value
    except (Malformed, UpstreamFailed):
        return
    assert CONVERTER.encode_response(answer, reply()).value["object"] == "response"


@settings(derandomize=True, deadline=None, max_examples=120)
@given(st.lists(OBJECTS | JSON, max_size=5))
def test_any_stream_ends_in_words(events: list[Any]) -> None:
    """Nothing is raised, and one terminal event comes last; the client's stream ends as well."""
    decoder, encoder = CONVERTER.stream_decoder(ticket()), CONVERTER.stream_encoder(reply())
    found = [event for data in events for event in decoder.feed(None, data)] + decoder.finish()
    assert [type(event) for event in found if isinstance(event, End | Failed)] == [type(found[-1])]
    wire = [event for data in found for event in encoder.feed(data)] + encoder.finish()
    assert wire[-1].event in {"response.completed", "response.incomplete", "response.failed"}
