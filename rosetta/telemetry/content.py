"""What a request asks for and, only where the operator wants it, what was said: as GenAI span attributes.

The JSON follows the conventions' message schemas: ``{"role", "parts": [{"type": "text", "content"}, …]}``. Bytes of media are left out, and so are
opaque reasoning states.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from rosetta.ir.parts import Inline, Link, Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from rosetta.ir.request import FunctionTool, HostedTool, Request, Turn
from rosetta.ir.response import Response
from rosetta.telemetry import names

_encode = msgspec.json.Encoder().encode


def settings(request: Request) -> dict[str, Any]:
    """``gen_ai.request.*`` of what the client said."""
    sampling = request.sampling
    given = {
        names.GEN_AI_MAX_TOKENS.name: request.max_output_tokens,
        names.GEN_AI_TEMPERATURE.name: _double(sampling.temperature),
        names.GEN_AI_TOP_P.name: _double(sampling.top_p),
        names.GEN_AI_TOP_K.name: sampling.top_k,
        names.GEN_AI_FREQUENCY_PENALTY.name: _double(sampling.frequency_penalty),
        names.GEN_AI_PRESENCE_PENALTY.name: _double(sampling.presence_penalty),
        names.GEN_AI_SEED.name: sampling.seed,
        names.GEN_AI_STOP.name: list(request.stop) or None,
        names.GEN_AI_CHOICES.name: sampling.n if sampling.n != 1 else None,
        names.GEN_AI_OUTPUT_TYPE.name: None if request.output is None else "text" if request.output.kind == "text" else "json",
    }
    return {name: value for name, value in given.items() if value is not None}


def _double(value: float | None) -> float | None:
    return None if value is None else float(value)


def conversation(request: Request) -> dict[str, str]:
    """The messages, the system's words and the tools that were offered."""
    said = {names.GEN_AI_INPUT_MESSAGES.name: _json([_message(turn) for turn in request.turns])}
    if request.system:
        said[names.GEN_AI_SYSTEM.name] = _json([part for turn in request.system for part in _parts(turn.parts)])
    if request.tools:
        said[names.GEN_AI_TOOLS.name] = _json([_tool(tool) for tool in request.tools])
    return said


def answer(response: Response) -> dict[str, str]:
    """The answers, one message per choice."""
    messages = [
        {
            "role": "assistant",
            "parts": _parts(choice.parts),
            "finish_reason": "" if choice.finish is None else choice.finish.reason,
        }
        for choice in response.choices
    ]
    return {names.GEN_AI_OUTPUT_MESSAGES.name: _json(messages)}


def _json(value: Any) -> str:
    return _encode(value).decode()


def _message(turn: Turn) -> dict[str, Any]:
    role = "tool" if turn.parts and all(isinstance(part, ToolResult) for part in turn.parts) else turn.role
    return {"role": role, "parts": _parts(turn.parts)}


def _tool(tool: Any) -> dict[str, Any]:
    if isinstance(tool, HostedTool):
        return {"type": tool.kind}
    described = {"type": "function" if isinstance(tool, FunctionTool) else "custom", "name": tool.name, "description": tool.description}
    if isinstance(tool, FunctionTool):
        described["parameters"] = tool.schema
    return {key: value for key, value in described.items() if value is not None}


def _parts(parts: Sequence[Part]) -> list[dict[str, Any]]:
    return list(_shown(parts))


def _shown(parts: Sequence[Part]) -> Iterable[dict[str, Any]]:
    for part in parts:
        match part:
            case Text() | Refusal():
                yield {"type": "text", "content": part.text}
            case Reasoning():
                if part.text:
                    yield {"type": "reasoning", "content": part.text}
            case ToolCall():
                yield {"type": "tool_call", "id": part.id, "name": part.name, "arguments": part.arguments}
            case ToolResult():
                yield {"type": "tool_call_response", "id": part.call_id, "response": _parts(part.parts)}
            case Media():
                yield _media(part)
            case Opaque():
                yield {"type": part.kind, "content": part.text} if part.text else {"type": part.kind}


def _media(part: Media) -> dict[str, Any]:
    shown: dict[str, Any] = {"modality": part.kind, "mime_type": part.mime}
    match part.source:
        case Inline(data):
            shown = {"type": "blob", **shown, "size": len(data) * 3 // 4}
        case Link(url):
            shown = {"type": "uri", **shown, "uri": url.partition("?")[0]}  # a signed address is as good as a key
        case _:
            shown = {"type": "file", **shown}
    return {key: value for key, value in shown.items() if value is not None}
