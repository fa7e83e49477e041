"""The grammars of streams, as checks: of IR events (``rosetta.ir.events``), and of each wire as its clients demand it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, assert_never

from rosetta.converters.converter import WireEvent
from rosetta.ir.events import (
    ArgumentsDelta,
    BlockData,
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    End,
    Event,
    Failed,
    LogprobsDelta,
    OpaqueEvent,
    ReasoningDelta,
    RefusalDelta,
    SealDelta,
    Start,
    TextDelta,
    UsageUpdate,
)
from rosetta.ir.parts import Format


def check_events(events: Sequence[Event]) -> None:
    """The grammar of ``rosetta.ir.events``: one start, numbered blocks, deltas of their kind into open blocks, one terminal event."""
    assert events, "a stream tells at least how it ended"
    if not isinstance(events[0], Failed):
        assert isinstance(events[0], Start), events[0]
    blocks: list[BlockStart] = []
    open_blocks: set[int] = set()
    filled: set[int] = set()
    ended_choices: set[int] = set()
    for position, event in enumerate(events):
        last = position == len(events) - 1
        match event:
            case Start():
                assert position == 0
            case BlockStart():
                assert event.block == len(blocks), "blocks count up from 0"
                assert event.choice not in ended_choices, "a choice that ended begins no block"
                if event.kind == "tool_call":
                    assert event.id
                    assert event.name
                blocks.append(event)
                open_blocks.add(event.block)
            case TextDelta() | RefusalDelta() | ReasoningDelta() | ArgumentsDelta():
                assert event.block in open_blocks, event
                assert event.text, "no delta is empty"
                assert blocks[event.block].kind == _KIND_OF_DELTA[type(event)], (blocks[event.block], event)
            case SealDelta():
                assert event.block in open_blocks, event
                kind = blocks[event.block].kind
                assert kind == "reasoning" or (kind == "text" and event.seal.bound == "part"), (kind, event)
            case CitationDelta():
                assert event.block in open_blocks, event
                assert blocks[event.block].kind == "text"
            case BlockData():
                assert event.block in open_blocks, event
                assert blocks[event.block].kind == "data"
                assert event.block not in filled, "a data block holds one part"
                filled.add(event.block)
            case BlockEnd():
                assert event.block in open_blocks, "each block ends once"
                open_blocks.discard(event.block)
                assert blocks[event.block].kind != "data" or event.block in filled, "a data block holds its part"
            case ChoiceEnd():
                assert event.choice not in ended_choices, "each choice ends once"
                assert not [block for block in open_blocks if blocks[block].choice == event.choice], "its blocks ended before"
                ended_choices.add(event.choice)
            case End():
                assert last, "nothing follows End"
                assert not open_blocks
                assert {block.choice for block in blocks} <= ended_choices
            case Failed():
                assert last, "nothing follows Failed"
                assert event.failure.message, "a failure says what went wrong"
            case UsageUpdate() | LogprobsDelta() | OpaqueEvent():
                pass
            case _:
                assert_never(event)
    assert isinstance(events[-1], End | Failed), "a stream says how it ended"


_KIND_OF_DELTA: dict[type, str] = {TextDelta: "text", RefusalDelta: "refusal", ReasoningDelta: "reasoning", ArgumentsDelta: "tool_call"}


def check_wire(format: Format, wire: Sequence[WireEvent], *, failed: bool) -> None:
    """What the wire's own clients demand of a stream. ``failed``: it must end in the wire's in-stream error, else it must not."""
    assert wire
    match format:
        case "openai_chat":
            _check_chat(wire, failed)
        case "openai_responses":
            _check_responses(wire, failed)
        case "anthropic":
            _check_anthropic(wire, failed)
        case "google_genai":
            _check_google(wire, failed)
        case _:
            assert_never(format)


def _objects(wire: Sequence[WireEvent]) -> list[dict[str, Any]]:
    return [event.data for event in wire if event.data is not None]


def _check_chat(wire: Sequence[WireEvent], failed: bool) -> None:
    assert all(event.event is None for event in wire), "chat streams name no events"
    done = [index for index, event in enumerate(wire) if event.data is None]
    chunks = _objects(wire)
    if failed:
        assert not done, "no [DONE] after an error"
        error = chunks.pop()["error"]
        assert error["message"]
        assert {"type", "code", "param"} <= error.keys()
    else:
        assert done == [len(wire) - 1], "[DONE] is the last word"
    assert not any("error" in chunk for chunk in chunks)
    assert len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) <= 1
    roles: set[int] = set()
    finished: set[int] = set()
    calls: dict[tuple[int, int], str] = {}
    usage = False
    for chunk in chunks:
        assert chunk["object"] == "chat.completion.chunk"
        if not chunk["choices"]:
            assert chunk["usage"]["total_tokens"] == chunk["usage"]["prompt_tokens"] + chunk["usage"]["completion_tokens"]
            assert not usage, "one usage chunk"
            usage = True
            continue
        assert not usage, "the usage chunk is the last"
        for choice in chunk["choices"]:
            index, delta = choice["index"], choice["delta"]
            assert index not in finished, "nothing follows a finish"
            assert ("role" in delta) == (index not in roles), "the role comes once, first"
            roles.add(index)
            assert "finish_reason" in choice, "an explicit null until the finish"
            assert not any(delta.get(key) == "" for key in ("reasoning_content", "reasoning", "refusal"))
            for call in delta.get("tool_calls", ()):
                key = (index, call["index"])
                if key in calls:
                    assert not call.keys() & {"id", "type"}, "id and type come once: clients concatenate"
                    assert call["function"].keys() == {"arguments"}, "the name comes once: clients concatenate"
                else:
                    assert call["index"] == sum(1 for one, _ in calls if one == index), "calls count up from 0"
                    assert call["id"]
                    assert call["type"] in ("function", "custom")
                    calls[key] = call["id"]
            if choice["finish_reason"] is not None:
                finished.add(index)
    if not failed:
        assert roles, "a client sees at least one choice"
        assert roles == finished, "each choice finishes"
        assert len(set(calls.values())) == len(calls)


_RESPONSES_TERMINAL = ("response.completed", "response.incomplete", "response.failed")
_RESPONSES_PARTS = {
    "response.output_text.delta": "output_text",
    "response.refusal.delta": "refusal",
    "response.output_text.annotation.added": "output_text",
}


def _check_responses(wire: Sequence[WireEvent], failed: bool) -> None:
    events = _objects(wire)
    assert len(events) == len(wire), "Responses has no [DONE]"
    assert [event.event for event in wire] == [event["type"] for event in events], "the event line says the type"
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    kinds = [event["type"] for event in events]
    if kinds == ["error"]:
        assert failed
        return
    assert kinds[0] == "response.created"
    assert kinds[1] == "response.in_progress"
    assert [kind for kind in kinds if kind in _RESPONSES_TERMINAL] == kinds[-1:], "one terminal event, the last"
    assert (kinds[-1] == "response.failed") == failed
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    items: dict[int, dict[str, Any]] = {}
    done: dict[int, dict[str, Any]] = {}
    parts: dict[tuple[int, int], str] = {}
    ended: set[tuple[int, int]] = set()
    texts: dict[tuple[str, int, int], str] = {}
    for event in events:
        kind = event["type"]
        if kind == "response.output_item.added":
            assert event["output_index"] == len(items), "items count up from 0 in the order of opening"
            items[event["output_index"]] = event["item"]
            continue
        if "output_index" not in event:
            continue
        index = event["output_index"]
        assert index in items, "an item is added before anything is said of it"
        assert index not in done, "nothing follows an item's done"
        if "item_id" in event:
            assert event["item_id"] == items[index]["id"]
        if kind == "response.output_item.done":
            for field in ("type", "id", "call_id", "name", "namespace"):
                assert event["item"].get(field) == items[index].get(field), f"{field} stays what it was"
            done[index] = event["item"]
            assert {key for key in parts if key[0] == index} == {key for key in ended if key[0] == index}, "each part ends before its item"
            continue
        if kind == "response.content_part.added":
            key = (index, event["content_index"])
            assert key[1] == sum(1 for one in parts if one[0] == index)
            parts[key] = event["part"]["type"]
        elif kind == "response.content_part.done":
            ended.add((index, event["content_index"]))
        elif kind in _RESPONSES_PARTS:
            key = (index, event["content_index"])
            assert parts[key] == _RESPONSES_PARTS[kind], (parts[key], kind)
            assert key not in ended
        stem, _, tail = kind.rpartition(".")
        place = (stem, index, event.get("content_index", event.get("summary_index", 0)))
        if tail == "delta":
            assert event["delta"], "no delta is empty"
            texts[place] = texts.get(place, "") + event["delta"]
        elif tail == "done" and stem != "response.content_part":
            whole = next((event[field] for field in ("text", "refusal", "arguments", "input") if field in event), None)
            if whole is not None:
                assert whole == texts.get(place, ""), "done says what the deltas said"
    final = events[-1]["response"]
    if failed:
        assert final["status"] == "failed"
        assert final["error"]["message"]
        assert final["error"]["code"]
        return
    assert final["status"] == kinds[-1].removeprefix("response.")
    assert (final["incomplete_details"] is not None) == (final["status"] == "incomplete")
    assert list(done) == sorted(done) or set(done) == set(items)
    assert set(done) == set(items), "each item is done"
    assert final["output"] == [done[index] for index in sorted(done)], "the terminal event holds the whole output"
    assert final["usage"] is None or {"input_tokens", "output_tokens", "total_tokens"} <= final["usage"].keys()


_ANTHROPIC_DELTAS = {
    "text": {"text_delta", "citations_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
    "server_tool_use": {"input_json_delta"},
}


def _check_anthropic(wire: Sequence[WireEvent], failed: bool) -> None:
    events = _objects(wire)
    assert len(events) == len(wire), "Messages has no [DONE]"
    assert [event.event for event in wire] == [event["type"] for event in events], "a frame without its name is skipped by clients"
    kinds = [event["type"] for event in events if event["type"] != "ping"]
    if failed:
        assert kinds[-1] == "error"
        assert events[-1]["error"]["type"].endswith("_error")
        assert events[-1]["error"]["message"]
        assert "message_stop" not in kinds
        assert "message_delta" not in kinds, "no polite ending before an error"
        if kinds == ["error"]:
            return
    else:
        assert kinds[-2:] == ["message_delta", "message_stop"]
        assert kinds.count("message_delta") == 1
        assert "error" not in kinds
    assert kinds[0] == "message_start"
    assert kinds.count("message_start") == 1
    message = events[0]["message"]
    assert message["content"] == []
    assert message["stop_reason"] is None
    assert type(message["usage"]["input_tokens"]) is int
    number, open_block, filled = 0, None, False
    signed = False
    for event in events:
        kind = event["type"]
        if kind == "content_block_start":
            assert open_block is None, "one block at a time"
            assert event["index"] == number, "indexes count up without gaps"
            open_block, filled, signed = event["content_block"], False, False
            if open_block["type"] in ("text", "thinking"):
                assert open_block[open_block["type"]] == ""
        elif kind == "content_block_delta":
            assert open_block is not None
            assert event["index"] == number
            delta = event["delta"]
            assert delta["type"] in _ANTHROPIC_DELTAS.get(open_block["type"], {delta["type"]}), (open_block, delta)
            filled = filled or any(delta.get(field) for field in ("text", "thinking", "partial_json", "signature", "citation"))
            assert not (signed and delta["type"] == "thinking_delta"), "the signature comes after the whole text"
            if delta["type"] == "signature_delta":
                assert delta["signature"]
                assert not signed, "one signature"
                signed = True
        elif kind == "content_block_stop":
            assert open_block is not None
            assert event["index"] == number
            if open_block["type"] in ("text", "thinking"):
                assert filled, f"an empty {open_block['type']} block is refused when the client sends it back"
            number += 1
            open_block = None
    if not failed:
        assert open_block is None, "each block stops"
        delta = next(event for event in events if event["type"] == "message_delta")
        assert delta["delta"]["stop_reason"]
        assert type(delta["usage"]["output_tokens"]) is int


def _check_google(wire: Sequence[WireEvent], failed: bool) -> None:
    assert all(event.event is None for event in wire), "an event line breaks Google's clients"
    chunks = _objects(wire)
    assert len(chunks) == len(wire), "[DONE] breaks Google's clients"
    if failed:
        error = chunks.pop()["error"]
        assert type(error["code"]) is int
        assert error["message"]
        assert error["status"]
    assert not any("error" in chunk for chunk in chunks)
    assert len({(chunk["responseId"], chunk["modelVersion"]) for chunk in chunks}) <= 1
    finished: set[int] = set()
    seen: set[int] = set()
    for chunk in chunks:
        for candidate in chunk.get("candidates", ()):
            index = candidate.get("index", 0)
            seen.add(index)
            assert index not in finished, "nothing follows a finish"
            for part in candidate.get("content", {}).get("parts", ()):
                call = part.get("functionCall")
                if call is not None:
                    assert call["name"]
                    assert type(call.get("args", {})) is dict
                if "thoughtSignature" in part:
                    base64.b64decode(part["thoughtSignature"], validate=True)
            if "finishReason" in candidate:
                assert candidate["finishReason"]
                finished.add(index)
    if not failed:
        assert seen or any(chunk.get("promptFeedback", {}).get("blockReason") for chunk in chunks), (
            "a client sees a candidate, or why there is none"
        )
        assert seen == finished, "each candidate finishes"
    else:
        assert not finished, "no polite ending before an error"
