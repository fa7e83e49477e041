"""What the real provider would answer 400 to: a choice of well-known rules, each wire's own."""

import json
import re
from typing import Any

from tests.clients.upstream.script import SIGNATURE

Json = dict[str, Any]
MOST_FAULTS = 12

CHAT_ROLES = ("system", "developer", "user", "assistant", "tool")
# fmt: off
CHAT_FOREIGN = {
    "system", "input", "instructions", "contents", "thinking", "max_output_tokens", "include", "context_management", "output_config",
    "anthropic_version", "previous_response_id",
}
RESPONSES_FOREIGN = {"messages", "max_tokens", "system", "contents", "stop", "thinking", "response_format"}
ANTHROPIC_FOREIGN = {
    "input", "instructions", "contents", "stop", "n", "response_format", "stream_options", "reasoning", "reasoning_effort", "store", "include",
    "max_output_tokens", "max_completion_tokens", "parallel_tool_calls", "prompt_cache_key", "text", "user",
}
GOOGLE_FIELDS = {
    "contents", "tools", "toolConfig", "systemInstruction", "generationConfig", "safetySettings", "cachedContent", "labels", "model", "store",
    "serviceTier",
}
GOOGLE_SCHEMA_KEYS = {
    "type", "format", "title", "description", "nullable", "enum", "example", "default", "pattern", "minLength", "maxLength", "minimum", "maximum",
    "items", "prefixItems", "minItems", "maxItems", "properties", "required", "additionalProperties", "minProperties", "maxProperties",
    "propertyOrdering", "anyOf", "oneOf", "$defs", "$ref", "$id", "$anchor", "ref", "defs",
}
# fmt: on
SKIPPED_SIGNATURES = ("skip_thought_signature_validator", "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=")
"""The documented value that switches Gemini's check of thought signatures off."""
LOCAL = "local"
"""A model of a server that speaks Responses and Messages as they were when functions were all there was: what is newer is a 400 there."""


def lint(wire: str, body: Json, model: str) -> list[str]:
    """The faults of a request, sorted; Google's in camelCase."""
    faults = {"chat": _chat, "responses": _responses, "anthropic": _anthropic, "google": _google}[wire](body, model)
    if not model:
        faults.append("model missing")
    return sorted(set(faults))[:MOST_FAULTS]


def _matches(name: Any, pattern: str) -> bool:
    return isinstance(name, str) and re.fullmatch(pattern, name) is not None


def _foreign(body: Json, fields: set[str]) -> list[str]:
    found = sorted(set(body) & fields)
    return [f"fields of another wire: {found}"] if found else []


def _chat(body: Json, model: str) -> list[str]:
    faults = _foreign(body, CHAT_FOREIGN)
    custom_declared = any(tool.get("type") == "custom" for tool in body.get("tools") or [])
    open_calls: set[Any] = set()
    for number, message in enumerate(body.get("messages") or []):
        place, role = f"messages[{number}]", message.get("role")
        if role not in CHAT_ROLES:
            faults.append(f"{place}.role {role!r}")
        if role == "tool":
            if message.get("tool_call_id") not in open_calls:
                faults.append(f"{place} tool_call_id {message.get('tool_call_id')!r} answers no call")
            open_calls.discard(message.get("tool_call_id"))
            continue
        if open_calls:
            faults.append(f"{place}: tool calls without an answer {sorted(map(str, open_calls))}")
            open_calls = set()
        if role == "assistant":
            calls = message.get("tool_calls") or []
            if len({call.get("id") for call in calls}) != len(calls):
                faults.append(f"{place} two calls of one id")
            open_calls = {call.get("id") for call in calls}
            faults += _chat_calls(place, calls, custom_declared)
            if message.get("content") in (None, "", []) and not calls:
                faults.append(f"{place} empty assistant")
    for tool in body.get("tools") or []:
        if tool.get("type") not in ("function", "custom"):
            faults.append(f"tool type {tool.get('type')!r}")
        elif not _matches(tool.get(tool["type"], {}).get("name"), r"[a-zA-Z0-9_-]{1,64}"):
            faults.append(f"tool name {tool}"[:80])
    return faults


def _chat_calls(place: str, calls: list[Json], custom_declared: bool) -> list[str]:
    faults = []
    for call in calls:
        if len(str(call.get("id"))) > 64:
            faults.append(f"{place} call id longer than 64")
        if call.get("type") == "custom":
            if not custom_declared:
                faults.append(f"{place} custom tool call, but no custom tool is declared")
        elif not isinstance(call.get("function", {}).get("arguments"), str):
            faults.append(f"{place} tool arguments not a string")
    return faults


def _responses(body: Json, model: str) -> list[str]:
    faults = _foreign(body, RESPONSES_FOREIGN)
    if not isinstance(body.get("input"), str | list):
        return [*faults, "input missing"]
    items = body["input"] if isinstance(body["input"], list) else []
    calls: set[Any] = set()
    answered: set[Any] = set()
    for number, item in enumerate(items):
        place, kind = f"input[{number}]", item.get("type", "message")
        if kind.endswith("_call_output"):
            if item.get("call_id") not in calls:
                faults.append(f"{place} output for unknown call {item.get('call_id')!r}")
            answered.add(item.get("call_id"))
        elif kind.endswith("_call") and item.get("call_id"):
            if item["call_id"] in calls:
                faults.append(f"{place} two calls of one id")
            calls.add(item["call_id"])
        for prefixed, prefix in (("function_call", "fc"), ("custom_tool_call", "ctc"), ("reasoning", "rs"), ("message", "msg")):
            if kind == prefixed and item.get("id") and not item["id"].startswith(prefix):
                faults.append(f"{place}.id {item['id']!r} does not begin with {prefix!r}")
        if kind == "reasoning" and item.get("encrypted_content") not in (None, SIGNATURE):
            faults.append(f"{place} encrypted_content is not ours: {str(item['encrypted_content'])[:20]!r}")
        if kind == "message" and isinstance(item.get("content"), list):
            wanted = "output_text" if item.get("role") == "assistant" else "input_text"
            faults += [
                f"{place} part {part['type']} in role {item.get('role')}"
                for part in item["content"]
                if part.get("type") in ("text", "input_text", "output_text") and part["type"] != wanted
            ]
    faults += [f"no output for call {call}" for call in calls - answered]
    for tool in body.get("tools") or []:
        if tool.get("type") == "function" and not _matches(tool.get("name"), r"[a-zA-Z0-9_-]{1,64}"):
            faults.append(f"tool name {tool}"[:80])
    if model == LOCAL:
        faults += [f"tool type {tool.get('type')!r}" for tool in body.get("tools") or [] if tool.get("type") != "function"]
        kinds = ("message", "function_call", "function_call_output", "reasoning")
        faults += [f"input type {item['type']!r}" for item in items if item.get("type", "message") not in kinds]
        faults += [f"namespace of call {item.get('name')!r}" for item in items if item.get("namespace")]
    return faults


def _anthropic(body: Json, model: str) -> list[str]:
    faults = _foreign(body, ANTHROPIC_FOREIGN)
    most = body.get("max_tokens")
    if not isinstance(most, int):
        faults.append("max_tokens missing")
        most = 0
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled":
        if (thinking.get("budget_tokens") or 0) >= most:
            faults.append("max_tokens must exceed thinking.budget_tokens")
        if body.get("temperature") not in (None, 1):
            faults.append("temperature with thinking")
    open_calls: list[Any] = []
    for number, message in enumerate(body.get("messages") or []):
        place, content = f"messages[{number}]", message.get("content")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        if message.get("role") not in ("user", "assistant", *(() if model == LOCAL else ("system",))):
            faults.append(f"{place}.role {message.get('role')!r}")
        if not parts:
            faults.append(f"{place} empty content")
        results = [part.get("tool_use_id") for part in parts if part.get("type") == "tool_result"]
        if sorted(map(str, results)) != sorted(map(str, open_calls)):
            faults.append(f"{place} tool_result {results} for tool_use {open_calls}")
        if [part.get("type") for part in parts[: len(results)]] != ["tool_result"] * len(results):
            faults.append(f"{place} tool_result behind other blocks")
        is_assistant = message.get("role") == "assistant"
        open_calls = [part.get("id") for part in parts if part.get("type") == "tool_use"] if is_assistant else []
        if len(set(map(str, open_calls))) != len(open_calls):
            faults.append(f"{place} two calls of one id")
        for part in parts:
            faults += _anthropic_part(place, part)
    for tool in body.get("tools") or []:
        if not _matches(tool.get("name"), r"[a-zA-Z0-9_-]{1,128}"):
            faults.append(f"tool name {tool.get('name')!r}")
        if tool.get("type") in (None, "custom") and (tool.get("input_schema") or {}).get("type") != "object":
            faults.append(f"tool {tool.get('name')} input_schema.type")
    breakpoints = json.dumps(body).count('"cache_control"')
    if breakpoints > 4:
        faults.append(f"{breakpoints} cache_control blocks (4 allowed)")
    return faults


def _anthropic_part(place: str, part: Json) -> list[str]:
    match part.get("type"):
        case "text" if not part.get("text"):
            return [f"{place} empty text block"]
        case "thinking" if part.get("signature") != SIGNATURE:
            return [f"{place} thinking signature is not ours: {str(part.get('signature'))[:20]!r}"]
        case "tool_use" if not _matches(part.get("id"), r"[a-zA-Z0-9_-]+"):
            return [f"tool_use id {part.get('id')!r}"]
        case "tool_use" if not isinstance(part.get("input"), dict):
            return ["tool_use input not an object"]
    return []


def _google(body: Json, model: str) -> list[str]:
    faults = []
    unknown = sorted(set(body) - GOOGLE_FIELDS)
    if unknown:
        faults.append(f"unknown fields: {unknown}")
    calls = 0
    for number, content in enumerate(body.get("contents") or []):
        place, parts = f"contents[{number}]", content.get("parts") or []
        if content.get("role") not in ("user", "model", None):
            faults.append(f"{place}.role {content.get('role')!r}")
        if not parts:
            faults.append(f"{place} no parts")
        results = sum("functionResponse" in part for part in parts)
        if results != calls:
            faults.append(f"{place} {results} functionResponse for {calls} functionCall")
        call_parts = [part for part in parts if "functionCall" in part]
        calls = len(call_parts)
        ids = [part["functionCall"].get("id") for part in call_parts]
        if None not in ids and len(set(ids)) != len(ids):
            faults.append(f"{place} two calls of one id")
        if call_parts and model.startswith("gemini-3") and call_parts[0].get("thoughtSignature") not in (SIGNATURE, *SKIPPED_SIGNATURES):
            faults.append(f"{place} the first functionCall is missing a thought_signature")
        for part in parts:
            if part.get("thoughtSignature") not in (None, SIGNATURE, *SKIPPED_SIGNATURES):
                faults.append(f"{place} thoughtSignature is not ours: {part['thoughtSignature'][:20]!r}")
            if "functionResponse" in part and not isinstance(part["functionResponse"].get("response"), dict):
                faults.append("functionResponse.response not an object")
            if "functionCall" in part and not isinstance(part["functionCall"].get("args", {}), dict):
                faults.append("functionCall.args not an object")
    if calls:
        faults.append("functionCall without functionResponse at the end")
    for tool in body.get("tools") or []:
        for function in tool.get("functionDeclarations") or []:
            name = function.get("name")
            if not _matches(name, r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}"):
                faults.append(f"function name {name!r}")
            faults += _google_schema(function.get("parameters"), f"{name}.parameters")
    return faults


def _google_schema(schema: Any, place: str) -> list[str]:
    if not isinstance(schema, dict):
        return []
    faults = [f"{place}: schema key {key!r}" for key in set(schema) - GOOGLE_SCHEMA_KEYS]
    if isinstance(schema.get("type"), list):
        faults.append(f"{place}: type is a list")
    for name, value in (schema.get("properties") or {}).items():
        faults += _google_schema(value, f"{place}.{name}")
    faults += _google_schema(schema.get("items"), f"{place}[]")
    for branch in schema.get("anyOf") or []:
        faults += _google_schema(branch, f"{place}|")
    return faults
