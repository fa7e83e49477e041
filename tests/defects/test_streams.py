"""Streams that other converters were seen to spoil: indexes, ends, ids, counts, and errors that were told as answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rosetta.ir.parts import FORMATS, Format
from tests.defects.passage import chunk, streamed
from tests.laws import wires

OTHERS: tuple[Format, ...] = ("openai_responses", "anthropic", "google_genai")


def call(index: int, id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {"tool_calls": [{"index": index, **({"id": id, "type": "function"} if id else {}), "function": function}]}


TWO_CALLS = [
    chunk({"role": "assistant", "content": ""}),
    chunk(call(0, "call_a", "f", "")),
    chunk(call(0, None, None, '{"x":')),
    chunk(call(1, "call_b", "g", "")),
    chunk(call(1, None, None, '{"y":2}')),
    chunk(call(0, None, None, "1}")),
    chunk({}, "tool_calls"),
    "[DONE]",
]
TEXT = [chunk({"role": "assistant", "content": "Hel"}), chunk({"content": "lo"}), chunk({}, "stop")]


def kinds(events: list[tuple[str | None, Any]]) -> list[Any]:
    return [data.get("type") if data else None for _, data in events]


def of_kind(events: list[tuple[str | None, Any]], kind: str) -> list[Any]:
    return [data for _, data in events if data and data.get("type") == kind]


def test_each_block_of_a_claude_has_its_own_index_and_one_end() -> None:
    """Two calls got one index and no stop between: the SDK lost the first one's arguments."""
    events = streamed("openai_chat", "anthropic", *TWO_CALLS)
    starts, stops = of_kind(events, "content_block_start"), of_kind(events, "content_block_stop")
    assert [0, 1] == [event["index"] for event in starts] == [event["index"] for event in stops]
    assert ["call_a", "call_b"] == [event["content_block"]["id"] for event in starts]
    arguments = ["", ""]
    for event in of_kind(events, "content_block_delta"):
        arguments[event["index"]] += event["delta"]["partial_json"]
    assert ['{"x":1}', '{"y":2}'] == arguments


@pytest.mark.parametrize("target", FORMATS)
def test_an_end_needs_no_usage(target: Format) -> None:
    """Many local servers send no usage chunk: their streams had no end for Anthropic and Responses clients."""
    events = streamed("openai_chat", target, *TEXT, "[DONE]")
    last = events[-1]
    match target:
        case "openai_chat":
            assert last[1] is None
        case "openai_responses":
            assert "response.completed" == last[0]
        case "anthropic":
            assert ["message_delta", "message_stop"] == kinds(events)[-2:]
        case _:
            assert "STOP" == last[1]["candidates"][0]["finishReason"]


@pytest.mark.parametrize("target", FORMATS)
def test_a_stream_that_was_cut_has_an_error_and_no_end(target: Format) -> None:
    """It looked complete, chat's even with ``[DONE]``."""
    events = streamed("openai_chat", target, *TEXT[:2])
    last = events[-1][1]
    assert last is not None
    assert last.get("error") or "response.failed" == last["type"]
    assert "message_stop" not in kinds(events)


BEGUN = {"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {"input_tokens": 1, "output_tokens": 1}}}  # fmt: skip
CLAUDE_TEXT = [
    BEGUN,
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
]
RESPONSE = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "in_progress", "output": []}
RESPONSES_TEXT = [
    {"type": "response.created", "response": RESPONSE},
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "id": "msg_1", "role": "assistant", "content": []}},
    {"type": "response.content_part.added", "item_id": "msg_1", "output_index": 0, "content_index": 0, "part": {"type": "output_text", "text": ""}},
    {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "Hel"},
]  # fmt: skip
FAILURES: dict[str, tuple[Format, list[Any]]] = {
    "an error event": ("anthropic", [*CLAUDE_TEXT, {"type": "error", "error": {"type": "overloaded_error", "message": "Too busy."}}]),
    "an error": ("openai_responses", [*RESPONSES_TEXT, {"type": "error", "code": "server_error", "message": "Too busy."}]),
    "a failed response": (
        "openai_responses",
        [
            *RESPONSES_TEXT,
            {"type": "response.failed", "response": {**RESPONSE, "status": "failed", "error": {"code": "server_error", "message": "Too busy."}}},
        ],
    ),
    "a bare error": ("openai_chat", [*TEXT[:2], {"error": {"message": "Too busy.", "type": "server_error", "code": None}}]),
    "an error with choices": ("openai_chat", [*TEXT[:2], {**chunk(), "choices": [], "error": {"message": "Too busy."}}]),
    "a google error": (
        "google_genai",
        [
            {"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "Hel"}]}}]},
            {"error": {"code": 503, "message": "Too busy.", "status": "UNAVAILABLE"}},
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("name", FAILURES)
def test_an_error_amid_a_stream_is_told(name: str, target: Format) -> None:
    """They were swallowed, or told as ``completed``, ``stop`` and ``end_turn``."""
    source, events = FAILURES[name]
    told = streamed(source, target, *events)
    assert "Too busy." in json.dumps(told[-1][1])
    text = json.dumps(told)
    for word in ("response.completed", "message_stop", '"end_turn"', '"finishReason"', '"finish_reason": "stop"'):
        assert word not in text


def test_a_block_that_ends_has_begun() -> None:
    """Redacted thoughts got an end without a start."""
    stream = [
        BEGUN,
        {"type": "content_block_start", "index": 0, "content_block": {"type": "redacted_thinking", "data": "c2VhbGVk"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hi."}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]
    events = streamed("anthropic", "anthropic", *stream)
    marks = [(data["type"], data["index"]) for _, data in events if data["type"] in ("content_block_start", "content_block_stop")]
    expected = [(kind, index) for index in (0, 1) for kind in ("content_block_start", "content_block_stop")]
    assert expected == marks


def item(index: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"type": f"response.output_item.{when}", "output_index": index, "item": fields} for when in ("added", "done")]


SAID = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "Hi.", "annotations": []}]}  # fmt: skip
SEALED = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "c2VhbGVk"}
MADE = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}", "status": "completed"}
RESPONSES_ALL = [
    {"type": "response.created", "response": RESPONSE},
    *item(0, **SEALED),
    *item(1, **SAID),
    *item(2, **MADE),
    {"type": "response.completed", "response": {**RESPONSE, "status": "completed", "output": []}},
]


def test_thoughts_words_and_calls_of_a_response_are_three_blocks() -> None:
    """Thoughts and text shared an index, the sealed state was gone, and an empty ``output`` at the end made a call a plain end."""
    events = streamed("openai_responses", "anthropic", *RESPONSES_ALL)
    assert ["thinking", "text", "tool_use"] == [event["content_block"]["type"] for event in of_kind(events, "content_block_start")]
    assert [0, 1, 2] == [event["index"] for event in of_kind(events, "content_block_stop")]
    assert "tool_use" == of_kind(events, "message_delta")[0]["delta"]["stop_reason"]
    (signature,) = [event for event in of_kind(events, "content_block_delta") if event["delta"]["type"] == "signature_delta"]
    assert signature["delta"]["signature"].startswith("rst1.")
    chat = [data for _, data in streamed("openai_responses", "openai_chat", *RESPONSES_ALL) if data and data["choices"]]
    pieces = [piece for data in chat for piece in data["choices"][0]["delta"].get("tool_calls", ())]
    assert {0} == {piece["index"] for piece in pieces}
    assert "tool_calls" == chat[-1]["choices"][0]["finish_reason"]


@pytest.mark.parametrize("source", ["anthropic", "openai_chat"])
def test_items_of_a_response_have_one_place_and_one_end(source: Format) -> None:
    """There were ``done`` events for no item and at index -1, twice, and items that closed only with the stream."""
    events = streamed(source, "openai_responses", *(TWO_CALLS if source == "openai_chat" else CLAUDE_FULL))
    added = [(event["output_index"], event["item"]["id"]) for event in of_kind(events, "response.output_item.added")]
    done = [(event["output_index"], event["item"]["id"]) for event in of_kind(events, "response.output_item.done")]
    assert added == sorted(added, key=lambda place: place[0])
    assert sorted(added) == sorted(done)
    assert len(added) == len({index for index, _ in added})
    assert done == [(index, kept["id"]) for index, kept in enumerate(events[-1][1]["response"]["output"])]
    for _, data in events:
        assert data.get("output_index", 0) >= 0
        assert data.get("item_id", "x")


CLAUDE_FULL = [
    BEGUN,
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2lnbmVk"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hi."}},
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}},
    {"type": "content_block_stop", "index": 2},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 3}},
    {"type": "message_stop"},
]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    """Codex parses them as JSON, and ``""`` is none."""
    chat = streamed("anthropic", "openai_chat", *CLAUDE_FULL)
    pieces = [piece for _, data in chat if data for choice in data["choices"] for piece in choice["delta"].get("tool_calls", ())]
    assert "{}" == "".join(piece["function"]["arguments"] for piece in pieces)
    (made,) = [
        data["item"]
        for data in of_kind(streamed("anthropic", "openai_responses", *CLAUDE_FULL), "response.output_item.done")
        if data["item"]["type"] == "function_call"
    ]
    assert "{}" == made["arguments"]


def test_a_chat_client_gets_a_role_a_date_and_only_what_it_asked_for() -> None:
    """No first chunk with the role, ``created: 0``, empty reasoning deltas, and counts that nobody asked for."""
    request = {"model": "m", "messages": [{"role": "user", "content": "Hi."}], "stream": True}
    chunks = [data for _, data in streamed("anthropic", "openai_chat", *CLAUDE_FULL, request=request) if data]
    assert "assistant" == chunks[0]["choices"][0]["delta"]["role"]
    assert all(data["created"] > 0 for data in chunks)
    assert 1 == len({(data["id"], data["created"], data["model"]) for data in chunks})
    assert all(data["choices"] for data in chunks), "no usage chunk was asked for"
    assert "" not in [choice["delta"].get("reasoning_content") for data in chunks for choice in data["choices"]]
    asked = {**request, "stream_options": {"include_usage": True}}
    chunks = [data for _, data in streamed("anthropic", "openai_chat", *CLAUDE_FULL, request=asked) if data]
    assert [] == chunks[-1]["choices"]
    assert 3 == chunks[-1]["usage"]["completion_tokens"]


@pytest.mark.parametrize("target", OTHERS)
def test_an_id_on_every_piece_makes_one_call(target: Format) -> None:
    """Each piece opened a new one."""
    pieces = [chunk(call(0, "call_a", "f", piece)) for piece in ('{"x"', ":1", "}")]
    events = streamed("openai_chat", target, *pieces, chunk({}, "tool_calls"), "[DONE]")
    text = json.dumps(events)
    match target:
        case "openai_responses":
            assert 1 == len(of_kind(events, "response.output_item.added"))
            assert '{"x":1}' == of_kind(events, "response.output_item.done")[0]["item"]["arguments"]
        case "anthropic":
            assert 1 == len(of_kind(events, "content_block_start"))
        case _:
            assert 1 == text.count('"functionCall"')
            assert '"args": {"x": 1}' in text


@pytest.mark.parametrize("target", ["openai_responses", "anthropic"])
def test_two_answers_are_not_stirred_into_one(target: Format) -> None:
    """Where a wire has one answer, it is the first."""
    stream = [
        chunk({"role": "assistant", "content": "AAA"}),
        chunk({"role": "assistant", "content": "BBB"}, index=1),
        chunk({"content": "aaa"}),
        chunk({"content": "bbb"}, index=1),
        chunk({}, "stop"),
        chunk({}, "stop", index=1),
        "[DONE]",
    ]
    text = json.dumps(streamed("openai_chat", target, *stream))
    assert "AAA" in text
    assert "BBB" not in text
    assert "bbb" not in text


@pytest.mark.parametrize("source", FORMATS)
def test_responses_events_are_numbered_and_have_no_done_mark(source: Format) -> None:
    """Most lacked a number, some had a wrong one, and ``[DONE]`` came behind."""
    converter_events = streamed(source, "openai_responses", *_stream_of(source))
    assert list(range(len(converter_events))) == [data["sequence_number"] for _, data in converter_events]
    assert all(name == data["type"] for name, data in converter_events)


def _stream_of(source: Format) -> list[Any]:
    return ["[DONE]" if data is None else data for _, data in wires.parsed(wires.stream(source, "scripted-think"))]


def test_every_responses_event_is_valid_to_the_official_types() -> None:
    """Three of nineteen had wrong names of parts or lacked a required count."""
    from openai.types.responses import ResponseStreamEvent
    from pydantic import TypeAdapter

    adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    for source in FORMATS:
        for _, data in streamed(source, "openai_responses", *_stream_of(source)):
            assert data["type"] == adapter.validate_python(data).type
            if data["type"] == "response.completed":
                assert {"cached_tokens", "cache_write_tokens"} <= set(data["response"]["usage"]["input_tokens_details"])


def test_a_geminis_counts_come_at_the_end_however_late_they_were() -> None:
    """Upstream usage in a chunk after the finish was told as zeros."""
    late = {**chunk(), "choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}}
    last = streamed("openai_chat", "google_genai", *TEXT, late, "[DONE]")[-1][1]
    assert [100, 20, 120] == [last["usageMetadata"][name] for name in ("promptTokenCount", "candidatesTokenCount", "totalTokenCount")]


def test_a_claude_is_told_how_much_it_read() -> None:
    """An input of 0 stops Claude Code from compacting until its context bursts: the start has an estimate, the end the truth."""
    late = {**chunk(), "choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, "prompt_tokens_details": {"cached_tokens": 80}}}  # fmt: skip
    events = streamed("openai_chat", "anthropic", *TEXT, late, "[DONE]")
    assert "input_tokens" in events[0][1]["message"]["usage"]
    usage = of_kind(events, "message_delta")[0]["usage"]
    assert [20, 80, 20] == [usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]]


def test_pieces_of_one_stream_share_one_id() -> None:
    """Each chunk had a new one."""
    for source in FORMATS:
        chunks = [data for _, data in streamed(source, "openai_chat", *_stream_of(source)) if data]
        assert 1 == len({data["id"] for data in chunks})
        google = [data for _, data in streamed(source, "google_genai", *_stream_of(source))]
        assert 1 == len({data["responseId"] for data in google})


@pytest.mark.parametrize("source", FORMATS)
def test_no_text_is_told_twice(source: Format) -> None:
    """The whole text came again with the end."""
    events = streamed(source, "openai_chat", *_stream_of(source))
    said = "".join(choice["delta"].get("content") or "" for _, data in events if data for choice in data["choices"])
    assert "Reading." == said


def test_text_and_finish_may_come_in_one_chunk() -> None:
    """A whole column of one gateway's tests failed of it: the text was lost."""
    only = {"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "Hi."}]}, "finishReason": "STOP"}]}
    for target in FORMATS:
        assert "Hi." in json.dumps(streamed("google_genai", target, only))


def test_parallel_calls_at_one_index_are_two() -> None:
    """Some servers send every call at index 0."""
    stream = [chunk(call(0, "call_a", "f", "{}")), chunk(call(0, "call_b", "g", "{}")), chunk({}, "tool_calls"), "[DONE]"]
    starts = of_kind(streamed("openai_chat", "anthropic", *stream), "content_block_start")
    assert [("call_a", "f"), ("call_b", "g")] == [(event["content_block"]["id"], event["content_block"]["name"]) for event in starts]
