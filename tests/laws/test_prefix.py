"""The law of the prefix: the request for a conversation begins with the request for its beginning, so that a provider's prompt cache stays warm."""

from __future__ import annotations

import itertools
import json
from typing import Any, assert_never

import msgspec
import pytest

from rosetta.converters import CONVERTERS
from rosetta.converters.converter import WireRequest
from rosetta.ir.parts import FORMATS, Format, Text
from rosetta.ir.request import Turn
from tests.laws import clients, wires
from tests.laws.test_losses import SCHEMA
from tests.laws.test_seals import spoken

TURNS: dict[Format, str] = {"openai_chat": "messages", "openai_responses": "input", "anthropic": "messages", "google_genai": "contents"}
"""Where each wire has its conversation."""
PIXEL = "iVBORw0KGgo="


def long_conversation(source: Format) -> tuple[dict[str, Any], list[Any], list[int]]:
    """(request without its turns, the turns, the ends at which a client asks): words, pictures, calls alone and in pairs, refusals, late rules."""
    arguments = '{"city": "Oslo",  "n": 1.50}'
    match source:
        case "openai_chat":
            call = {"type": "function", "function": {"name": "weather", "arguments": arguments}}
            turns: list[Any] = [
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": "I look.", "tool_calls": [{"id": "c1", **call}, {"id": "c2", **call}]},
                {"role": "tool", "tool_call_id": "c2", "content": "cold"},
                {"role": "tool", "tool_call_id": "c1", "content": '{"t": -3}'},
                {"role": "assistant", "content": "Cold.", "reasoning_content": "Hm."},
                {"role": "user", "content": [{"type": "text", "text": "See."}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]},
                {"role": "assistant", "content": None, "refusal": "I will not."},
                {"role": "system", "content": "Be brief from now on."},
                {"role": "user", "content": "And now?"},
                {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", **call}]},
                {"role": "tool", "tool_call_id": "c1", "content": ""},
                {"role": "assistant", "content": "Warm."},
                {"role": "user", "content": "Well?"},
            ]  # fmt: skip
            tools: list[Any] = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
            return {"model": wires.MODEL, "tools": tools}, turns, [1, 4, 6, 9, 11, 13]
        case "openai_responses":
            call = {"type": "function_call", "name": "weather", "arguments": arguments}
            turns = [
                {"role": "user", "content": "Weather?"},
                {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "c2VhbA=="},
                {"role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
                {**call, "call_id": "c1"},
                {**call, "call_id": "c2"},
                {"type": "function_call_output", "call_id": "c2", "output": "cold"},
                {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "-3"}, {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}]},
                {"role": "assistant", "content": [{"type": "output_text", "text": "Cold."}]},
                {"role": "developer", "content": "Be brief from now on."},
                {"role": "user", "content": "And now?"},
                {"type": "custom_tool_call", "call_id": "c3", "name": "patch", "input": "*** Begin"},
                {"type": "custom_tool_call_output", "call_id": "c3", "output": "ok"},
                {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
                {"role": "user", "content": "Well?"},
            ]  # fmt: skip
            tools = [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}, {"type": "custom", "name": "patch"}]
            return {"model": wires.MODEL, "tools": tools, "store": False}, turns, [1, 7, 10, 12, 14]
        case "anthropic":
            use = {"type": "tool_use", "name": "weather", "input": {"city": "Oslo"}}
            turns = [
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}, {"type": "text", "text": "I look."}, {"id": "c1", **use}, {"id": "c2", **use}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c2", "content": "cold", "is_error": True}, {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}]}]},
                {"role": "assistant", "content": "Cold."},
                {"role": "user", "content": [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "The words."}}, {"type": "text", "text": "See."}]},
                {"role": "system", "content": "Be brief from now on."},
                {"role": "assistant", "content": [{"id": "c3", **use}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c3"}, {"type": "text", "text": "Quickly."}]},
                {"role": "assistant", "content": "Done."},
                {"role": "user", "content": "Well?"},
            ]  # fmt: skip
            tools = [{"name": "weather", "input_schema": SCHEMA}]
            return {"model": wires.MODEL, "max_tokens": 500, "tools": tools}, turns, [1, 3, 6, 8, 10]
        case "google_genai":
            made = {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}}
            turns = [
                {"role": "user", "parts": [{"text": "Weather?"}]},
                {"role": "model", "parts": [{"text": "Hm.", "thought": True}, {"text": "I look."}, {**made, "thoughtSignature": "c2ln"}, made]},
                {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"output": "cold"}}}, {"functionResponse": {"name": "weather", "response": {"t": -3}}}]},
                {"role": "model", "parts": [{"text": "Cold."}]},
                {"role": "user", "parts": [{"text": "See."}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}]},
                {"role": "model", "parts": [made]},
                {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {}}}]},
                {"role": "model", "parts": [{"text": "Done."}]},
                {"role": "user", "parts": [{"text": "Well?"}]},
            ]  # fmt: skip
            return {"tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}]}, turns, [1, 3, 5, 7, 9]
        case _:
            assert_never(source)


def encoded(source: Format, body: dict[str, Any], target: Format, **dialect: Any) -> dict[str, Any]:
    headers = {"anthropic-version": "2023-06-01"} if source == "anthropic" else {}
    request = CONVERTERS[source].decode_request(WireRequest(body, headers, wires.MODEL if source == "google_genai" else None)).value
    sent: dict[str, Any] = CONVERTERS[target].encode_request(request, wires.target(target, **dialect)).wire.body
    return sent


def assert_prefix(earlier: dict[str, Any], later: dict[str, Any], key: str) -> None:
    """All that a cache reads before the new turns is the same, byte by byte."""
    begun = later[key][: len(earlier[key])]
    assert json.dumps(earlier[key]) == json.dumps(begun)
    ahead = ("system", "systemInstruction", "instructions", "tools")
    assert json.dumps({name: earlier.get(name) for name in ahead}) == json.dumps({name: later.get(name) for name in ahead})


NARROW: dict[Format, list[dict[str, Any]]] = {
    "openai_chat": [{}, {"mid_system": "user", "custom_tools": False, "call_ids": "mistral", "alternate": True, "after_tool_user": False}],
    "openai_responses": [{}, {"mid_system": "user", "system_items": False, "custom_tools": False, "namespaces": False}],
    "anthropic": [{}, {"mid_system": False, "prefill": False}],
    "google_genai": [{}, {"schemas": "openapi", "call_ids": False, "result_media": False}],
}
"""For each target the servers that take everything, and those that take little."""


@pytest.mark.parametrize(("target", "dialect"), [(target, dialect) for target in FORMATS for dialect in NARROW[target]])
@pytest.mark.parametrize("source", FORMATS)
def test_a_conversation_grows_at_its_end(source: Format, target: Format, dialect: dict[str, Any]) -> None:
    """Turn by turn, the earlier request is the beginning of the later one."""
    settings, turns, ends = long_conversation(source)
    requests = [encoded(source, {**settings, TURNS[source]: turns[:end]}, target, **dialect) for end in ends]
    for earlier, later in itertools.pairwise(requests):
        assert len(later[TURNS[target]]) > len(earlier[TURNS[target]])
        assert_prefix(earlier, later, TURNS[target])


@pytest.mark.parametrize("source", FORMATS)
def test_gemini_3_keeps_its_prefix_when_the_user_speaks_again(source: Format) -> None:
    """The calls of a turn that is over are said as they were when it was the current one."""
    settings, turns, ends = long_conversation(source)
    requests = [encoded(source, {**settings, TURNS[source]: turns[:end]}, "google_genai", signatures="required") for end in ends]
    for earlier, later in itertools.pairwise(requests):
        assert_prefix(earlier, later, "contents")


RECORDED = [
    (format, name.removesuffix("-1"))
    for format, name in wires.files("requests")
    if name.endswith("-1") and not name.startswith("documented")
]


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize(("source", "name"), RECORDED, ids=wires.case_id)
def test_real_clients_keep_their_prefix(source: Format, name: str, target: Format) -> None:
    """Of two requests which a real client sent one after the other, where it kept its own prefix, we keep it too."""
    first, second = (wires.wire_request(source, f"{name}-{number}").body for number in (1, 2))
    key = TURNS[source]
    if isinstance(first[key], str) or second[key][: len(first[key])] != first[key]:
        pytest.skip("the client itself rewrote what it had said")
    if source != target and any(isinstance(turn, dict) and turn.get("type") == "item_reference" for turn in second[key]):
        pytest.skip("the client points to what another provider keeps")
    assert_prefix(encoded(source, first, target), encoded(source, second, target), TURNS[target])


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("client", "provider"), [(client, provider) for client in FORMATS for provider in FORMATS])
def test_a_tool_loop_with_thoughts_grows_at_its_end(client: Format, provider: Format, streamed: bool) -> None:
    """Sealed thoughts and calls which came through a client of any wire are said to their maker in the same bytes round after round, and after the
    next question of the user."""
    kept: list[Any] = []
    before: dict[str, Any] | None = None
    for number in range(1, 4):
        said = CONVERTERS[provider].decode_response(spoken(provider, number, calls=2), wires.ticket(provider)).value
        kept.append(clients.answered(client, said, streamed=streamed))
        request = CONVERTERS[client].decode_request(clients.next_request(client, kept)).value
        body = CONVERTERS[provider].encode_request(request, wires.target(provider)).wire.body
        if before is not None:
            assert_prefix(before, body, TURNS[provider])
        before = body
    told = (Turn("assistant", (Text("Done."),)), Turn("user", (Text("And now?"),)))
    further = msgspec.structs.replace(request, turns=(*request.turns, *told))
    assert before is not None
    assert_prefix(before, CONVERTERS[provider].encode_request(further, wires.target(provider)).wire.body, TURNS[provider])
