"""Tools, tool choice, calls and results: https://ai.google.dev/gemini-api/docs/function-calling."""

from __future__ import annotations

import re
from typing import Any, assert_never

from rosetta.converters import custom, jsontext, schema
from rosetta.converters.converter import Json, Malformed, Ticket
from rosetta.converters.fields import maybe_object, maybe_string, string, type_name, unknown
from rosetta.converters.google_genai.parts import FORMAT, Outgoing, decode_plain, encode_plain, unknown_within
from rosetta.ir.parts import Media, Opaque, Part, Seal, Text, ToolCall, ToolResult
from rosetta.ir.request import CustomTool, FunctionTool, HostedTool, Request, Tool, ToolChoice, ToolName

NAME_INVALID = re.compile(r"[^A-Za-z0-9_.:-]|^(?=[^A-Za-z_])")

_DECLARATION = frozenset({"name", "description", "parameters", "parametersJsonSchema"})
_CALL_PART = frozenset({"functionCall", "thought", "thoughtSignature"})
_CALL = frozenset({"id", "name", "args"})
_RESULT_PART = frozenset({"functionResponse", "thought", "thoughtSignature"})
_RESULT = frozenset({"id", "name", "response", "parts"})
_NO_ARGUMENTS = frozenset({"type", "properties", "required", "additionalProperties", "$schema"})
HOSTED: dict[str, str] = {
    "googleSearch": "web_search",
    "googleSearchRetrieval": "web_search",
    "codeExecution": "code_execution",
    "urlContext": "web_fetch",
    "fileSearch": "file_search",
    "computerUse": "computer",
    "mcpServers": "mcp",
}
_OWN_WORD = {"web_search": "googleSearch", "code_execution": "codeExecution", "web_fetch": "urlContext"}
CALLING = "toolConfig.functionCallingConfig"
_CHOICE = frozenset({"functionCallingConfig"})
_CALLING = frozenset({"mode", "allowedFunctionNames"})
_VERCEL = frozenset({"name", "content"})
"""How the Vercel SDK's provider wraps a result."""
_WRAPPINGS = (_VERCEL, frozenset({"output"}), frozenset({"error"}))
_MODES = {"AUTO": "auto", "NONE": "none", "ANY": "required", "VALIDATED": "auto", "MODE_UNSPECIFIED": "auto"}


# ------------------------------------------------------------------------------------------------------------------------ tools in


def decode_tools(values: list[Any]) -> tuple[Tool, ...]:
    """``tools``: declarations of functions in one object or many, and what Google runs itself."""
    tools: list[Tool] = []
    for index, value in enumerate(values):
        at = f"tools.{index}"
        if type(value) is not dict:
            raise Malformed(at, f"expected object, got {type_name(value)}")
        for key, inner in value.items():
            if inner is None:
                continue
            if key == "functionDeclarations":
                if type(inner) is not list:
                    raise Malformed(f"{at}.functionDeclarations", f"expected array, got {type_name(inner)}")
                tools.extend(_decode_function(declared, f"{at}.functionDeclarations.{place}") for place, declared in enumerate(inner))
            else:
                name = str(key)
                tools.append(HostedTool(HOSTED.get(name, name), FORMAT, {name: inner}, f"{at}.{name}"))
    return tuple(tools)


def _decode_function(declared: Any, at: str) -> FunctionTool:
    if type(declared) is not dict:
        raise Malformed(at, f"expected object, got {type_name(declared)}")
    parameters = maybe_object(declared, "parametersJsonSchema", at)
    if parameters is None:
        old = maybe_object(declared, "parameters", at)
        parameters = None if old is None else schema.from_google(old)
    return FunctionTool(
        string(declared, "name", at), maybe_string(declared, "description", at), parameters, at, extras=unknown(declared, _DECLARATION)
    )


# ------------------------------------------------------------------------------------------------------------------------ tools out


def encode_tools(request: Request, out: Outgoing) -> list[Json]:
    """``tools``: all functions in one object, hosted tools beside it."""
    for namespace in request.namespaces:
        if namespace.description:
            out.losses.dropped("namespace", namespace.at, "its description; the tools stand alone")
        out.losses.extras(namespace.extras, namespace.at)
    functions: list[Json] = []
    hosted: list[Json] = []
    for tool in request.tools:
        match tool:
            case FunctionTool():
                functions.append(_encode_function(tool, out))
            case CustomTool():
                functions.append(_encode_custom(tool, out))
            case HostedTool():
                wire = _encode_hosted(tool, out)
                if wire is not None:
                    hosted.append(wire)
            case _:
                assert_never(tool)
    return [*([{"functionDeclarations": functions}] if functions else []), *hosted]


def _parameters(wire: Json, value: Json, at: str, out: Outgoing) -> None:
    if out.dialect.schemas == "json_schema":
        wire["parametersJsonSchema"] = schema.google_json_schema(value, foreign=not out.own)
        return
    made = schema.google_openapi(value, at, out.losses)
    if made.get("type") != "OBJECT" or made.get("properties"):  # an object without properties is a 400 there
        wire["parameters"] = made


def _takes_nothing(value: Json) -> bool:
    """Whether a schema says no more than that there are no arguments."""
    return (
        value.get("type") == "object"
        and not value.get("properties")
        and not value.get("required")
        and not value.get("additionalProperties")
        and value.keys() <= _NO_ARGUMENTS
    )


def _encode_function(tool: FunctionTool, out: Outgoing) -> Json:
    wire: Json = {"name": out.names.wire(tool.name, tool.namespace)}
    if tool.description is not None:
        wire["description"] = tool.description
    if tool.schema is not None and (out.own or not _takes_nothing(tool.schema)):
        _parameters(wire, tool.schema, tool.at, out)
    if tool.strict:
        out.losses.dropped("strict", tool.at)
    if tool.deferred:
        out.losses.approximated("deferred", tool.at, "sent from the beginning")
    if tool.cache is not None:
        out.losses.dropped("cache", tool.at)
    out.extras(wire, tool.extras, tool.at)
    return wire


def _encode_custom(tool: CustomTool, out: Outgoing) -> Json:
    wire: Json = {"name": out.names.wire(tool.name, tool.namespace), "description": custom.description(tool)}
    _parameters(wire, custom.schema(), tool.at, out)
    out.losses.emulated("tool" if tool.grammar is None else "grammar", tool.at, "a function with one string")
    if tool.deferred:
        out.losses.approximated("deferred", tool.at, "sent from the beginning")
    out.losses.extras(tool.extras, tool.at)
    return wire


def _encode_hosted(tool: HostedTool, out: Outgoing) -> Json | None:
    if tool.format == FORMAT:
        return tool.data
    if tool.kind not in out.dialect.hosted_tools or tool.kind not in _OWN_WORD:
        out.losses.dropped("hosted_tool", tool.at, tool.kind)
        return None
    data = tool.data
    if "type" not in data and len(data) == 1:
        inner = next(iter(data.values()))
        data = inner if type(inner) is dict else data
    settings = {key: value for key, value in data.items() if key not in ("type", "name", "cache_control") and value not in (None, {}, [])}
    out.losses.extras(settings, tool.at)
    return {_OWN_WORD[tool.kind]: {}}


# ------------------------------------------------------------------------------------------------------------------------ choice


def decode_choice(config: Json | None) -> ToolChoice | None:
    """``toolConfig.functionCallingConfig``. What else ``toolConfig`` holds stays in the choice's extras."""
    if config is None:
        return None
    calling = maybe_object(config, "functionCallingConfig", "toolConfig")
    rest = {f"toolConfig.{key}": value for key, value in unknown(config, _CHOICE).items()}
    if calling is None:
        return ToolChoice("auto", extras=rest) if rest else None
    word = (maybe_string(calling, "mode", CALLING) or "AUTO").upper()
    names = calling.get("allowedFunctionNames") or []
    if type(names) is not list or not all(type(name) is str for name in names):
        raise Malformed(f"{CALLING}.allowedFunctionNames", "expected array of str")
    extras = {f"{CALLING}.{key}": value for key, value in unknown(calling, _CALLING).items()}
    if word not in _MODES or (word == "VALIDATED" and not names):
        extras[f"{CALLING}.mode"] = word
    extras.update(rest)
    return ToolChoice(_MODES.get(word, "auto"), tuple(ToolName(name) for name in names), extras=extras)  # type: ignore[arg-type]  # of _MODES


def encode_choice(request: Request, functions: bool, out: Outgoing) -> Json | None:
    """``toolConfig``."""
    if request.parallel_tool_calls is False and functions:
        out.losses.dropped("parallel_tool_calls")
    choice = request.tool_choice
    if choice is None:
        return None
    config: Json = {}
    calling: Json = {}
    if out.own:
        for key, value in choice.extras.items():
            inside = key.removeprefix(f"{CALLING}.")
            (config if inside == key else calling)[inside.removeprefix("toolConfig.")] = value
    else:
        out.losses.extras(choice.extras)
    if choice.mode != "auto" or choice.names or calling or choice.hosted is not None or not config:
        mode = {"auto": "AUTO", "none": "NONE", "required": "ANY"}[choice.mode]
        if choice.hosted is not None:
            out.losses.approximated("tool_choice", detail="the tool is not known here")
            mode = "AUTO"
        elif choice.names and choice.mode != "none":
            if choice.mode == "auto":  # AUTO has no subset; VALIDATED may answer in words too
                mode = "VALIDATED"
            calling = {"allowedFunctionNames": [out.names.wire(name.name, name.namespace) for name in choice.names], **calling}
        if functions or out.own:
            config["functionCallingConfig"] = {"mode": mode, **calling}
        elif choice.mode == "required" and choice.hosted is None:
            out.losses.approximated("tool_choice", detail="there is no function to choose")
    return config or None


# ------------------------------------------------------------------------------------------------------------------------ calls


def implied_id(at: str) -> str:
    """The id of a call or result that has none on the wire: ``contents.3.parts.0`` is ``call_3_0``, the same in every later request."""
    steps = at.split(".")
    return f"call_{steps[1]}_{steps[3]}" if len(steps) == 4 else f"call_{'_'.join(steps)}"


def decode_call(part: Json, at: str, seal: Seal | None) -> ToolCall:
    """``functionCall`` of history."""
    call, where = part["functionCall"], f"{at}.functionCall"
    if type(call) is not dict:
        raise Malformed(where, f"expected object, got {type_name(call)}")
    args = maybe_object(call, "args", where)
    return ToolCall(
        maybe_string(call, "id", where) or implied_id(at),
        string(call, "name", where),
        "{}" if args is None else jsontext.encode_text(args),
        at,
        seal=seal,
        extras=call_extras(part),
    )


def encode_call(part: ToolCall, out: Outgoing, *, numbered: bool) -> Json:
    """A call of history. Arguments that are no object are wrapped, and that is a Loss."""
    if part.cache is not None:
        out.losses.dropped("cache", part.at)
    text = custom.wrap(part.arguments) if part.kind == "custom" else part.arguments
    args = jsontext.arguments_object(text)
    if args is None:
        out.losses.approximated("arguments", part.at, "no JSON object: wrapped as _raw")
        args = {"_raw": text}
    call: Json = {"name": out.names.wire(part.name, part.namespace), "args": args}
    if numbered:
        call = {"id": part.id, **call}
    wire = {"functionCall": call}
    out.extras(wire, part.extras, part.at)
    return wire


def restored(name: str, ticket: Ticket) -> ToolName:
    """The client's tool behind a wire name."""
    return ticket.names.get(name) or ToolName(name)


def answered_call(call: Any, ticket: Ticket) -> tuple[ToolName, str, str]:
    """A call of an answer: the tool, the id, the arguments. Raises TypeError where it is none."""
    name = call["name"]
    if type(name) is not str:
        raise TypeError("the name of a call is no string")
    identity, args = call.get("id"), call.get("args")
    tool = restored(name, ticket)
    text = "{}" if args is None else jsontext.encode_text(args)
    if tool.kind == "custom":
        text = custom.unwrap(text)
    return tool, identity if type(identity) is str and identity else ticket.new_id("call_"), text


def call_extras(part: Json) -> dict[str, Any]:
    """What nobody knows of a call's part and of the call."""
    return unknown_within(part, _CALL_PART, "functionCall", part["functionCall"], _CALL)


# ------------------------------------------------------------------------------------------------------------------------ results


def decode_result(part: Json, at: str) -> ToolResult:
    """``functionResponse``. ``{output: …}`` is the result, ``{error: …}`` a failed one, any other object stands for itself. ``call_id`` is empty where the wire
    has none."""
    value, where = part["functionResponse"], f"{at}.functionResponse"
    if type(value) is not dict:
        raise Malformed(where, f"expected object, got {type_name(value)}")
    response = maybe_object(value, "response", where)
    is_error: bool | None = None
    parts: list[Part] = []
    if response is not None:
        content: Any = response
        if response.keys() == {"output"}:
            content = response["output"]
        elif response.keys() == {"error"}:
            content, is_error = response["error"], True
        elif response.keys() == _VERCEL:
            content = response["content"]
        text = content if type(content) is str else "" if content is None else jsontext.encode_text(content)
        if text:
            parts.append(Text(text, f"{where}.response"))
    pieces = value.get("parts")
    if pieces is not None and type(pieces) is not list:
        raise Malformed(f"{where}.parts", f"expected array, got {type_name(pieces)}")
    for index, piece in enumerate(pieces or ()):
        if type(piece) is not dict:
            raise Malformed(f"{where}.parts.{index}", f"expected object, got {type_name(piece)}")
        decoded = decode_plain(piece, f"{where}.parts.{index}")
        if decoded is not None:
            parts.append(decoded)
    return ToolResult(
        maybe_string(value, "id", where) or "",
        tuple(parts),
        at,
        maybe_string(value, "name", where),
        is_error=is_error,
        extras=unknown_within(part, _RESULT_PART, "functionResponse", value, _RESULT),
    )


def encode_result(part: ToolResult, name: str, out: Outgoing, *, numbered: bool) -> tuple[Json, list[Json]]:
    """``functionResponse``, and the media which must stand beside it where the response cannot hold them."""
    texts: list[str] = []
    media: list[Json] = []
    for piece in part.parts:
        wire = encode_plain(piece, out, inside_result=True)
        if wire is None:
            continue
        if isinstance(piece, Media | Opaque) and "text" not in wire:
            media.append(wire)
        else:
            texts.append(wire["text"])
    text = "\n\n".join(texts)
    if part.is_error:
        response: Json = {"error": text}
    else:
        value = jsontext.arguments_object(text) if text.startswith("{") else None
        response = value if value and value.keys() not in _WRAPPINGS else {"output": text}
    answer: Json = {"name": name, "response": response}
    if numbered:
        answer = {"id": part.call_id, **answer}
    beside: list[Json] = []
    if media and out.dialect.result_media:
        answer["parts"] = media
    elif media:
        out.losses.emulated("tool_result", part.at, "the media follow the results")
        beside = media
    if part.cache is not None:
        out.losses.dropped("cache", part.at)
    wire = {"functionResponse": answer}
    out.extras(wire, part.extras, part.at)
    return wire, beside
