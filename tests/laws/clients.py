"""The four clients as far as the laws need them: how each reads an answer, streamed or whole, and how it sends it back with the results of its tools."""

from __future__ import annotations

import copy
import json
from typing import Any, assert_never

from rosetta.converters import CONVERTERS
from rosetta.converters.converter import WireRequest
from rosetta.fold import unfold
from rosetta.ir.parts import Format
from rosetta.ir.response import Response
from tests.laws import wires

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def answered(client: Format, answer: Response, *, streamed: bool) -> Any:
    """What the client keeps of an answer: an assistant message, a list of items, a model content."""
    if not streamed:
        return _kept(client, CONVERTERS[client].encode_response(answer, wires.reply(client)).value)
    return _accumulated(client, [data for _, data in wires.through_bytes(client, wires.encoded_stream(client, unfold(answer)))])


def _kept(client: Format, body: dict[str, Any]) -> Any:
    match client:
        case "openai_chat":
            return {key: value for key, value in body["choices"][0]["message"].items() if value is not None or key == "content"}
        case "openai_responses":
            return body["output"]
        case "anthropic":
            return {"role": "assistant", "content": body["content"]}
        case "google_genai":
            return body["candidates"][0]["content"]
        case _:
            assert_never(client)


def _accumulated(client: Format, events: list[Any]) -> Any:
    match client:
        case "openai_chat":
            return _accumulated_chat(events)
        case "openai_responses":
            return [event["item"] for event in events if event["type"] == "response.output_item.done"]
        case "anthropic":
            return {"role": "assistant", "content": _accumulated_blocks(events)}
        case "google_genai":
            return {
                "role": "model",
                "parts": [part for chunk in events for part in chunk["candidates"][0].get("content", {}).get("parts", ())],
            }
        case _:
            assert_never(client)


def _accumulated_chat(chunks: list[Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None}
    for chunk in chunks:
        for choice in (chunk or {}).get("choices", ()):
            delta = choice["delta"]
            for key in ("content", "reasoning_content"):
                if delta.get(key):
                    message[key] = (message.get(key) or "") + delta[key]
            for piece in delta.get("tool_calls", ()):
                calls = message.setdefault("tool_calls", [])
                if piece["index"] == len(calls):
                    calls.append(copy.deepcopy({key: value for key, value in piece.items() if key != "index"}))
                else:
                    calls[piece["index"]]["function"]["arguments"] += piece["function"]["arguments"]
    return message


def _accumulated_blocks(events: list[Any]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    arguments = ""
    for event in events:
        if event["type"] == "content_block_start":
            blocks.append(dict(event["content_block"]))
            arguments = ""
        elif event["type"] == "content_block_delta":
            delta, block = event["delta"], blocks[-1]
            match delta["type"]:
                case "text_delta":
                    block["text"] += delta["text"]
                case "thinking_delta":
                    block["thinking"] += delta["thinking"]
                case "signature_delta":
                    block["signature"] = delta["signature"]
                case "input_json_delta":
                    arguments += delta["partial_json"]
        elif event["type"] == "content_block_stop" and blocks[-1]["type"] == "tool_use":
            blocks[-1]["input"] = json.loads(arguments or "{}")
    return blocks


def retouched(client: Format, kept: Any) -> Any:
    """The same, after a client that tidies the thoughts it shows: their visible text is another."""
    kept = copy.deepcopy(kept)
    match client:
        case "openai_chat":
            if "reasoning_content" in kept:
                kept["reasoning_content"] = "tidied"
        case "openai_responses":
            for item in kept:
                if item["type"] == "reasoning" and item["summary"]:
                    item["summary"] = [{"type": "summary_text", "text": "tidied"}]
        case "anthropic":
            for block in kept["content"]:
                if block["type"] == "thinking" and block["thinking"]:
                    block["thinking"] = "tidied"
        case "google_genai":
            for part in kept["parts"]:
                if part.get("thought"):
                    part["text"] = "tidied"
        case _:
            assert_never(client)
    return kept


def next_request(client: Format, rounds: list[Any]) -> WireRequest:
    """The client's request after these answers, each followed by the results of its calls."""
    match client:
        case "openai_chat":
            messages: list[Any] = [{"role": "user", "content": "Begin."}]
            for kept in rounds:
                messages.append(kept)
                messages.extend({"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in kept["tool_calls"])
            tools: list[Any] = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("f", "g")]
            return WireRequest({"model": wires.MODEL, "messages": messages, "tools": tools})
        case "openai_responses":
            items: list[Any] = [{"role": "user", "content": "Begin."}]
            for kept in rounds:
                items.extend(kept)
                items.extend(
                    {"type": "function_call_output", "call_id": item["call_id"], "output": "done"}
                    for item in kept
                    if item["type"] == "function_call"
                )
            tools = [{"type": "function", "name": name, "parameters": SCHEMA, "strict": False} for name in ("f", "g")]
            return WireRequest(
                {"model": wires.MODEL, "input": items, "tools": tools, "store": False, "include": ["reasoning.encrypted_content"]}
            )
        case "anthropic":
            messages = [{"role": "user", "content": "Begin."}]
            for kept in rounds:
                messages.append(kept)
                results = [
                    {"type": "tool_result", "tool_use_id": block["id"], "content": "done"}
                    for block in kept["content"]
                    if block["type"] == "tool_use"
                ]
                messages.append({"role": "user", "content": results})
            tools = [{"name": name, "input_schema": SCHEMA} for name in ("f", "g")]
            return WireRequest(
                {"model": wires.MODEL, "max_tokens": 4096, "messages": messages, "tools": tools},
                headers={"anthropic-version": "2023-06-01"},
            )
        case "google_genai":
            contents: list[Any] = [{"role": "user", "parts": [{"text": "Begin."}]}]
            for kept in rounds:
                contents.append(kept)
                answers = []
                for part in kept["parts"]:
                    if "functionCall" in part:
                        call = part["functionCall"]
                        answers.append(
                            {
                                "functionResponse": {
                                    **{key: call[key] for key in ("id", "name") if key in call},
                                    "response": {"output": "done"},
                                }
                            }
                        )
                contents.append({"role": "user", "parts": answers})
            tools = [{"functionDeclarations": [{"name": name, "parametersJsonSchema": SCHEMA} for name in ("f", "g")]}]
            return WireRequest({"contents": contents, "tools": tools}, model=wires.MODEL, stream=True)
        case _:
            assert_never(client)
