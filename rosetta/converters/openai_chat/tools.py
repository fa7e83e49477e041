"""Tools, tool choice, calls and results: https://platform.openai.com/docs/guides/function-calling.

The deprecated twins ``functions``, ``function_call`` and role ``function`` are read as what they became.
"""

from __future__ import annotations

from typing import Any, assert_never

import msgspec

from rosetta.converters import custom, jsontext, names, schema
from rosetta.converters.converter import Json, Malformed, Ticket
from rosetta.converters.fields import Fields, type_name
from rosetta.converters.openai_chat.parts import FORMAT, Outgoing, maybe_string, string, unknown
from rosetta.ir.parts import Media, Part, Text, ToolCall, ToolResult
from rosetta.ir.request import CustomTool, FunctionTool, Grammar, HostedTool, Request, Tool, ToolChoice, ToolName

_MODES = frozenset({"auto", "none", "required"})
_CALL = frozenset({"id", "type", "function", "custom", "index", "extra_content"})
_FUNCTION = frozenset({"name", "description", "parameters", "strict"})
_WEB_SEARCH = "web_search_options"


# ------------------------------------------------------------------------------------------------------------------------ tools in


def decode_tools(fields: Fields) -> tuple[Tool, ...]:
    """``tools``, the deprecated ``functions`` and ``web_search_options``."""
    tools: list[Tool] = []
    for index, value in enumerate(fields.maybe("tools", list) or ()):
        tools.append(_decode_tool(value, f"tools.{index}"))
    for index, value in enumerate(fields.maybe("functions", list) or ()):
        at = f"functions.{index}"
        if type(value) is not dict:
            raise Malformed(at, f"expected object, got {type_name(value)}")
        tools.append(_decode_function(value, at, at, {}))
    options = fields.maybe(_WEB_SEARCH, dict)
    if options is not None:
        tools.append(HostedTool("web_search", FORMAT, {_WEB_SEARCH: options}, _WEB_SEARCH))
    return tuple(tools)


def _decode_tool(value: Any, at: str) -> Tool:
    if type(value) is not dict:
        raise Malformed(at, f"expected object, got {type_name(value)}")
    kind = value.get("type")
    match kind:
        case "function" | None:
            function = value.get("function")
            if type(function) is not dict:
                raise Malformed(f"{at}.function", f"expected object, got {'null or nothing' if function is None else type_name(function)}")
            return _decode_function(function, f"{at}.function", at, unknown(value, frozenset({"type", "function"})))
        case "custom":
            inner = value.get("custom")
            if type(inner) is not dict:
                raise Malformed(f"{at}.custom", f"expected object, got {'null or nothing' if inner is None else type_name(inner)}")
            return CustomTool(
                string(inner, "name", f"{at}.custom"),
                maybe_string(inner, "description", f"{at}.custom"),
                _decode_grammar(inner.get("format")),
                at,
                extras=unknown(inner, frozenset({"name", "description", "format"})),
            )
        case str():
            return HostedTool(kind, FORMAT, value, at)
        case _:
            raise Malformed(f"{at}.type", f"expected str, got {type_name(kind)}")


def _decode_function(function: Json, where: str, at: str, outer: dict[str, Any]) -> FunctionTool:
    parameters = function.get("parameters")
    if parameters is not None and type(parameters) is not dict:
        raise Malformed(f"{where}.parameters", f"expected object, got {type_name(parameters)}")
    strict = function.get("strict")
    if strict is not None and type(strict) is not bool:
        raise Malformed(f"{where}.strict", f"expected bool, got {type_name(strict)}")
    extras = unknown(function, _FUNCTION)
    return FunctionTool(
        string(function, "name", where),
        maybe_string(function, "description", where),
        parameters,
        at,
        strict,
        extras={**extras, **outer} if outer else extras,
    )


def _decode_grammar(value: Any) -> Grammar | None:
    grammar = value.get("grammar", value) if type(value) is dict and value.get("type") == "grammar" else None
    if type(grammar) is not dict:
        return None
    syntax, definition = grammar.get("syntax"), grammar.get("definition")
    return Grammar(syntax, definition) if type(syntax) is str and type(definition) is str else None


# ------------------------------------------------------------------------------------------------------------------------ tools out


def encode_tools(request: Request, body: Json, out: Outgoing) -> None:
    """``tools`` and ``web_search_options``."""
    for namespace in request.namespaces:
        if namespace.description:
            out.losses.dropped("namespace", namespace.at, "its description; the tools stand alone")
        out.losses.extras(namespace.extras, namespace.at)
    tools: list[Json] = []
    for tool in request.tools:
        if not out.dialect.tools and not isinstance(tool, HostedTool):
            out.losses.dropped("tool", tool.at, "the model takes no tools")
            continue
        match tool:
            case FunctionTool():
                tools.append(_encode_function(tool, out))
            case CustomTool():
                tools.append(_encode_custom(tool, out))
            case HostedTool():
                _encode_hosted(tool, body, tools, out)
            case _:
                assert_never(tool)
    if tools:
        body["tools"] = tools


def _encode_function(tool: FunctionTool, out: Outgoing) -> Json:
    function: Json = {"name": out.names.wire(tool.name, tool.namespace)}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.schema is not None:
        function["parameters"] = schema.plain(tool.schema, foreign=not out.own)
    elif not out.own:
        function["parameters"] = schema.plain(None)
    if tool.strict is not None:
        if out.own or (out.dialect.strict and (not tool.strict or schema.openai_strict(tool.schema or {}))):
            if tool.strict or out.own:
                function["strict"] = tool.strict
        elif tool.strict:
            detail = "the schema does not fit strict mode" if out.dialect.strict else ""
            out.losses.dropped("strict", tool.at, detail)
    _settle(tool, out)
    wire: Json = {"type": "function", "function": function}
    out.extras(function, tool.extras, tool.at)
    return wire


def _settle(tool: FunctionTool | CustomTool, out: Outgoing) -> None:
    if tool.deferred:
        out.losses.approximated("deferred", tool.at, "sent from the beginning")
    if isinstance(tool, FunctionTool) and tool.cache is not None:
        out.losses.dropped("cache", tool.at)


def _encode_custom(tool: CustomTool, out: Outgoing) -> Json:
    name = out.names.wire(tool.name, tool.namespace)
    _settle(tool, out)
    if not out.dialect.custom_tools:
        out.losses.emulated("tool" if tool.grammar is None else "grammar", tool.at, "a function with one string")
        out.losses.extras(tool.extras, tool.at)
        return {"type": "function", "function": {"name": name, "description": custom.description(tool), "parameters": custom.schema()}}
    inner: Json = {"name": name}
    if tool.description is not None:
        inner["description"] = tool.description
    if tool.grammar is not None:
        inner["format"] = {"type": "grammar", "grammar": {"syntax": tool.grammar.syntax, "definition": tool.grammar.definition}}
    out.extras(inner, tool.extras, tool.at)
    return {"type": "custom", "custom": inner}


def _encode_hosted(tool: HostedTool, body: Json, tools: list[Json], out: Outgoing) -> None:
    if tool.format != FORMAT:
        out.losses.dropped("hosted_tool", tool.at, tool.kind)
    elif _WEB_SEARCH in tool.data:
        body[_WEB_SEARCH] = tool.data[_WEB_SEARCH]
    else:
        tools.append(tool.data)


# ------------------------------------------------------------------------------------------------------------------------ choice


def decode_choice(fields: Fields) -> ToolChoice | None:
    """``tool_choice`` or the deprecated ``function_call``."""
    value = fields.any("tool_choice")
    legacy = fields.any("function_call")
    if value is None:
        if legacy is None:
            return None
        value = {"type": "function", "function": legacy} if type(legacy) is dict else legacy
    if type(value) is str:
        if value == "any":  # Mistral's word
            value = "required"
        if value not in _MODES:
            raise Malformed("tool_choice", f"expected auto, none, required or an object, got {value!r}")
        return ToolChoice(value)  # type: ignore[arg-type]  # one of the three, as just checked
    if type(value) is not dict:
        raise Malformed("tool_choice", f"expected str or object, got {type_name(value)}")
    if value.get("type") == "allowed_tools":
        inner = value.get("allowed_tools")
        inner = inner if type(inner) is dict else value
        listed = inner.get("tools")
        if type(listed) is not list:
            raise Malformed("tool_choice.allowed_tools.tools", f"expected array, got {type_name(listed)}")
        found = [_chosen(tool) for tool in listed if type(tool) is dict]
        known = tuple([name for name in found if name is not None])
        whole = bool(known) and len(known) == len(listed)
        mode = "required" if inner.get("mode") == "required" else "auto"
        return ToolChoice(
            "required" if mode == "required" else "auto", known, hosted=None if whole else value, format=None if whole else FORMAT
        )
    name = _chosen(value)
    if name is not None:
        return ToolChoice("required", (name,))
    if value.get("type") in ("function", "custom", None):
        raise Malformed("tool_choice.function.name", "expected str, got null or nothing")
    return ToolChoice("required", hosted=value, format=FORMAT)


def _chosen(tool: Json) -> ToolName | None:
    kind = tool.get("type")
    inner = tool.get("custom" if kind == "custom" else "function")
    name = inner.get("name") if type(inner) is dict else None
    return ToolName(name, kind="custom" if kind == "custom" else "function") if type(name) is str else None


def encode_choice(request: Request, body: Json, out: Outgoing) -> None:
    """``tool_choice`` and ``parallel_tool_calls``, which the wire refuses without tools."""
    if request.parallel_tool_calls is not None and "tools" in body:
        if out.dialect.parallel_tool_calls or out.own:
            body["parallel_tool_calls"] = request.parallel_tool_calls
        elif not request.parallel_tool_calls:
            out.losses.dropped("parallel_tool_calls")
    choice = request.tool_choice
    if choice is None:
        return
    if "tools" not in body:
        if choice.mode == "required":
            out.losses.approximated("tool_choice", detail="there is no tool to choose")
        return
    if not out.own:
        out.losses.extras(choice.extras)
    if choice.hosted is not None:
        if choice.format == FORMAT:
            body["tool_choice"] = choice.hosted
        else:
            out.losses.approximated("tool_choice", detail="the tool is not known here")
            body["tool_choice"] = choice.mode
        return
    if choice.mode == "none" or not choice.names:
        if choice.mode == "required" and out.dialect.tool_choice == "auto_only":
            out.losses.approximated("tool_choice", detail="the server takes auto and none only")
            body["tool_choice"] = "auto"
        else:
            body["tool_choice"] = choice.mode
        return
    forms = [_encode_chosen(name, out) for name in choice.names]
    if out.dialect.tool_choice == "auto_only":
        out.losses.approximated("tool_choice", detail="the server takes auto and none only")
        body["tool_choice"] = "auto"
    elif len(forms) == 1 and choice.mode == "required":
        body["tool_choice"] = forms[0]
    elif out.dialect.tool_choice == "all" or out.own:
        body["tool_choice"] = {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": forms}}
    else:  # the others are not offered at all: the same choice, at the price of the prompt's cache
        allowed = {out.names.wire(name.name, name.namespace) for name in choice.names}
        body["tools"] = [tool for tool in body["tools"] if (tool.get("function") or tool.get("custom") or {}).get("name") in allowed]
        body["tool_choice"] = choice.mode
        out.losses.emulated("tool_choice", detail="only the allowed tools are offered")


def _encode_chosen(name: ToolName, out: Outgoing) -> Json:
    kind = "custom" if name.kind == "custom" and out.dialect.custom_tools else "function"
    return {"type": kind, kind: {"name": out.names.wire(name.name, name.namespace)}}


# ------------------------------------------------------------------------------------------------------------------------ calls and results


def decode_call(value: Any, at: str) -> ToolCall:
    """One of ``tool_calls`` in history."""
    if type(value) is not dict:
        raise Malformed(at, f"expected object, got {type_name(value)}")
    if value.get("type") == "custom":
        inner = value.get("custom")
        if type(inner) is not dict:
            raise Malformed(f"{at}.custom", f"expected object, got {type_name(inner)}")
        text = string(inner, "input", f"{at}.custom")
        return ToolCall(_identity(value, at), string(inner, "name", f"{at}.custom"), text, at, "custom", extras=unknown(value, _CALL))
    function = value.get("function")
    if type(function) is not dict:
        raise Malformed(f"{at}.function", f"expected object, got {'null or nothing' if function is None else type_name(function)}")
    arguments = arguments_text(function.get("arguments"), f"{at}.function.arguments")
    return ToolCall(_identity(value, at), string(function, "name", f"{at}.function"), arguments, at, extras=unknown(value, _CALL))


def _identity(value: Json, at: str) -> str:
    identity = maybe_string(value, "id", at)
    return identity or f"call_{at.replace('.', '_')}"  # some local clients send none


def arguments_text(value: Any, at: str) -> str:
    """Argument text; an object, as Ollama writes it, becomes its text."""
    if value is None:
        return ""
    if type(value) is str:
        return value
    if type(value) is dict:
        return jsontext.encode_text(value)
    raise Malformed(at, f"expected str, got {type_name(value)}")


def encode_call(part: ToolCall, out: Outgoing) -> Json:
    """A call of history."""
    if part.cache is not None:
        out.losses.dropped("cache", part.at)
    wire: Json = {"id": encode_id(part.id, out)}
    name = out.names.wire(part.name, part.namespace)
    if part.kind == "custom" and out.dialect.custom_tools:
        wire |= {"type": "custom", "custom": {"name": name, "input": part.arguments}}
    else:
        arguments = custom.wrap(part.arguments) if part.kind == "custom" else part.arguments
        wire |= {"type": "function", "function": {"name": name, "arguments": arguments if arguments.strip() else "{}"}}
    out.extras(wire, part.extras, part.at)
    return wire


def encode_id(identity: str, out: Outgoing) -> str:
    """A call id as the server takes it."""
    match out.dialect.call_ids:
        case "any":
            return identity
        case "openai":
            return names.short_id(identity)
        case "mistral":
            return names.mistral_id(identity)
        case _:
            assert_never(out.dialect.call_ids)


ERROR_PREFIX = "Error: "


def split_result(part: ToolResult, out: Outgoing) -> tuple[list[Part], list[Part]]:
    """What a tool message can say, text alone, and the media that must follow in a user message."""
    said: list[Part] = []
    hoisted: list[Part] = []
    for piece in part.parts:
        (hoisted if isinstance(piece, Media) and piece.kind != "document" else said).append(piece)
    if part.is_error and not out.own:
        place = next((place for place, piece in enumerate(said) if isinstance(piece, Text)), None)
        first = said[place] if place is not None else None
        text = first.text if isinstance(first, Text) else ""
        if not text.lower().startswith(("error", "failed", "traceback", "[no result")):
            if place is None or not isinstance(first, Text):
                said.insert(0, Text(ERROR_PREFIX.rstrip(": ")))
            else:
                said[place] = msgspec.structs.replace(first, text=ERROR_PREFIX + text)
            out.losses.emulated("is_error", part.at, "as words")
    for piece in hoisted:
        out.losses.emulated("tool_result", piece.at if not isinstance(piece, ToolResult) else part.at, "the media follow in a user message")
    return said, hoisted


# ------------------------------------------------------------------------------------------------------------------------ answers


def restored(name: str, ticket: Ticket) -> ToolName:
    """The client's tool behind a wire name."""
    return ticket.names.get(name) or ToolName(name)
