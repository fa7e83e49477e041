"""What the tests of this wire share: a fixed target and client, requests in few words, and Anthropic's own SDK as a judge of blocks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import anthropic.types as sdk
import pydantic

from rosetta.converters.anthropic import CONVERTER, Dialect
from rosetta.converters.converter import Reply, Sent, Target, Ticket, WireRequest
from rosetta.ir.loss import Loss
from rosetta.ir.parts import Part, Text, ToolCall, ToolResult
from rosetta.ir.request import FunctionTool, ReasoningRequest, Request, Role, Turn

FULL = Dialect(
    thinking="adaptive",
    efforts=("low", "medium", "high", "xhigh", "max"),
    mid_system=True,
    prefill=True,
    user_id=True,
    hosted_tools=("web_search", "web_fetch", "code_execution"),
)
"""A target that takes whatever the wire can say."""
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = FunctionTool("weather", "The weather.", SCHEMA, "tools.0")
CREATED = 1_790_000_000


def counted_ids() -> Callable[[str], str]:
    numbers = itertools.count(1)
    return lambda prefix: f"{prefix}{next(numbers)}"


def target(dialect: Dialect | None = None, *, provider: str = "claude", model: str = "claude-x") -> Target:
    return Target(provider, model, dialect or Dialect(), counted_ids())


def ticket(**fields: Any) -> Ticket:
    return Ticket(**{"provider": "claude", "model": "claude-x", "new_id": counted_ids(), **fields})


def reply(request: Request | None = None, *, visible: bool | None = None, input_tokens: int = 7) -> Reply:
    asked = request or Request("anthropic", "claude-shown", (), reasoning=ReasoningRequest(visible=visible))
    return Reply(asked, "claude-shown", CREATED, counted_ids(), input_tokens)


def user(*parts: Part | str, at: str = "") -> Turn:
    return turn("user", *parts, at=at)


def assistant(*parts: Part | str, at: str = "") -> Turn:
    return turn("assistant", *parts, at=at)


def turn(role: Role, *parts: Part | str, at: str = "") -> Turn:
    return Turn(role, tuple(Text(part) if isinstance(part, str) else part for part in parts), at)


def call(id: str = "call_1", name: str = "weather", arguments: str = '{"city":"Oslo"}', **fields: Any) -> ToolCall:
    return ToolCall(id, name, arguments, **fields)


def result(id: str = "call_1", text: str = "cold", **fields: Any) -> ToolResult:
    return ToolResult(id, (Text(text),), **fields)


def foreign(*turns: Turn, **fields: Any) -> Request:
    """A request of a chat client."""
    return Request(**{"format": "openai_chat", "model": "m", "turns": turns or (user("Hello"),), "max_output_tokens": 4000, **fields})


def encoded(request: Request, dialect: Dialect | None = None, **changes: Any) -> Sent:
    sent = CONVERTER.encode_request(request, target(dialect, **changes))
    check_request(sent.wire.body)
    return sent


def decoded(body: dict[str, Any], headers: dict[str, str] | None = None) -> Request:
    coded = CONVERTER.decode_request(WireRequest({"model": "m", "max_tokens": 100, **body}, headers or {}))
    assert coded.losses == ()
    return coded.value


def told(losses: tuple[Loss, ...] | list[Loss]) -> list[tuple[str, str, str]]:
    return [(loss.kind, loss.field, loss.at) for loss in losses]


_BLOCKS = {
    "text": sdk.TextBlockParam,
    "image": sdk.ImageBlockParam,
    "document": sdk.DocumentBlockParam,
    "thinking": sdk.ThinkingBlockParam,
    "redacted_thinking": sdk.RedactedThinkingBlockParam,
    "tool_use": sdk.ToolUseBlockParam,
    "tool_result": sdk.ToolResultBlockParam,
}
_JUDGES = {kind: pydantic.TypeAdapter(param) for kind, param in _BLOCKS.items()}
_TOOL = pydantic.TypeAdapter(sdk.ToolUnionParam)
_CHOICE = pydantic.TypeAdapter(sdk.ToolChoiceParam)
_THINKING = pydantic.TypeAdapter(sdk.ThinkingConfigParam)
_CONFIG = pydantic.TypeAdapter(sdk.OutputConfigParam)


def check_request(body: dict[str, Any]) -> None:
    """The documented rules of the wire, and the SDK's types."""
    assert type(body["max_tokens"]) is int
    if "system" in body:
        assert body["system"]
    messages = body["messages"]
    assert messages[0]["role"] == "user"
    for before, message in itertools.pairwise(messages):
        assert before["role"] != message["role"], "neighbours are joined"
        if message["role"] == "system":
            assert before["role"] == "user"
        if before["role"] == "system":
            assert message["role"] == "assistant"
    open_calls: list[str] = []
    for message in messages:
        content = message["content"] if type(message["content"]) is list else [{"type": "text", "text": message["content"]}]
        assert content, "no message is empty"
        for block in content:
            if block["type"] in _JUDGES:
                _JUDGES[block["type"]].validate_python(block)
            if block["type"] == "text":
                assert block["text"].strip(), "blank texts are refused"
            if block["type"] in {"thinking", "redacted_thinking"}:
                assert "cache_control" not in block
        results = [block["tool_use_id"] for block in content if block["type"] == "tool_result"]
        if message["role"] == "user":
            assert sorted(results) == sorted(open_calls), "each call is answered in the very next message"
            assert all(block["type"] == "tool_result" for block in content[: len(results)]), "results stand first"
            open_calls = []
        if message["role"] == "assistant":
            open_calls = [block["id"] for block in content if block["type"] == "tool_use"]
    names = [tool["name"] for tool in body.get("tools", ())]
    assert len(names) == len(set(names))
    for tool in body.get("tools", ()):
        _TOOL.validate_python(tool)
    if "tool_choice" in body:
        assert body["tools"]
        _CHOICE.validate_python(body["tool_choice"])
    if "thinking" in body:
        _THINKING.validate_python(body["thinking"])
    if "output_config" in body:
        _CONFIG.validate_python(body["output_config"])


def marks(node: Any) -> int:
    """How many cache marks are somewhere in a body."""
    if isinstance(node, dict):
        return ("cache_control" in node) + sum(marks(value) for value in node.values())
    return sum(marks(value) for value in node) if isinstance(node, list) else 0
