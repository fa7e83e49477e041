"""One hop for tools: bodies and streams from one wire to another, and where the losses are said to be."""

from __future__ import annotations

from typing import Any

import pytest

from rosetta.convert import convert_request
from rosetta.converters import seals
from rosetta.ir.parts import Seal

SCHEMA = {"type": "object", "properties": {}}


def lost(body: dict[str, Any], source: str, target: str, **options: Any) -> dict[str, str]:
    """Path -> kind of what a request loses, but for what was put in."""
    found = convert_request(body, source, target, **options).losses
    return {loss.path: loss.kind for loss in found if loss.kind != "injected"}


def signed_by_google() -> list[dict[str, Any]]:
    return [
        {"role": "user", "parts": [{"text": "Weather?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {}}, "thoughtSignature": "c2lnbmVk"}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"output": "cold"}}}]},
    ]


@pytest.mark.parametrize("target", ["anthropic", "openai_responses", "openai_chat"])
def test_a_calls_lost_signature_is_named_as_a_field_of_the_call(target: str) -> None:
    """The call itself goes on: a path that names it would say that it was lost."""
    body = {"contents": signed_by_google(), "tools": [{"functionDeclarations": [{"name": "weather"}]}]}
    assert {"contents.1.parts.0.thoughtSignature": "dropped"} == lost(body, "google", target, model="m")


def test_a_chat_calls_lost_signature_is_named_as_a_field_of_the_call() -> None:
    """Chat clients carry it in extra_content."""
    envelope = seals.wrap((Seal("thought_signature", "c2lnbmVk", "gemini", "g", bound="part"),))
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": envelope}},
    }
    messages = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "cold"},
    ]
    tools = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
    found = lost({"model": "m", "messages": messages, "tools": tools}, "chat", "openai_responses")
    assert {"messages.1.tool_calls.0.extra_content.google.thought_signature": "dropped"} == found


def test_thoughts_of_another_maker_are_lost_whole() -> None:
    """Their signature is the reason, the block is what is missing."""
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": seals.wrap((Seal("signature", "s", "other", "m"),))}
    messages = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": [thinking, {"type": "text", "text": "Hi."}]},
        {"role": "user", "content": "And?"},
    ]
    body = {"model": "m", "max_tokens": 50, "messages": messages}
    assert {"messages.1.content.0": "dropped"} == lost(body, "anthropic", "responses", model="x")


def test_an_answer_that_cannot_be_continued_is_named_by_its_message() -> None:
    """A message that is left out whole, and one whose parts change places, say so by their own path."""
    messages = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi, "}]
    body = {"model": "m", "max_tokens": 100, "messages": messages}
    assert {"messages.1": "dropped"} == lost(body, "anthropic", "anthropic", model="claude-opus-4-7", provider="anthropic")
    call = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    behind = [{"type": "text", "text": "Look:"}, {"type": "tool_result", "tool_use_id": "toolu_1", "content": "cold"}]
    messages = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": [call]}, {"role": "user", "content": behind}]
    tools = [{"name": "weather", "input_schema": SCHEMA}]
    assert {"messages.2": "approximated"} == lost({**body, "messages": messages, "tools": tools}, "anthropic", "anthropic")


@pytest.mark.parametrize(("model", "expected"), [("claude-opus-4-0", {}), ("claude-opus-4-6", {"top_p": "dropped"})])
def test_of_temperature_and_top_p_the_newer_claudes_get_one(model: str, expected: dict[str, str]) -> None:
    """Whoever asks: a client that knew an older model would be refused."""
    for source, more in (("chat", {}), ("anthropic", {"max_tokens": 50})):
        body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "temperature": 0.5, "top_p": 0.9, **more}
        assert expected == lost(body, source, "anthropic", model=model, provider="anthropic")
