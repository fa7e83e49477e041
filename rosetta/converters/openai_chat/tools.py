"""Tools, tool choice, calls and results: https://platform.openai.com/docs/guides/function-calling.

The deprecated twins ``functions``, ``function_call`` and role ``function`` are read as what they became.
"""

from __future__ import annotations

from typing import Any, assert_never

import msgspec

from rosetta.converters import custom, jsontext, names, pairing, schema
from rosetta.converters.converter import Json, Malformed, Ticket
from rosetta.converters.extras import restore, unknown_within
from rosetta.converters.fields import Fields, maybe_string, string, type_name, unknown
from rosetta.converters.openai_chat.outgoing import FORMAT, Outgoing
from rosetta.converters.openai_chat.parts import is_wordy
from rosetta.ir.parts import NO_EXTRAS, Media, Part, Text, ToolCall, ToolResult
from rosetta.ir.request import CustomTool, FunctionTool, Grammar, HostedTool, Request, Tool, ToolChoice, ToolName

_MODES = frozenset({"auto", "none", "required"})
CALL = frozenset({"id", "type", "function", "custom", "index", "extra_content"})
"""``reasoning.py`` reads the last."""
_FUNCTION = frozenset({"name", "description", "parameters", "strict"})
_CUSTOM = frozenset({"name", "description", "format"})
CALLED = frozenset({"name", "arguments"})
CALLED_CUSTOM = frozenset({"name", "input"})
_TOOL = frozenset({"type", "function", "custom"})
_FORMAT = frozenset({"type", "grammar"})
_GRAMMAR = frozenset({"syntax", "definition"})
_FLAT_GRAMMAR = frozenset({"type", "syntax", "definition"})
_NAMED = frozenset({"name"})
_ALLOWED = frozenset({"type", "allowed_tools"})
_LISTED = frozenset({"mode", "tools"})
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
        tools.append(_decode_function(value, at, at, unknown(value, _FUNCTION)))
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
            return _decode_function(function, f"{at}.function", at, unknown_within(unknown(value, _TOOL), value, "function", _FUNCTION))
        case "custom":
            inner = value.get("custom")
            if type(inner) is not dict:
                raise Malformed(f"{at}.custom", f"expected object, got {'null or nothing' if inner is None else type_name(inner)}")
            grammar = _decode_grammar(inner.get("format"))
            extras = unknown_within(unknown(value, _TOOL), value, "custom", _CUSTOM)
            if grammar is None and inner.get("format") not in (None, {"type": "text"}):
                extras = {**extras, "custom.format": inner["format"]}
            elif grammar is not None:
                extras = {**extras, **_grammar_extras(inner["format"])} or NO_EXTRAS
            return CustomTool(
                string(inner, "name", f"{at}.custom"), maybe_string(inner, "description", f"{at}.custom"), grammar, at, extras=extras
            )
        case str():
            return HostedTool(kind, FORMAT, value, at)
        case _:
            raise Malformed(f"{at}.type", f"expected str, got {type_name(kind)}")


def _decode_function(function: Json, where: str, at: str, extras: dict[str, Any]) -> FunctionTool:
    parameters = function.get("parameters")
    if parameters is not None and type(parameters) is not dict:
        raise Malformed(f"{where}.parameters", f"expected object, got {type_name(parameters)}")
    strict = function.get("strict")
    if strict is not None and type(strict) is not bool:
        raise Malformed(f"{where}.strict", f"expected bool, got {type_name(strict)}")
    return FunctionTool(
        string(function, "name", where),
        maybe_string(function, "description", where),
        parameters,
        at,
        strict,
        extras=extras,
    )


def _decode_grammar(value: Any) -> Grammar | None:
    grammar = value.get("grammar", value) if type(value) is dict and value.get("type") == "grammar" else None
    if type(grammar) is not dict:
        return None
    syntax, definition = grammar.get("syntax"), grammar.get("definition")
    return Grammar(syntax, definition) if type(syntax) is str and type(definition) is str else None


def _grammar_extras(value: Json) -> dict[str, Any]:
    inner = value.get("grammar")
    if type(inner) is not dict:
        return {f"custom.format.{key}": found for key, found in unknown(value, _FLAT_GRAMMAR).items()}
    extras = {f"custom.format.{key}": found for key, found in unknown(value, _FORMAT).items()}
    return {**extras, **{f"custom.format.grammar.{key}": found for key, found in unknown(inner, _GRAMMAR).items()}}


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
        function["parameters"] = tool.schema if out.own else schema.plain(tool.schema)
    elif not out.own:
        function["parameters"] = schema.plain(None)
    if out.faithful and tool.strict is not None:
        function["strict"] = tool.strict
    elif tool.strict:  # false is what this wire takes for granted
        if out.dialect.strict and (out.own or schema.openai_strict(tool.schema or {})):
            function["strict"] = True
        else:
            out.losses.dropped("strict", tool.at, "the schema does not fit strict mode" if out.dialect.strict else "")
    _settle(tool, out)
    wire: Json = {"type": "function", "function": function}
    out.extras(wire, tool.extras, tool.at)
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
    wire: Json = {"type": "custom", "custom": inner}
    out.extras(wire, tool.extras, tool.at)
    return wire


def _encode_hosted(tool: HostedTool, body: Json, tools: list[Json], out: Outgoing) -> None:
    if tool.format == FORMAT:
        if not (out.faithful or tool.kind in out.dialect.hosted_tools):
            out.losses.dropped("hosted_tool", tool.at, tool.kind)
        elif _WEB_SEARCH in tool.data:
            body[_WEB_SEARCH] = tool.data[_WEB_SEARCH]
        else:
            tools.append(tool.data)
        return
    if tool.kind != "web_search" or "web_search" not in out.dialect.hosted_tools:
        out.losses.dropped("hosted_tool", tool.at, tool.kind)
        return
    data = tool.data
    if "type" not in data and len(data) == 1 and type(inner := next(iter(data.values()))) is dict:
        data = inner  # Google's settings stand one level deeper
    options: Json = {}
    size, location = data.get("search_context_size"), data.get("user_location")
    if type(size) is str:
        options["search_context_size"] = size
    if type(location) is dict:
        where = {key: value for key, value in location.items() if key != "type" and value is not None}
        options["user_location"] = location if "approximate" in location else {"type": "approximate", "approximate": where}
    body[_WEB_SEARCH] = options
    said = {"type", "name", "cache_control", "search_context_size", "user_location"}
    out.losses.extras({key: value for key, value in data.items() if key not in said and value not in (None, {}, [])}, tool.at)


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
        if whole:
            return ToolChoice("required" if mode == "required" else "auto", known, extras=_allowed_extras(value, listed))
        return ToolChoice("required" if mode == "required" else "auto", known, hosted=value, format=FORMAT)
    name = _chosen(value)
    if name is not None:
        return ToolChoice("required", (name,), extras=_chosen_extras(value, "tool_choice") or NO_EXTRAS)
    if value.get("type") in ("function", "custom", None):
        raise Malformed("tool_choice.function.name", "expected str, got null or nothing")
    return ToolChoice("required", hosted=value, format=FORMAT)


def _chosen(tool: Json) -> ToolName | None:
    kind = tool.get("type")
    inner = tool.get("custom" if kind == "custom" else "function")
    name = inner.get("name") if type(inner) is dict else None
    return ToolName(name, kind="custom" if kind == "custom" else "function") if type(name) is str else None


def _chosen_extras(tool: Json, at: str) -> dict[str, Any]:
    kind = "custom" if tool.get("type") == "custom" else "function"
    extras = unknown_within(unknown(tool, _TOOL), tool, kind, _NAMED)
    return {f"{at}.{key}": value for key, value in extras.items()}


def _allowed_extras(choice: Json, listed: list[Any]) -> dict[str, Any]:
    """What an ``allowed_tools`` choice and its tools hold beside what is known."""
    inner = choice.get("allowed_tools")
    extras: dict[str, Any] = {}
    if type(inner) is dict:
        extras = {
            f"tool_choice.{key}": value
            for key, value in unknown_within(unknown(choice, _ALLOWED), choice, "allowed_tools", _LISTED).items()
        }
        for index, tool in enumerate(listed):
            extras.update(_chosen_extras(tool, f"tool_choice.allowed_tools.tools.{index}"))
    else:
        extras = {f"tool_choice.{key}": value for key, value in unknown(choice, _LISTED | _ALLOWED).items()}
    return extras or NO_EXTRAS


def encode_choice(request: Request, body: Json, out: Outgoing) -> None:
    """``tool_choice`` and ``parallel_tool_calls``, which the wire refuses without tools."""
    if request.parallel_tool_calls is not None and "tools" in body:
        if out.dialect.parallel_tool_calls or out.faithful:
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
    _encode_form(choice, body, out)
    if out.own and choice.extras:
        restore(body, choice.extras, out.losses)


def _encode_form(choice: ToolChoice, body: Json, out: Outgoing) -> None:
    forms = [_encode_chosen(name, out) for name in choice.names]
    weak = out.dialect.tool_choice == "auto_only" and not out.faithful
    if choice.hosted is not None and choice.format == FORMAT and out.faithful:
        body["tool_choice"] = choice.hosted
    elif choice.hosted is not None:
        out.losses.approximated("tool_choice", detail="the tool is not known here")
        body["tool_choice"] = "auto" if weak or choice.mode == "auto" else "required"
    elif choice.mode == "none" or (choice.mode == "auto" and not forms):
        body["tool_choice"] = choice.mode
    elif weak:
        out.losses.approximated("tool_choice", detail="the server takes auto and none only")
        body["tool_choice"] = "auto"
    elif not forms:
        body["tool_choice"] = "required"
    elif len(forms) == 1 and choice.mode == "required":
        body["tool_choice"] = forms[0]
    elif out.dialect.tool_choice == "all" or out.faithful:
        body["tool_choice"] = {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": forms}}
    else:  # the others are not offered at all: the same choice, at the price of the prompt's cache
        allowed = {out.names.wire(name.name, name.namespace) for name in choice.names}
        kept = [tool for tool in body["tools"] if (tool.get("function") or tool.get("custom") or {}).get("name") in allowed]
        body["tool_choice"] = choice.mode
        if kept:
            body["tools"] = kept
            out.losses.emulated("tool_choice", detail="only the allowed tools are offered")
        else:
            out.losses.approximated("tool_choice", detail="none of the named tools is declared")


def _encode_chosen(name: ToolName, out: Outgoing) -> Json:
    kind = "custom" if name.kind == "custom" and out.dialect.custom_tools else "function"
    return {"type": kind, kind: {"name": out.names.wire(name.name, name.namespace)}}


# ------------------------------------------------------------------------------------------------------------------------ calls and results


def decode_call(value: Any, at: str, customs: frozenset[str], beside: dict[str, Any]) -> ToolCall:
    """One of ``tool_calls`` in history. A streaming client knows calls of its custom tools (``customs``) as functions with the text wrapped.
    ``beside``: what its ``extra_content`` says beside a state."""
    if type(value) is not dict:
        raise Malformed(at, f"expected object, got {type_name(value)}")
    if value.get("type") == "custom":
        inner = value.get("custom")
        if type(inner) is not dict:
            raise Malformed(f"{at}.custom", f"expected object, got {type_name(inner)}")
        text = string(inner, "input", f"{at}.custom")
        extras = {**unknown_within(unknown(value, CALL), value, "custom", CALLED_CUSTOM), **beside} or NO_EXTRAS
        return ToolCall(_identity(value, at), string(inner, "name", f"{at}.custom"), text, at, "custom", extras=extras)
    function = value.get("function")
    if type(function) is not dict:
        raise Malformed(f"{at}.function", f"expected object, got {'null or nothing' if function is None else type_name(function)}")
    name = string(function, "name", f"{at}.function")
    arguments = arguments_text(function.get("arguments"), f"{at}.function.arguments")
    extras = {**unknown_within(unknown(value, CALL), value, "function", CALLED), **beside} or NO_EXTRAS
    if name in customs:
        wrapped = jsontext.arguments_object(arguments)
        if wrapped is not None and wrapped.keys() == {custom.PROPERTY} and type(wrapped[custom.PROPERTY]) is str:
            return ToolCall(_identity(value, at), name, wrapped[custom.PROPERTY], at, "custom", extras=extras)
    return ToolCall(_identity(value, at), name, arguments, at, extras=extras)


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
_EVIDENT = ("error", "failed", "traceback")


def split_result(part: ToolResult, out: Outgoing) -> tuple[list[Part], list[Media]]:
    """What a tool message can say, text alone, and the media that must follow in a user message. A chat client's own result stays as it is."""
    if out.faithful:
        return list(part.parts), []
    said: list[Part] = []
    hoisted: list[Media] = []
    for piece in part.parts:
        if isinstance(piece, Media) and not is_wordy(piece):
            hoisted.append(piece)
        else:
            said.append(piece)
    if part.is_error and not (len(said) == 1 and isinstance(said[0], Text) and said[0].text == pairing.NO_RESULT):
        place = next((place for place, piece in enumerate(said) if isinstance(piece, Text)), None)
        first = said[place] if place is not None else None
        if place is None or not isinstance(first, Text):
            said.insert(0, Text(ERROR_PREFIX.rstrip(": ")))
        elif first.text.lower().startswith(_EVIDENT):
            return said, hoisted
        else:
            said[place] = msgspec.structs.replace(first, text=ERROR_PREFIX + first.text)
        out.losses.emulated("is_error", part.at, "as words")
    return said, hoisted


# ------------------------------------------------------------------------------------------------------------------------ answers


def restored(name: str, ticket: Ticket) -> ToolName:
    """The client's tool behind a wire name."""
    return ticket.names.get(name) or ToolName(name)
