"""Tools, tool choice, calls and results: https://ai.google.dev/gemini-api/docs/function-calling."""

from __future__ import annotations

import re
from typing import Any, assert_never

from rosetta.converters import custom, jsontext, schema
from rosetta.converters.converter import Json, Malformed, Ticket
from rosetta.converters.fields import type_name
from rosetta.converters.google_genai.parts import FORMAT, Outgoing, decode_plain, encode_plain, maybe_object, maybe_string, string, unknown
from rosetta.ir.parts import Media, Part, Text, ToolCall, ToolResult
from rosetta.ir.request import CustomTool, FunctionTool, HostedTool, Request, Tool, ToolChoice, ToolName

NAME_INVALID = re.compile(r"[^A-Za-z0-9_.:-]|^(?=[^A-Za-z_])")

_DECLARATION = frozenset({"name", "description", "parameters", "parametersJsonSchema"})
_CALL = frozenset({"id", "name", "args"})
_RESULT = frozenset({"id", "name", "response", "parts"})
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
    if out.dialect.schemas == "openapi":
        wire["parameters"] = schema.google_openapi(value, at, out.losses)
    else:
        wire["parametersJsonSchema"] = schema.google_json_schema(value)


def _encode_function(tool: FunctionTool, out: Outgoing) -> Json:
    wire: Json = {"name": out.names.wire(tool.name, tool.namespace)}
    if tool.description is not None:
        wire["description"] = tool.description
    if tool.schema is not None and (tool.schema.get("properties") or tool.schema.get("type") != "object" or out.own):
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
    rest = unknown(config, frozenset({"functionCallingConfig"}))
    if calling is None:
        return ToolChoice("auto", extras={"toolConfig": rest}) if rest else None
    where = "toolConfig.functionCallingConfig"
    word = (maybe_string(calling, "mode", where) or "AUTO").upper()
    names = calling.get("allowedFunctionNames") or []
    if type(names) is not list or not all(type(name) is str for name in names):
        raise Malformed(f"{where}.allowedFunctionNames", "expected array of str")
    extras = dict(unknown(calling, frozenset({"mode", "allowedFunctionNames"})))
    if word == "VALIDATED" or word not in _MODES:
        extras["mode"] = word
    if rest:
        extras["toolConfig"] = rest
    return ToolChoice(_MODES.get(word, "auto"), tuple(ToolName(name) for name in names), extras=extras)  # type: ignore[arg-type]  # of _MODES


def encode_choice(request: Request, functions: bool, out: Outgoing) -> Json | None:
    """``toolConfig``."""
    if request.parallel_tool_calls is False:
        out.losses.dropped("parallel_tool_calls")
    choice = request.tool_choice
    if choice is None:
        return None
    if not out.own:
        out.losses.extras(choice.extras)
    rest = choice.extras.get("toolConfig") if out.own else None
    if not functions:
        if choice.mode == "required":
            out.losses.approximated("tool_choice", detail="there is no function to choose")
        return dict(rest) if rest else None
    calling: Json = {"mode": {"auto": "AUTO", "none": "NONE", "required": "ANY"}[choice.mode]}
    if choice.hosted is not None:
        out.losses.approximated("tool_choice", detail="the tool is not known here")
        calling["mode"] = "AUTO"
    elif choice.names and choice.mode != "none":
        names = [out.names.wire(name.name, name.namespace) for name in choice.names]
        if choice.mode == "auto":  # AUTO has no subset; VALIDATED may answer in words too
            calling["mode"] = "VALIDATED"
        calling["allowedFunctionNames"] = names
    if out.own:
        calling.update({key: value for key, value in choice.extras.items() if key != "toolConfig"})
    return {"functionCallingConfig": calling, **(rest or {})}


# ------------------------------------------------------------------------------------------------------------------------ calls


def decode_call(call: Any, identity: str, at: str) -> ToolCall:
    """``functionCall`` of history; ``identity`` serves where the wire has no id."""
    if type(call) is not dict:
        raise Malformed(f"{at}.functionCall", f"expected object, got {type_name(call)}")
    where = f"{at}.functionCall"
    args = maybe_object(call, "args", where)
    return ToolCall(
        maybe_string(call, "id", where) or identity,
        string(call, "name", where),
        "{}" if args is None else jsontext.encode_text(args),
        at,
        extras=unknown(call, _CALL),
    )


def encode_call(part: ToolCall, out: Outgoing) -> Json:
    """A call of history. Arguments that are no object are wrapped, and that is a Loss."""
    if part.cache is not None:
        out.losses.dropped("cache", part.at)
    text = custom.wrap(part.arguments) if part.kind == "custom" else part.arguments
    args = jsontext.arguments_object(text)
    if args is None:
        out.losses.approximated("arguments", part.at, "no JSON object: wrapped as _raw")
        args = {"_raw": text}
    call: Json = {"name": out.names.wire(part.name, part.namespace), "args": args}
    if out.dialect.call_ids and part.id:
        call = {"id": part.id, **call}
    out.extras(call, part.extras, part.at)
    return {"functionCall": call}


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


# ------------------------------------------------------------------------------------------------------------------------ results


def decode_result(value: Any, identity: str, at: str) -> ToolResult:
    """``functionResponse``. ``{output: …}`` is the result, ``{error: …}`` a failed one, any other object stands for itself."""
    where = f"{at}.functionResponse"
    if type(value) is not dict:
        raise Malformed(where, f"expected object, got {type_name(value)}")
    response = value.get("response")
    is_error: bool | None = None
    parts: list[Part] = []
    if type(response) is dict:
        content: Any = response
        if response.keys() == {"output"}:
            content = response["output"]
        elif response.keys() == {"error"}:
            content, is_error = response["error"], True
        elif response.keys() == {"name", "content"}:  # the Vercel SDK's form
            content = response["content"]
        text = content if type(content) is str else "" if content is None else jsontext.encode_text(content)
        if text:
            parts.append(Text(text, f"{where}.response"))
    elif response is not None:
        raise Malformed(f"{where}.response", f"expected object, got {type_name(response)}")
    media = value.get("parts")
    for index, part in enumerate(media if type(media) is list else ()):
        if type(part) is dict:
            decoded = decode_plain(part, f"{where}.parts.{index}")
            if decoded is not None:
                parts.append(decoded)
    return ToolResult(identity, tuple(parts), at, maybe_string(value, "name", where), is_error=is_error, extras=unknown(value, _RESULT))


def encode_result(part: ToolResult, name: str, out: Outgoing) -> tuple[Json, list[Json]]:
    """``functionResponse``, and the media which must stand beside it where the response cannot hold them."""
    texts: list[str] = []
    media: list[Json] = []
    for piece in part.parts:
        wire = encode_plain(piece, out, inside_result=True)
        if wire is None:
            continue
        if "text" in wire and len(wire) == 1:
            texts.append(wire["text"])
        elif isinstance(piece, Media):
            media.append(wire)
        else:
            texts.append(jsontext.encode_text(wire))
    text = "\n\n".join(texts)
    if part.is_error:
        response: Json = {"error": text}
    else:
        value = jsontext.arguments_object(text) if text.startswith("{") else None
        response = value if value and value.keys() not in ({"output"}, {"error"}) else {"output": text}
    wire = {"name": name, "response": response}
    if out.dialect.call_ids:
        wire = {"id": part.call_id, **wire}
    beside: list[Json] = []
    if media and out.dialect.result_media:
        wire["parts"] = media
    elif media:
        out.losses.emulated("tool_result", part.at, "the media follow the results")
        beside = media
    if part.cache is not None:
        out.losses.dropped("cache", part.at)
    out.extras(wire, part.extras, part.at)
    return {"functionResponse": wire}, beside
