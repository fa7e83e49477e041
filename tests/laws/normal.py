"""The normal form of each wire's requests: what a body and the one which its own converter makes of it have in common.

It is the one written down in each converter's ``request.py``: the same thing said in two ways is said in one, and nothing else is touched.
"""

from __future__ import annotations

import re
from typing import Any, assert_never

from rosetta.converters import media, schema
from rosetta.ir.parts import Format

Json = dict[str, Any]

# Values of the client's own, in which a null or an order means something.
_OPAQUE = frozenset(
    {
        "input_schema",
        "parameters",
        "parametersJsonSchema",
        "responseJsonSchema",
        "schema",
        "args",
        "response",
        "arguments",
        "metadata",
        "labels",
    }
)


def request(format: Format, body: Json) -> Json:
    """The normal form of a request's body."""
    match format:
        case "openai_chat":
            return chat(without_nulls(body))
        case "openai_responses":
            return responses(without_nulls(body))
        case "anthropic":
            return anthropic(without_nulls(body))
        case "google_genai":
            return google(without_nulls(camel_case(body)))
        case _:
            assert_never(format)


def without_nulls(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: value if key in _OPAQUE else without_nulls(value) for key, value in node.items() if value is not None}
    if isinstance(node, list):
        return [without_nulls(each) for each in node]
    return node


def without_places(node: Any) -> Any:
    """IR as plain data, without ``at``."""
    if isinstance(node, dict):
        return {key: value if key == "data" else without_places(value) for key, value in node.items() if key != "at"}
    if isinstance(node, list):
        return [without_places(each) for each in node]
    return node


def blocks(content: Any, kind: str = "text") -> list[Any]:
    """Content as a list of parts: a string is one text part, an empty one none."""
    if isinstance(content, str):
        return [{"type": kind, "text": content}] if content else []
    return [part for part in content or () if part.get("type") != kind or part["text"]]


# ------------------------------------------------------------------------------------------------------------------------------ Anthropic


def anthropic(body: Json) -> Json:
    """Content in lists, neighbours of one role joined, results first, leading system messages in ``system``, custom tools without their type."""
    made = dict(body)
    system = blocks(made.pop("system", None))
    messages: list[Json] = []
    for message in made["messages"]:
        content = [
            {**part, "content": blocks(part.get("content"))} if part.get("type") == "tool_result" else part
            for part in blocks(message["content"])
        ]
        if message["role"] == "system" and not messages:
            system += content
        elif messages and messages[-1]["role"] == message["role"]:
            messages[-1] = {**messages[-1], **message, "content": messages[-1]["content"] + content}
        else:
            messages.append({**message, "content": content})
    for message in messages:
        if message["role"] == "user":
            message["content"].sort(key=lambda part: part["type"] != "tool_result")
    made["messages"] = messages
    if system:
        made["system"] = system
    if "tools" in made:
        made["tools"] = [
            {key: value for key, value in tool.items() if (key, value) != ("type", "custom")}
            | ({} if "type" in tool and tool["type"] != "custom" else {"input_schema": tool.get("input_schema") or schema.anthropic(None)})
            for tool in made["tools"]
        ]
    if "tool_choice" in made:
        made["tool_choice"] = {
            key: value for key, value in made["tool_choice"].items() if (key, value) != ("disable_parallel_tool_use", False)
        }
    if "output_format" in made:
        made["output_config"] = {**made.get("output_config", {}), "format": made.pop("output_format")}
    return made


# ------------------------------------------------------------------------------------------------------------------------------ OpenAI chat


def chat(body: Json) -> Json:
    """Content in lists, one name for the limit of tokens, legacy functions as tools, what the server assumes anyway left out."""
    made = dict(body)
    if "max_tokens" in made:
        made["max_completion_tokens"] = made.pop("max_tokens")
    if isinstance(made.get("stop"), str):
        made["stop"] = [made["stop"]]
    if made.get("reasoning", {}).get("exclude") is False:
        made["reasoning"] = {key: value for key, value in made["reasoning"].items() if key != "exclude"}
    if "functions" in made:
        made["tools"] = [{"type": "function", "function": function} for function in made.pop("functions")]
    choice = made.pop("function_call", made.get("tool_choice"))
    if isinstance(choice, dict) and "type" not in choice:
        choice = {"type": "function", "function": choice}
    if isinstance(choice, dict) and choice["type"] == "allowed_tools" and len(choice["allowed_tools"]["tools"]) == 1:
        allowed = choice["allowed_tools"]
        choice = allowed["tools"][0] if allowed["mode"] == "required" else choice
    if choice is not None:
        made["tool_choice"] = choice
    if "tools" in made:
        made["tools"] = [_chat_tool(tool) for tool in made["tools"]]
    calls: list[str] = []
    made["messages"] = [_chat_message(message, index, calls) for index, message in enumerate(made["messages"])]
    names: dict[Any, Any] = {}
    for message in made["messages"]:
        names |= {call["id"]: call[call["type"]]["name"] for call in message.get("tool_calls") or ()}
        if message["role"] == "tool" and message.get("name") == names.get(message.get("tool_call_id")):
            message.pop("name", None)  # the call's own
    return made


def _chat_tool(tool: Json) -> Json:
    kind = tool["type"]
    return {**tool, kind: {key: value for key, value in tool[kind].items() if (key, value) != ("format", {"type": "text"})}}


def _chat_message(message: Json, index: int, calls: list[str]) -> Json:
    made = {**message, "content": blocks(message.get("content"))}
    if made["role"] == "system":
        made["role"] = "developer"
    if made["role"] == "assistant":
        words = [part["refusal"] for part in made["content"] if part["type"] == "refusal"]
        if words:
            made["refusal"] = "".join(words)
        made["content"] = [part for part in made["content"] if part["type"] != "refusal"]
    if "reasoning_details" in made:  # they hold the text
        made.pop("reasoning", None)
    if "function_call" in made:  # the legacy form has no ids: one after the place
        calls.append(f"call_messages_{index}")
        made["tool_calls"] = [{"id": calls[-1], "type": "function", "function": made.pop("function_call")}]
    if made["role"] == "function":
        made["role"], made["tool_call_id"] = "tool", calls[-1]
        made.pop("name", None)
    return made


# ------------------------------------------------------------------------------------------------------------------------------ OpenAI Responses


def responses(body: Json) -> Json:
    """Input as a list, easy messages with content in lists, no ids and states of items, all tools on top, what the server assumes anyway left out."""
    made = {
        key: value
        for key, value in body.items()
        if (key, value) not in (("truncation", "disabled"), ("stream", False), ("background", False))
    }
    written = made.pop("input", ())
    tools = list(made.pop("tools", ()))
    items: list[Json] = []
    for item in [{"role": "user", "content": written}] if isinstance(written, str) else written:
        if item.get("type") == "additional_tools":
            tools += item["tools"]
        else:
            items.append(_responses_item(item))
    made["input"] = items
    if tools:
        made["tools"] = [_responses_tool(tool) for tool in tools if tool.get("type") != "namespace" or tool["tools"]]
    else:
        made.pop("tool_choice", None)
    made["include"] = sorted({*made.get("include", ()), "reasoning.encrypted_content"})
    if made.get("text", {}).get("format") == {"type": "text"}:
        made["text"] = {key: value for key, value in made["text"].items() if key != "format"}
    if not made.get("text", True):
        del made["text"]
    if "user" in made:
        made["safety_identifier"] = made.pop("user")
    return made


def _responses_item(item: Json) -> Json:
    kind = item.get("type", "message")
    made = {
        key: value
        for key, value in item.items()
        if key not in ("status", "type" if kind == "message" else "", "id" if kind not in ("reasoning", *_OWN_ITEMS) else "")
    }
    if kind == "message" and "role" in item:
        content = blocks(item["content"], "output_text" if item["role"] == "assistant" else "input_text")
        made["content"] = [
            {key: value for key, value in part.items() if key != "logprobs" and (key, value) != ("annotations", [])} for part in content
        ]
    elif kind in ("function_call_output", "custom_tool_call_output"):
        made["output"] = blocks(item["output"], "input_text")
        made.pop("name", None)
    elif kind == "function_call":
        made["arguments"] = item.get("arguments", "").strip() or "{}"
    elif kind not in ("custom_tool_call", "reasoning") and "status" in item:
        made["status"] = item["status"]
    return made


# Items which only the provider's own store or tools understand: they go back as they came.
_OWN_ITEMS = (
    "item_reference",
    "compaction",
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "mcp_call",
    "tool_search_call",
    "computer_call",
)


def _responses_tool(tool: Json) -> Json:
    if tool.get("type") == "namespace":
        return {**tool, "tools": [_responses_tool(each) for each in tool["tools"]]}
    made = {key: value for key, value in tool.items() if (key, value) != ("format", {"type": "text"})}
    if tool.get("type") == "function":
        made["parameters"] = tool.get("parameters") or schema.plain(None)
    return made


# ------------------------------------------------------------------------------------------------------------------------------ Google


def camel_case(node: Any) -> Any:
    """Field names as proto JSON's first spelling; names within the client's own values stay."""
    if isinstance(node, dict):
        made = {}
        for key, value in node.items():
            name = re.sub(r"_([a-z])", lambda match: match[1].upper(), key)
            made[name] = value if name in _OPAQUE or name == "responseSchema" else camel_case(value)
        return made
    if isinstance(node, list):
        return [camel_case(each) for each in node]
    return node


def google(body: Json) -> Json:
    """Roles said, functions in one tool, schemas as JSON Schema, base64 in the standard alphabet, enum values in upper case."""
    made = {key: value for key, value in body.items() if value != {}}
    if "systemInstruction" in made:
        made["systemInstruction"] = {"parts": made["systemInstruction"]["parts"]}
    contents: list[Json] = []
    for content in made["contents"]:
        role = {"function": "user"}.get(content.get("role", "user"), content.get("role", "user"))
        parts = [_google_part(part) for part in content.get("parts", ())]
        if role == "model" and contents and contents[-1]["role"] == "model":
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": role, "parts": parts})
    made["contents"] = contents
    functions = [_google_function(function) for tool in made.get("tools", ()) for function in tool.get("functionDeclarations", ())]
    others = [{key: value} for tool in made.get("tools", ()) for key, value in tool.items() if key != "functionDeclarations"]
    if functions or others:
        made["tools"] = [*([{"functionDeclarations": functions}] if functions else []), *others]
    settings = dict(made.get("generationConfig", {}))
    if "responseSchema" in settings:
        settings["responseJsonSchema"] = schema.from_google(settings.pop("responseSchema"))
    if "thinkingLevel" in settings.get("thinkingConfig", {}):
        settings["thinkingConfig"] = {**settings["thinkingConfig"], "thinkingLevel": settings["thinkingConfig"]["thinkingLevel"].upper()}
    if settings:
        made["generationConfig"] = settings
    choice = made.get("toolConfig", {}).get("functionCallingConfig", {})
    if "mode" in choice:
        made["toolConfig"] = {**made["toolConfig"], "functionCallingConfig": {**choice, "mode": choice["mode"].upper()}}
    return made


def _google_part(part: Json) -> Json:
    made = dict(part)
    if "inlineData" in made:
        made["inlineData"] = {**made["inlineData"], "data": media.standard_base64(made["inlineData"]["data"])}
    answer = made.get("functionResponse", {})
    if answer.get("response", {}).keys() == {"name", "content"}:  # as Vercel's provider wraps a result
        made["functionResponse"] = {**answer, "response": {"output": answer["response"]["content"]}}
    if "thoughtSignature" in made:
        made["thoughtSignature"] = media.standard_base64(made["thoughtSignature"])
    return made


def _google_function(function: Json) -> Json:
    made = dict(function)
    if "parameters" in made:
        made["parametersJsonSchema"] = schema.from_google(made.pop("parameters"))
    return made
