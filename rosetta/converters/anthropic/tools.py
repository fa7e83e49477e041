"""Tools, tool choice, calls and results: https://docs.claude.com/en/docs/agents-and-tools/tool-use/overview."""

from __future__ import annotations

from typing import Any, assert_never

from rosetta.converters import custom, jsontext, names, schema
from rosetta.converters.anthropic.parts import FORMAT, Outgoing, decode_visible, encode_visible, kind_of_block, told
from rosetta.converters.converter import Json, Malformed, Ticket
from rosetta.converters.fields import Fields, maybe_string, string, type_name
from rosetta.converters.losses import Losses
from rosetta.ir.parts import NO_EXTRAS, Format, Part, Text, ToolCall, ToolKind, ToolResult
from rosetta.ir.request import CustomTool, FunctionTool, HostedTool, Request, Tool, ToolChoice, ToolName

TOOL_NAME_LIMIT = 128
CALL_ID_LIMIT = 256
RAW_ARGUMENTS = "_raw"
"""Arguments that are no JSON object travel under this property: the wire takes objects only."""

# Beginnings of the wire's typed tools -> the common word. Their dates move on several times a year.
_HOSTED_KINDS = (
    ("web_search_", "web_search"),
    ("web_fetch_", "web_fetch"),
    ("code_execution_", "code_execution"),
    ("computer_", "computer"),
    ("bash_", "bash"),
    ("text_editor_", "text_editor"),
    ("memory_", "memory"),
    ("tool_search_tool_", "tool_search"),
    ("mcp_toolset", "mcp"),
)
# The common word -> what a request of another wire gets, where the dialect says that the server runs it.
_HOSTED_TYPES = {"web_search": "web_search_20250305", "web_fetch": "web_fetch_20250910", "code_execution": "code_execution_20250825"}

_TOOL = frozenset({"type", "name", "description", "input_schema", "strict", "defer_loading", "cache_control"})
_CALL = frozenset({"type", "id", "name", "input", "cache_control"})
_RESULT = frozenset({"type", "tool_use_id", "content", "is_error", "cache_control"})


# ------------------------------------------------------------------------------------------------------------------------------ tools in


def decode_tools(values: list[Any] | None) -> tuple[Tool, ...]:
    """``tools``. What has a type other than ``custom`` is Anthropic's own."""
    return tuple(_decode_tool(value, f"tools.{index}") for index, value in enumerate(values or ()))


def _decode_tool(value: Any, at: str) -> Tool:
    if type(value) is not dict:
        raise Malformed(at, f"expected object, got {type_name(value)}")
    kind = maybe_string(value, "type", at)
    if kind is not None and kind != "custom":
        word = next((word for beginning, word in _HOSTED_KINDS if kind.startswith(beginning)), kind)
        return HostedTool(word, FORMAT, value, at)
    cache, extras = told(value, _TOOL, at)
    parameters = value.get("input_schema")
    if parameters is not None and type(parameters) is not dict:
        raise Malformed(f"{at}.input_schema", f"expected object, got {type_name(parameters)}")
    return FunctionTool(
        string(value, "name", at),
        maybe_string(value, "description", at),
        parameters,
        at,
        strict=_maybe_bool(value, "strict", at),
        deferred=_maybe_bool(value, "defer_loading", at),
        cache=cache,
        extras=extras,
    )


def _maybe_bool(value: Json, key: str, at: str) -> bool | None:
    found = value.get(key)
    if found is not None and type(found) is not bool:
        raise Malformed(f"{at}.{key}", f"expected bool, got {type_name(found)}")
    return found


def decode_tool_choice(choice: Fields | None, tools: tuple[Tool, ...]) -> tuple[ToolChoice | None, bool | None]:
    """``tool_choice``, and what it says of parallel calls."""
    if choice is None:
        return None, None
    kind = choice.take("type", str)
    sequential = choice.maybe("disable_parallel_tool_use", bool)
    parallel = None if sequential is None else not sequential
    name = choice.maybe("name", str)
    extras = {key: value for key, value in choice.rest().items() if value is not None} or NO_EXTRAS
    match kind:
        case "auto" | "none":
            return ToolChoice(kind, extras=extras), parallel
        case "any":
            return ToolChoice("required", extras=extras), parallel
        case "tool" if name is not None:
            if any(isinstance(tool, HostedTool) and tool.data.get("name") == name for tool in tools):
                return ToolChoice("required", hosted={"type": "tool", "name": name}, format=FORMAT, extras=extras), parallel
            return ToolChoice("required", (ToolName(name),), extras=extras), parallel
        case "tool":
            raise Malformed("tool_choice.name", "expected str, got null or nothing")
        case _:
            raw = {"type": kind} if name is None else {"type": kind, "name": name}
            return ToolChoice("auto", hosted=raw, format=FORMAT, extras=extras), parallel


# ------------------------------------------------------------------------------------------------------------------------------ tools out


GOOGLE: Format = "google_genai"
"""Whose choice of functions leaves the tools that run there alone."""


def encode_tools(request: Request, out: Outgoing) -> list[Json]:
    """``tools``, without those that the choice shuts out: the wire has no subset of its own."""
    chosen = _subset(request, out)
    tools = []
    for tool in request.tools:
        if chosen is not None and isinstance(tool, HostedTool) and request.format != GOOGLE:
            continue  # OpenAI's choice is among all tools
        if chosen is not None and not isinstance(tool, HostedTool) and (tool.namespace, tool.name) not in chosen:
            continue
        found = _encode_tool(tool, out)
        if found is not None:
            tools.append(found)
    for namespace in request.namespaces:
        if namespace.description:
            out.losses.dropped("namespace", namespace.at, "the description of the group")
        if namespace.extras:
            out.losses.extras(namespace.extras, namespace.at)
    return tools


def declared_by_history(messages: list[Json]) -> list[Json]:
    """A tool for each name that the messages call, about which nothing else is known."""
    blocks = [block for message in messages if type(message["content"]) is list for block in message["content"]]
    called = dict.fromkeys(block["name"] for block in blocks if block["type"] == "tool_use")
    return [{"name": name, "input_schema": {"type": "object", "properties": {}}} for name in called]


def _subset(request: Request, out: Outgoing) -> set[tuple[str | None, str]] | None:
    choice = request.tool_choice
    if choice is None or choice.mode == "none" or not choice.names or (choice.mode == "required" and len(choice.names) == 1):
        return None
    chosen = {(name.namespace, name.name) for name in choice.names}
    known = {(tool.namespace, tool.name) for tool in request.tools if isinstance(tool, FunctionTool | CustomTool)}
    if not chosen & known:
        out.losses.approximated("tool_choice", detail="none of the named tools is declared")
        return None
    out.losses.emulated("tool_choice", detail="only the allowed tools are declared")
    return chosen


def _encode_tool(tool: Tool, out: Outgoing) -> Json | None:
    match tool:
        case FunctionTool():
            return _encode_function(tool, out)
        case CustomTool():
            if tool.grammar is not None:
                out.losses.emulated("grammar", tool.at, "as words in the description")
            else:
                out.losses.emulated("tool", tool.at, "as a function with one string")
            if tool.deferred:
                out.losses.approximated("deferred", tool.at, "declared at once")
            value: Json = {
                "name": out.names.wire(tool.name, tool.namespace),
                "description": custom.description(tool),
                "input_schema": custom.schema(),
            }
            out.extras(value, tool.extras, tool.at)
            return value
        case HostedTool():
            return _encode_hosted(tool, out)
        case _:
            assert_never(tool)


def _encode_function(tool: FunctionTool, out: Outgoing) -> Json:
    value: Json = {"name": out.names.wire(tool.name, tool.namespace)}
    if tool.description is not None:
        value["description"] = tool.description
    strict = tool.strict if out.own or tool.strict else None  # not strict is the wire's default
    if strict and not out.dialect.strict:
        out.losses.dropped("strict", tool.at)
        strict = None
    if out.own:
        value["input_schema"] = schema.plain(tool.schema, foreign=False)
    elif strict:
        value["input_schema"] = schema.anthropic_strict(tool.schema, tool.at, out.losses)
    else:
        value["input_schema"] = schema.anthropic(tool.schema, tool.at, out.losses)
    if strict is not None:
        value["strict"] = strict
    if tool.deferred is not None:
        if out.own:
            value["defer_loading"] = tool.deferred
        elif tool.deferred:
            out.losses.approximated("deferred", tool.at, "declared at once")
    out.extras(value, tool.extras, tool.at)
    out.mark(value, tool.cache, tool.at)
    return value


def _encode_hosted(tool: HostedTool, out: Outgoing) -> Json | None:
    if tool.format == FORMAT:
        return tool.data
    kind = _HOSTED_TYPES.get(tool.kind)
    if kind is None or tool.kind not in out.dialect.hosted_tools:
        out.losses.dropped("hosted_tool", tool.at, f"{tool.kind} does not run there")
        return None
    value: Json = {"type": kind, "name": tool.kind}
    whole = _search_settings(tool.data, value) if tool.kind == "web_search" else not _settings(tool.data)
    if not whole:
        out.losses.approximated("hosted_tool", tool.at, "not all of its settings are known there")
    return value


def _settings(data: Json) -> bool:
    """Whether a foreign tool says more than that it is there. OpenAI's container that is made as it is needed says no more."""
    said = {key: found for key, found in data.items() if key not in {"type", "name"} and found not in (None, {}, [])}
    return bool(said) and said != {"container": {"type": "auto"}}


def _search_settings(data: Json, value: Json) -> bool:
    """OpenAI's settings of web search that have a like; whether these were all."""
    whole = True
    for key, found in data.items():
        if found is None or key == "type" or (key == "googleSearch" and not found):
            continue
        if key == "user_location" and type(found) is dict:
            inner = found.get("approximate")
            place: Json = inner if type(inner) is dict else found
            kept = {name: place[name] for name in ("city", "region", "country", "timezone") if type(place.get(name)) is str}
            if kept:
                value["user_location"] = {"type": "approximate", **kept}
        elif key == "filters" and type(found) is dict and found.keys() <= {"allowed_domains"}:
            if found.get("allowed_domains"):
                value["allowed_domains"] = found["allowed_domains"]
        elif not (key == "search_context_size" and found == "medium"):
            whole = False
    return whole


def forced(request: Request) -> bool:
    """Whether some tool must be called."""
    return bool(request.tools) and request.tool_choice is not None and request.tool_choice.mode == "required"


def encode_tool_choice(request: Request, tools: list[Json], out: Outgoing, *, downgraded: bool) -> Json | None:
    """``tool_choice``, with the switch for parallel calls, which has its place there."""
    choice = request.tool_choice
    if not tools:
        if choice is not None and choice.mode == "required":
            out.losses.approximated("tool_choice", detail="there is no tool to choose")
        return None
    value: Json | None = None
    if choice is not None:
        value = {"type": "auto"} if downgraded else _choice(choice, tools, out)
        out.extras(value, choice.extras, "")
    if request.parallel_tool_calls is False and (value is None or value["type"] != "none"):
        value = {**(value or {"type": "auto"}), "disable_parallel_tool_use": True}
    return value


def _choice(choice: ToolChoice, tools: list[Json], out: Outgoing) -> Json:
    if choice.hosted is not None:
        if choice.format == FORMAT:
            return dict(choice.hosted)
        kind = choice.hosted.get("type")
        word = kind if type(kind) is str else ""
        found = next((tool for tool in tools if tool.get("type") in _HOSTED_TYPES.values() and word.startswith(tool["name"])), None)
        if found is not None:
            return {"type": "tool", "name": found["name"]}
        out.losses.approximated("tool_choice", detail=f"{word or 'the hosted tool'} cannot be forced")
        return {"type": "auto"}
    match choice.mode:
        case "auto" | "none":
            return {"type": choice.mode}
        case "required" if len(choice.names) == 1:
            return {"type": "tool", "name": out.names.wire(choice.names[0].name, choice.names[0].namespace)}
        case "required":
            return {"type": "any"}
        case _:
            assert_never(choice.mode)


# ------------------------------------------------------------------------------------------------------------------------------ calls


def decode_call(block: Json, at: str) -> ToolCall:
    """A ``tool_use`` block."""
    cache, extras = told(block, _CALL, at)
    identity = string(block, "id", at)
    if not identity:
        raise Malformed(f"{at}.id", "expected an id, got an empty string")
    return ToolCall(identity, string(block, "name", at), decode_input(block.get("input"), at), at, cache=cache, extras=extras)


def decode_input(value: Any, at: str) -> str:
    """The arguments' JSON text, ``""`` where there are none."""
    if value is None:
        return ""
    if type(value) is not dict:
        raise Malformed(f"{at}.input", f"expected object, got {type_name(value)}")
    if not value:
        return "{}"
    if len(value) == 1 and type(value.get(RAW_ARGUMENTS)) is str and jsontext.arguments_object(value[RAW_ARGUMENTS]) is None:
        return str(value[RAW_ARGUMENTS])  # our own emergency wrapping
    try:
        return jsontext.encode_text(value)
    except (RecursionError, TypeError) as error:
        raise Malformed(f"{at}.input", f"is no JSON that can be written: {error}") from None


def decode_reply_input(value: Any, at: str) -> str:
    """An upstream's ``input``; some servers write the JSON text itself."""
    return value if type(value) is str else decode_input(value, at)


def encode_input(text: str, kind: ToolKind, at: str, losses: Losses) -> Json:
    """The object for argument text; text that is no JSON object travels in ``_raw``."""
    if kind == "custom":
        return {custom.PROPERTY: text}
    value = jsontext.arguments_object(text)
    if value is not None:
        return value
    losses.approximated("arguments", at, "they are no JSON object")
    return {RAW_ARGUMENTS: text}


def encode_call(call: ToolCall, out: Outgoing) -> Json:
    """A ``tool_use`` block of the history."""
    if call.seal is not None:
        out.losses.dropped("seal", call.at, "made by another provider")
    block: Json = {
        "type": "tool_use",
        "id": names.call_id(call.id, CALL_ID_LIMIT),
        "name": out.names.wire(call.name, call.namespace),
        "input": encode_input(call.arguments, call.kind, call.at, out.losses),
    }
    out.extras(block, call.extras, call.at)
    out.mark(block, call.cache, call.at)
    return block


def restored(name: str, ticket: Ticket) -> ToolName:
    """The client's tool for a wire name; the name itself where the ticket does not know it."""
    return ticket.names.get(name) or ToolName(name)


# ------------------------------------------------------------------------------------------------------------------------------ results


def decode_result(block: Json, at: str, called: dict[str, str], losses: Losses) -> ToolResult:
    """A ``tool_result`` block. ``called`` gives the names of the calls so far."""
    cache, extras = told(block, _RESULT, at)
    identity = string(block, "tool_use_id", at)
    if not identity:
        raise Malformed(f"{at}.tool_use_id", "expected an id, got an empty string")
    content = block.get("content")
    parts: tuple[Part, ...] = ()
    if type(content) is str:
        parts = (Text(content, f"{at}.content"),) if content else ()
    elif type(content) is list:
        found = []
        for index, inner in enumerate(content):
            where = f"{at}.content.{index}"
            found.append(decode_visible(inner, kind_of_block(inner, where), where, losses))
        parts = tuple(found)
    elif content is not None:
        raise Malformed(f"{at}.content", f"expected str or array, got {type_name(content)}")
    return ToolResult(identity, parts, at, called.get(identity), is_error=_maybe_bool(block, "is_error", at), cache=cache, extras=extras)


def encode_result(result: ToolResult, out: Outgoing) -> Json:
    """A ``tool_result`` block."""
    block: Json = {"type": "tool_result", "tool_use_id": names.call_id(result.call_id, CALL_ID_LIMIT)}
    content = []
    for part in result.parts:
        inner = encode_visible(part, out, "result")
        if inner is not None:
            content.append(inner)
    if len(content) == 1 and content[0].keys() == {"type", "text"} and content[0]["type"] == "text":
        block["content"] = content[0]["text"]
    elif content:
        block["content"] = content
    if result.is_error is not None:
        block["is_error"] = result.is_error
    out.extras(block, result.extras, result.at)
    out.mark(block, result.cache, result.at)
    return block
