"""The law of places: in an answer that thinks, speaks and calls in turns, each state comes back to the very part it came with."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from rosetta.ir.parts import FORMATS, Format
from tests.laws import wires
from tests.laws.test_seals import looped

Shape = tuple[Any, ...]

# R thinks, sealed; E a state without words; T says; t says, signed; C calls; S calls, signed.
ORDERS: dict[Format, tuple[str, ...]] = {
    "openai_responses": ("RTC", "RCRC", "RCC", "TRC", "RTRC", "ERC", "RRC", "RCTRC", "REC", "RTCRTC", "CRC", "EC", "ETC", "RETC"),
    "anthropic": ("RTC", "RCRC", "RCC", "TRC", "RTRC", "ERC", "RRC", "RCTRC", "REC", "RTCRTC", "CRC", "EC", "ETC", "RETC", "RERC"),
    "google_genai": ("S", "TS", "tC", "tS", "SC", "SS", "SCS", "tSS", "StC", "TSTS"),
}


def said(provider: Format, kind: str, number: int) -> Any:
    """One part of an answer."""
    state, thought, words = base64.b64encode(f"state {number} +/?".encode()).decode(), f"think {number}", f"text {number}."
    match provider, kind:
        case "openai_responses", "R" | "E":
            summary = [{"type": "summary_text", "text": thought}] if kind == "R" else []
            return {"type": "reasoning", "id": f"rs_{number}", "summary": summary, "encrypted_content": state}
        case "openai_responses", "T":
            content = [{"type": "output_text", "text": words, "annotations": []}]
            return {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": content}
        case "openai_responses", _:
            return {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": "f", "arguments": '{"a": 1}'}
        case "anthropic", "R":
            return {"type": "thinking", "thinking": thought, "signature": state}
        case "anthropic", "E":
            return {"type": "redacted_thinking", "data": state}
        case "anthropic", "T":
            return {"type": "text", "text": words}
        case "anthropic", _:
            return {"type": "tool_use", "id": f"toolu_{number}", "name": "f", "input": {"a": 1}}
    part: dict[str, Any] = {"text": words}
    if kind in "CS":
        part = {"functionCall": {"id": f"call_{number}", "name": "f", "args": {"a": 1}}}
    return part | ({"thoughtSignature": state} if kind in "tS" else {})


def answer(provider: Format, parts: list[Any]) -> dict[str, Any]:
    match provider:
        case "openai_responses":
            return {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed", "output": parts}
        case "anthropic":
            usage = {"input_tokens": 1, "output_tokens": 1}
            body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": parts, "usage": usage}
            return {**body, "stop_reason": "tool_use", "stop_sequence": None}
        case _:
            candidate = {"index": 0, "content": {"role": "model", "parts": parts}, "finishReason": "STOP"}
            return {"candidates": [candidate], "modelVersion": "m", "responseId": "r"}


def shape(part: Any) -> Shape:
    """What a part is, with its state."""
    kind = part.get("type")
    if kind in ("reasoning", "thinking", "redacted_thinking"):
        words = json.dumps(part.get("summary", part.get("thinking", "")))
        return "state", part.get("encrypted_content") or part.get("signature") or part.get("data"), words
    if kind in ("function_call", "tool_use"):
        return "call", part.get("call_id") or part.get("id")
    if "functionCall" in part:
        return "call", part["functionCall"]["id"], part.get("thoughtSignature")
    text = part.get("text", part.get("content"))
    return "text", text if isinstance(text, str) else "".join(each["text"] for each in text), part.get("thoughtSignature")


def sent_parts(provider: Format, body: dict[str, Any]) -> list[Any]:
    """The model's parts in a request."""
    match provider:
        case "openai_responses":
            return [item for item in body["input"] if item.get("type") in ("reasoning", "function_call") or item.get("role") == "assistant"]
        case "anthropic":
            return [block for message in body["messages"] if message["role"] == "assistant" for block in message["content"]]
        case _:
            return [part for content in body["contents"] if content["role"] == "model" for part in content["parts"]]


def with_state(shapes: list[Shape]) -> list[Shape]:
    keeps: Callable[[Shape], bool] = lambda one: one[0] == "state" or (len(one) > 2 and one[2] is not None)  # noqa: E731 - typed
    return [one for one in shapes if keeps(one)]


CASES = [
    (provider, order, client, streamed, tidied)
    for provider, orders in ORDERS.items()
    for order in orders
    for client in FORMATS
    for streamed in (False, True)
    for tidied in (False, True)
    if client != provider or not (streamed or tidied)  # between two of one wire the bytes are relayed
]


@pytest.mark.parametrize(("provider", "order", "client", "streamed", "tidied"), CASES)
def test_each_state_comes_back_to_its_part(provider: Format, order: str, client: Format, streamed: bool, tidied: bool) -> None:
    """Also where the client tidied the thoughts that it shows. A chat message has one text, so there words and calls may change their order."""
    parts = [said(provider, kind, number) for number, kind in enumerate(order)]
    target = wires.target(provider, provider="maker", model="m")
    sent = looped(client, provider, [answer(provider, parts)], target, streamed=streamed, tidied=tidied)
    before, after = [shape(part) for part in parts], [shape(part) for part in sent_parts(provider, sent.wire.body)]
    if client == "openai_chat":
        assert sorted(map(repr, with_state(after))) == sorted(map(repr, with_state(before)))
        assert [one[:2] for one in after if one[0] == "call"] == [one[:2] for one in before if one[0] == "call"]
    else:
        assert after == before
    assert [loss for loss in sent.losses if loss.field in ("seal", "reasoning_text")] == []
