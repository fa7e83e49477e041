"""Reads a request of any of the four wires into what the script needs to know of it."""

import re
from collections.abc import Iterator
from typing import Any

from tests.clients.upstream.script import SIGNATURE, THOUGHT, Seen, Tool

Json = dict[str, Any]

WIRES = {"chat": "openai_chat", "responses": "openai_responses", "anthropic": "anthropic", "google": "google_genai"}
"""Short name of a wire -> the format's name."""

GOOGLE_ROUTE = re.compile(r"/models/(?P<model>.+):(generateContent|streamGenerateContent)$")
VERBATIM_KEYS = {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels"}
TEXTLESS_KEYS = {"type", "id", "call_id", "tool_use_id"}


def wire_of(path: str) -> str | None:
    """The wire that a POST to this path speaks."""
    if path.endswith("/chat/completions"):
        return "chat"
    if path.endswith("/responses"):
        return "responses"
    if path.endswith("/messages"):
        return "anthropic"
    return "google" if GOOGLE_ROUTE.search(path) else None


def camel_case(value: Any) -> Any:
    """Google takes snake_case and camelCase: one spelling is enough for us. What users name themselves is left alone."""
    if isinstance(value, list):
        return [camel_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    renamed = {re.sub(r"_([a-z])", lambda found: found[1].upper(), key): item for key, item in value.items()}
    return {key: item if key in VERBATIM_KEYS else camel_case(item) for key, item in renamed.items()}


def text_of(value: Any) -> str:
    """All text below a value, whatever holds it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return " ".join(text_of(item) for item in value)
    if isinstance(value, dict):
        return " ".join(text_of(item) for key, item in value.items() if key not in TEXTLESS_KEYS)
    return ""


def read(wire: str, body: Json) -> Seen:
    """Raises KeyError, TypeError or AttributeError on a body that is not of the wire."""
    return {"chat": _chat, "responses": _responses, "anthropic": _anthropic, "google": _google}[wire](body)


def _chat(body: Json) -> Seen:
    seen = Seen()
    for tool in body.get("tools") or []:
        if tool.get("type") == "custom":
            seen.tools[tool["custom"]["name"]] = Tool("custom")
        else:
            seen.tools[tool["function"]["name"]] = Tool("function", tool["function"].get("parameters"))
    for message in body["messages"]:
        match message["role"]:
            case "user":
                seen.user_turn()
            case "assistant":
                calls = message.get("tool_calls") or []
                seen.calls += [call.get("id") for call in calls]
                reasoning = [message.get(key) for key in ("reasoning_content", "reasoning", "reasoning_details")]
                signatures = [((call.get("extra_content") or {}).get("google") or {}).get("thought_signature") for call in calls]
                seen.reasoning_back |= THOUGHT in text_of(reasoning) or SIGNATURE in signatures
            case "tool":
                seen.results.append((message.get("tool_call_id"), text_of(message.get("content"))))
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        seen.schema = wanted["json_schema"].get("schema")
    elif wanted.get("type") == "json_object":
        seen.schema = {}
    return seen


def _responses(body: Json) -> Seen:
    seen = Seen()
    items = [{"role": "user", "content": body["input"]}] if isinstance(body["input"], str) else body["input"]
    # Codex with gpt-6 models puts its tools into the input.
    extra = [tool for item in items if item.get("type") == "additional_tools" for tool in item.get("tools") or []]
    for name, tool in _responses_tools([*(body.get("tools") or []), *extra]):
        seen.tools[name] = tool
    for item in items:
        kind = item.get("type", "message")
        if item.get("role") == "user":
            seen.user_turn()
        if kind.endswith("_call_output"):
            seen.results.append((item.get("call_id"), text_of(item.get("output"))))
        elif kind.endswith("_call"):
            seen.calls.append(item.get("call_id"))
        elif kind == "reasoning":
            seen.reasoning_back |= item.get("encrypted_content") == SIGNATURE
    wanted = (body.get("text") or {}).get("format") or {}
    seen.schema = wanted.get("schema") if wanted.get("type") == "json_schema" else None
    return seen


def _responses_tools(tools: list[Json], namespace: str = "") -> Iterator[tuple[str, Tool]]:
    for tool in tools:
        if tool.get("type") == "namespace":
            yield from _responses_tools(tool.get("tools") or [], f"{tool['name']}.")
        elif tool.get("type") == "custom":
            yield namespace + tool["name"], Tool("custom")
        else:
            yield namespace + (tool.get("name") or tool["type"]), Tool("function", tool.get("parameters"))


def _anthropic(body: Json) -> Seen:
    seen = Seen()
    for tool in body.get("tools") or []:
        seen.tools[tool["name"]] = Tool("function", tool.get("input_schema"))
    for message in body["messages"]:
        content = message.get("content")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if message["role"] == "user" and not any(part.get("type") == "tool_result" for part in parts):
            seen.user_turn()
        for part in parts:
            match part.get("type"):
                case "tool_result":
                    seen.results.append((part.get("tool_use_id"), text_of(part.get("content"))))
                case "tool_use":
                    seen.calls.append(part.get("id"))
                case "thinking":
                    seen.reasoning_back |= part.get("signature") == SIGNATURE
    wanted = body.get("output_format") or (body.get("output_config") or {}).get("format") or {}
    seen.schema = wanted.get("schema") if wanted.get("type") == "json_schema" else None
    return seen


def _google(body: Json) -> Seen:
    """Of a body in camelCase."""
    seen = Seen()
    for tool in body.get("tools") or []:
        for function in tool.get("functionDeclarations") or []:
            seen.tools[function["name"]] = Tool("function", function.get("parametersJsonSchema") or function.get("parameters"))
    for content in body["contents"]:
        parts = content.get("parts") or []
        if content.get("role", "user") == "user" and not any("functionResponse" in part for part in parts):
            seen.user_turn()
        for part in parts:
            if "functionResponse" in part:
                seen.results.append((part["functionResponse"].get("id"), text_of(part["functionResponse"].get("response"))))
            if "functionCall" in part:
                seen.calls.append(part["functionCall"].get("id"))
            seen.reasoning_back |= part.get("thoughtSignature") == SIGNATURE
    config = body.get("generationConfig") or {}
    if config.get("responseMimeType") == "application/json":
        seen.schema = config.get("responseJsonSchema") or config.get("responseSchema") or {}
    return seen
