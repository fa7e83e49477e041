"""A Message ⇄ Response: https://docs.claude.com/en/api/messages.

``encode_response(decode_response(x)) == x`` for an Anthropic upstream, up to this normal form: no blank texts and no null or unknown-to-the-reader
empty fields but ``stop_sequence``; ``usage`` has at least both counts; thinking has a ``signature``, empty where there was none.
"""

from __future__ import annotations

from typing import Any, assert_never

from rosetta.converters import custom, names, seals
from rosetta.converters.anthropic.errors import failure_of
from rosetta.converters.anthropic.finish import (
    decode_finish,
    decode_reply_tier,
    decode_usage,
    encode_finish,
    encode_reply_tier,
    encode_usage,
    finish_losses,
    usage_losses,
)
from rosetta.converters.anthropic.parts import FORMAT, decode_text, decode_visible, kind_of_block, plain
from rosetta.converters.anthropic.reasoning import UNSIGNED, carrier, decode_thought
from rosetta.converters.anthropic.tools import CALL_ID_LIMIT, decode_reply_input, encode_input, restored
from rosetta.converters.carriers import of_what_was_said
from rosetta.converters.converter import Coded, Json, Malformed, Reply, Ticket, UpstreamFailed
from rosetta.converters.fields import type_name
from rosetta.converters.losses import Losses
from rosetta.converters.names import NAMESPACE_SEPARATOR
from rosetta.ir.parts import NO_EXTRAS, Media, Opaque, Part, Reasoning, Refusal, Seal, Text, ToolCall, ToolResult
from rosetta.ir.response import Choice, Response

_KNOWN = frozenset({"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage"})
CALL = frozenset({"type", "id", "name", "input"})


# ------------------------------------------------------------------------------------------------------------------------------ decode


def decode_response(body: Json, ticket: Ticket) -> Coded[Response]:
    """A whole answer. Raises UpstreamFailed where it is an error, Malformed where it is no message."""
    if body.get("type") == "error" or (type(body.get("error")) is dict and "content" not in body):
        raise UpstreamFailed(failure_of(body, None))
    content = body.get("content")
    if type(content) is not list:
        raise Malformed("content", f"expected array, got {type_name(content)}")
    losses = Losses()
    parts = tuple(_decode_block(block, f"content.{index}", ticket, losses) for index, block in enumerate(content))
    called = any(isinstance(part, ToolCall) for part in parts)
    usage = body.get("usage")
    identity, model = body.get("id"), body.get("model")
    return Coded(
        Response(
            format=FORMAT,
            choices=(
                Choice(
                    0, parts, decode_finish(body.get("stop_reason"), body.get("stop_sequence"), body.get("stop_details"), called=called)
                ),
            ),
            id=identity if type(identity) is str else "",
            model=model if type(model) is str else "",
            usage=decode_usage(usage),
            service_tier=decode_reply_tier(usage.get("service_tier")) if type(usage) is dict else None,
            extras={key: value for key, value in body.items() if key not in _KNOWN and value is not None} or NO_EXTRAS,
        ),
        tuple(losses),
    )


def _decode_block(block: Any, at: str, ticket: Ticket, losses: Losses) -> Part:
    kind = kind_of_block(block, at)
    match kind:
        case "text":
            return decode_text(block, at)
        case "tool_use":
            return decode_reply_call(block, at, ticket)
        case "thinking" | "redacted_thinking":
            return decode_thought(block, kind, ticket, at)
        case _:
            return decode_visible(block, kind, at, losses)


def decode_reply_call(block: Json, at: str, ticket: Ticket) -> ToolCall:
    """An upstream's ``tool_use``, under the client's name for the tool."""
    identity, name = block.get("id"), block.get("name")
    if type(name) is not str:
        raise Malformed(f"{at}.name", f"expected str, got {type_name(name)}")
    tool = restored(name, ticket)
    arguments = decode_reply_input(block.get("input"), at)
    return ToolCall(
        identity if type(identity) is str and identity else ticket.new_id("toolu_"),
        tool.name,
        custom.unwrap(arguments) if tool.kind == "custom" else arguments,
        at,
        kind=tool.kind,
        namespace=tool.namespace,
        extras={key: value for key, value in block.items() if key not in CALL and value is not None} or NO_EXTRAS,
    )


# ------------------------------------------------------------------------------------------------------------------------------ encode


def encode_response(response: Response, reply: Reply) -> Coded[Json]:
    """A whole answer for an Anthropic client."""
    own = response.format == FORMAT
    losses = Losses()
    if len(response.choices) > 1:
        losses.dropped("choices", detail="one answer is all that this wire can hold")
    choice = response.choices[0] if response.choices else Choice(0, ())
    content: list[Json] = []
    for part in choice.parts:
        content.extend(_encode_part(part, own, reply, losses))
    if any((choice.logprobs or {}).values()):
        losses.dropped("logprobs")
    called = any(block["type"] == "tool_use" for block in content)
    refused = any(isinstance(part, Refusal) and part.text for part in choice.parts)
    usage = encode_usage(response.usage, own=own, estimate=reply.input_tokens)
    tier = encode_reply_tier(response.service_tier, own=own)
    if tier is not None:
        usage["service_tier"] = tier
    usage_losses(response.usage, losses, own=own)
    finish_losses(choice.finish, losses, own=own)
    body: Json = {
        "id": response.id if own and response.id else reply.new_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": reply.model or response.model,
        "content": content,
        **encode_finish(choice.finish, own=own, called=called, refused=refused),
        "usage": usage,
    }
    if own:
        body.update(response.extras)
    else:
        losses.extras(response.extras)
        losses.extras(choice.extras, choice.at)
    return Coded(body, tuple(losses))


def _encode_part(part: Part, own: bool, reply: Reply, losses: Losses) -> list[Json]:
    match part:
        case Text():
            return _encode_text(part, own, losses)
        case Refusal():
            if not part.text:
                return []
            said = plain(part.text)
            _extras(said, part.extras, own, part.at, losses)
            return [said]
        case Reasoning():
            return _encode_reasoning(part, own, reply, losses)
        case ToolCall():
            block = encode_reply_call(part, losses)
            _extras(block, part.extras, own, part.at, losses)
            before = [] if part.seal is None else _carried((part.seal,), part.at, losses)
            return [*before, block]
        case Opaque() | Media() | ToolResult():
            found = encode_data(part, losses)
            return [] if found is None else [found]
        case _:
            assert_never(part)


def _extras(block: Json, extras: dict[str, Any], own: bool, at: str, losses: Losses) -> None:
    if own:
        block.update(extras)
    else:
        losses.extras(extras, at)


def _encode_text(part: Text, own: bool, losses: Losses) -> list[Json]:
    blocks: list[Json] = []
    if part.phase is not None:
        losses.dropped("phase", part.at)
    if part.text:
        block = plain(part.text)
        raws = [citation.raw for citation in part.citations if citation.format == FORMAT]
        if raws:
            block["citations"] = raws
        _extras(block, part.extras, own, part.at, losses)
        blocks.append(block)
    if any(citation.format != FORMAT for citation in part.citations):
        losses.dropped("citations", part.at)
    if part.seal is not None:
        blocks.extend(_carried((of_what_was_said(part.seal),), part.at, losses))
    return blocks


def _carried(found: tuple[Seal, ...], at: str, losses: Losses) -> list[Json]:
    block = carrier(found)
    if block is None:
        losses.dropped("seal", at, "too large for a client to carry")
        return []
    return [block]


def _encode_reasoning(part: Reasoning, own: bool, reply: Reply, losses: Losses) -> list[Json]:
    blocks: list[Json] = []
    text = part.text
    if part.raw and part.raw != text:
        losses.dropped("raw", part.at, "the chain beside its summary")
    foreign = tuple(seal for seal in part.seals if seals.HOME[seal.kind] != FORMAT)
    for seal in part.seals:
        if seal.kind == "redacted":
            blocks.append({"type": "redacted_thinking", "data": seal.value})
        elif seal.kind == "signature":
            blocks.append({"type": "thinking", "thinking": text, "signature": seal.value})
    if foreign or not blocks:
        shown = "" if omitted(reply) and not own else text
        if foreign:
            block = carrier(foreign, shown)
            if block is None:
                losses.dropped("seal", part.at, "too large for a client to carry")
                block = {"type": "thinking", "thinking": shown, "signature": UNSIGNED}
        else:
            block = {"type": "thinking", "thinking": shown, "signature": "" if own else UNSIGNED}
        if shown or (foreign and block["signature"] != UNSIGNED):
            blocks.append(block)
    if blocks:
        _extras(blocks[0], part.extras, own, part.at, losses)
    return blocks


def omitted(reply: Reply) -> bool:
    """Whether the client asked for thoughts without their text (``thinking.display: omitted``)."""
    return reply.request.reasoning.visible is False


def encode_reply_call(call: ToolCall, losses: Losses) -> Json:
    """A ``tool_use`` block for the client."""
    return {
        "type": "tool_use",
        "id": names.call_id(call.id, CALL_ID_LIMIT),
        "name": call_name(call.name, call.namespace),
        "input": encode_input(call.arguments, call.kind, call.at, losses),
    }


def call_name(name: str, namespace: str | None) -> str:
    """A call's name in one word."""
    return name if namespace is None else f"{namespace}{NAMESPACE_SEPARATOR}{name}"


def encode_data(part: Part | None, losses: Losses) -> Json | None:
    """An own block as it is, the words of a foreign one; media and results have no place in an answer."""
    match part:
        case Opaque(format="anthropic"):
            return part.data
        case Opaque():
            if part.text:
                losses.approximated("part", part.at, f"{part.kind} said as text")
                return plain(part.text)
            losses.dropped("part", part.at, part.kind)
        case Media(transcript=str(words)) if words:
            losses.approximated(part.kind, part.at, "as its transcript")
            return plain(words)
        case Media():
            losses.dropped(part.kind, part.at, "answers hold text and calls only")
        case ToolResult():
            losses.dropped("tool_result", part.at)
        case _:
            losses.dropped("part", detail="nothing that can be shown")
    return None
