"""Which of the four formats a body is: a request, an answer, an error, one event of a stream, or the bytes of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rosetta.converters import jsontext
from rosetta.converters.sse import SseParser
from rosetta.ir.parts import Format

_ANTHROPIC_EVENTS = frozenset(
    {"message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop", "ping"}
)

# Fields of a request with `messages` that only one of the two formats has.
_CHAT_FIELDS = frozenset(
    {
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "modalities",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "stop",
        "store",
        "stream_options",
        "top_logprobs",
        "user",
        "verbosity",
        "web_search_options",
    }
)
_ANTHROPIC_FIELDS = frozenset(
    {
        "anthropic_beta",
        "anthropic_version",
        "cache_control",
        "container",
        "context_management",
        "mcp_servers",
        "output_config",
        "output_format",
        "stop_sequences",
        "system",
        "thinking",
        "top_k",
    }
)
_CHAT_ROLES = frozenset({"developer", "function", "tool"})
_CHAT_PARTS = frozenset({"image_url", "input_audio", "file", "refusal"})
_ANTHROPIC_PARTS = frozenset({"document", "image", "redacted_thinking", "search_result", "thinking", "tool_result", "tool_use"})


def detect_format(body: Mapping[str, Any] | bytes | str) -> Format:
    """The format of a request, an answer, an error or a stream's event; of a text that begins like a stream, that of its first event that tells.

    A request with ``messages`` and nothing that only one format has is Anthropic's where it has ``max_tokens``, which is a must there, else OpenAI chat's.
    Errors of OpenAI's two formats look alike: they are told as openai_chat. Raises ValueError for what is none of the four.
    """
    if isinstance(body, Mapping):
        found = _of_object(body)
    else:
        text = body.encode() if isinstance(body, str) else bytes(body)
        found = _of_stream(text) if text.lstrip()[:1] not in (b"{", b"[") else _of_text(text)
    if found is None:
        raise ValueError("this is no request, answer, error or event of openai_chat, openai_responses, anthropic or google_genai")
    return found


def _of_text(text: bytes) -> Format | None:
    try:
        value = jsontext.decode(text)
    except jsontext.InvalidJson as error:
        raise ValueError(f"not JSON: {error}") from error
    rows = value if isinstance(value, list) else [value]  # a list: Google's stream without SSE
    return _first(_of_object(row) for row in rows if isinstance(row, dict))


def _of_stream(text: bytes) -> Format | None:
    parser = SseParser()
    events = [*parser.feed(text), *parser.feed(b"\n\n")]
    found = []
    for _, data in events:
        try:
            value = jsontext.decode(data)
        except jsontext.InvalidJson:
            continue  # [DONE], or an event that is cut off
        if isinstance(value, dict):
            found.append(_of_object(value))
    return _first(found)


def _first(found: Iterable[Format | None]) -> Format | None:
    return next((format for format in found if format is not None), None)


def _of_object(body: Mapping[str, Any]) -> Format | None:
    return _of_event(body) or _of_answer(body) or _of_error(body) or _of_request(body)


def _of_event(body: Mapping[str, Any]) -> Format | None:
    kind = body.get("type")
    if not isinstance(kind, str):
        return None
    if kind.startswith("response.") or (kind == "error" and "error" not in body):
        return "openai_responses"
    return "anthropic" if kind in _ANTHROPIC_EVENTS else None


def _of_answer(body: Mapping[str, Any]) -> Format | None:
    if isinstance(body.get("choices"), list):
        return "openai_chat"
    if body.get("object") == "response" or isinstance(body.get("output"), list):
        return "openai_responses"
    if body.get("type") == "message" and isinstance(body.get("content"), list):
        return "anthropic"
    return "google_genai" if _has(body, "candidates", "promptFeedback", "usageMetadata", "prompt_feedback", "usage_metadata") else None


def _of_error(body: Mapping[str, Any]) -> Format | None:
    error = body.get("error")
    if not isinstance(error, Mapping):
        return None
    if body.get("type") == "error":
        return "anthropic"
    if isinstance(error.get("code"), int) and isinstance(error.get("status"), str):
        return "google_genai"
    return "openai_chat" if "message" in error else None


def _of_request(body: Mapping[str, Any]) -> Format | None:
    if _has(body, "contents", "generationConfig", "generation_config", "systemInstruction", "system_instruction"):
        return "google_genai"
    if _has(body, "input", "previous_response_id", "conversation", "instructions"):
        return "openai_responses"
    messages = body.get("messages")
    if not isinstance(messages, list):
        return None
    rows = [message for message in messages if isinstance(message, Mapping)]
    tools = [tool for tool in body.get("tools") or () if isinstance(tool, Mapping)]
    kinds = {
        part.get("type") for row in rows if isinstance(row.get("content"), list) for part in row["content"] if isinstance(part, Mapping)
    }
    roles = {row.get("role") for row in rows}
    chat = (
        bool(body.keys() & _CHAT_FIELDS)
        or bool(roles & _CHAT_ROLES)
        or any("tool_calls" in row or "function_call" in row for row in rows)
        or any("function" in tool or "custom" in tool for tool in tools)
        or bool(kinds & _CHAT_PARTS)
    )
    anthropic = bool(body.keys() & _ANTHROPIC_FIELDS) or bool(kinds & _ANTHROPIC_PARTS) or any("input_schema" in tool for tool in tools)
    if chat != anthropic:
        return "openai_chat" if chat else "anthropic"
    # Nothing tells, or both do, as in a chat request with a server's own fields.
    return "openai_chat" if chat or "system" in roles or "max_tokens" not in body else "anthropic"


def _has(body: Mapping[str, Any], *names: str) -> bool:
    return any(name in body for name in names)
