"""Calls and results of history ⇄ items: ``function_call``, ``custom_tool_call`` and their outputs."""

from __future__ import annotations

from rosetta.converters import custom, jsontext
from rosetta.converters.converter import Json, Malformed
from rosetta.converters.fields import maybe_string, string, type_name, unknown
from rosetta.converters.names import call_id
from rosetta.converters.openai_responses.parts import Outgoing, decode_content, encode_input
from rosetta.converters.openai_responses.tools import wire_name
from rosetta.converters.pairing import NO_RESULT
from rosetta.ir.parts import Opaque, Part, Text, ToolCall, ToolResult

_CALL = frozenset({"type", "id", "status", "call_id", "name", "namespace", "arguments"})
_CUSTOM_CALL = frozenset({"type", "id", "status", "call_id", "name", "namespace", "input"})
_RESULT = frozenset({"type", "id", "status", "call_id", "name", "namespace", "output"})


def decode_call(item: Json, at: str) -> ToolCall:
    """``function_call`` or ``custom_tool_call``."""
    name, namespace = string(item, "name", at), maybe_string(item, "namespace", at)
    identity = string(item, "call_id", at)
    if not identity:
        raise Malformed(f"{at}.call_id", "expected an id, got an empty string")
    if item["type"] == "custom_tool_call":
        return ToolCall(identity, name, string(item, "input", at), at, "custom", namespace or None, extras=unknown(item, _CUSTOM_CALL))
    arguments = item.get("arguments")
    if type(arguments) is dict:  # Ollama-minded clients
        arguments = jsontext.encode_text(arguments)
    elif arguments is None:
        arguments = ""
    elif type(arguments) is not str:
        raise Malformed(f"{at}.arguments", f"expected str, got {type_name(arguments)}")
    return ToolCall(identity, name, arguments, at, namespace=namespace or None, extras=unknown(item, _CALL))


def decode_result(item: Json, at: str, identity: str, call: ToolCall | None) -> ToolResult:
    """``function_call_output`` or ``custom_tool_call_output``; ``call`` is the call it answers, where it is known."""
    output = item.get("output")
    kind = "custom" if item["type"] == "custom_tool_call_output" else "function"
    return ToolResult(
        identity,
        () if output is None else decode_content(output, f"{at}.output"),
        at,
        name=call.name if call is not None else maybe_string(item, "name", at),
        kind="custom" if kind == "custom" else "function",
        extras=unknown(item, _RESULT),
    )


def encode_call(part: ToolCall, out: Outgoing) -> Json:
    """A call of history."""
    identity = call_id(part.id)
    name = wire_name(part.name, part.namespace, out)
    wire: Json
    if part.kind == "custom" and out.dialect.custom_tools:
        out.custom_calls.add(part.id)
        wire = {"type": "custom_tool_call", "call_id": identity, "name": name, "input": part.arguments}
    else:
        arguments = custom.wrap(part.arguments) if part.kind == "custom" else part.arguments
        wire = {"type": "function_call", "call_id": identity, "name": name, "arguments": arguments if arguments.strip() else "{}"}
    if part.namespace is not None and out.dialect.namespaces:
        wire["namespace"] = part.namespace
    if part.cache is not None:
        out.losses.dropped("cache", part.at)
    if part.seal is not None:
        out.losses.dropped("seal", part.at)
    out.extras(wire, part.extras, part.at)
    return wire


def encode_result(part: ToolResult, out: Outgoing, *, known: bool = True) -> Json:
    """A result. ``known=False``: its call is kept at the provider, so that its kind is all there is to tell custom ones."""
    as_custom = part.call_id in out.custom_calls if known else part.kind == "custom" and out.dialect.custom_tools
    wire: Json = {
        "type": "custom_tool_call_output" if as_custom else "function_call_output",
        "call_id": call_id(part.call_id),
        "output": _encode_output(part, out),
    }
    if part.cache is not None:
        out.losses.dropped("cache", part.at)
    out.extras(wire, part.extras, part.at)
    return wire


def _encode_output(part: ToolResult, out: Outgoing) -> str | list[Json]:
    failed = _failed(part, out)
    texts = [found for found in part.parts if isinstance(found, Text)]
    if len(texts) == len(part.parts) and (len(texts) < 2 or not (out.own or out.dialect.openai_extras)):
        plain = not any(text.cache or text.extras or text.citations or text.seal for text in texts)
        if plain:
            text = "\n".join([text.text for text in texts])
            return f"Error: {text}" if failed else text
    content: list[Json] = []
    for found in part.parts:
        encoded = encode_input(found, out)
        if encoded is not None:
            content.append(encoded)
    if failed:
        content.insert(0, {"type": "input_text", "text": "Error:"})
    return content


def _failed(part: ToolResult, out: Outgoing) -> bool:
    """Whether the words must tell that the call failed: this wire has no flag for it."""
    if not part.is_error:
        return False
    first: Part | None = next(iter(part.parts), None)
    if isinstance(first, Text):
        if first.text == NO_RESULT:
            return False
        out.losses.approximated("is_error", part.at, "as words")
        return not first.text.lstrip().lower().startswith("error")
    out.losses.approximated("is_error", part.at, "as words")
    return not isinstance(first, Opaque)
