"""Whole answers ⇄ IR: https://platform.openai.com/docs/api-reference/chat/object."""

from __future__ import annotations

from typing import Any

from rosetta.converters import custom
from rosetta.converters.converter import Coded, Json, Malformed, Reply, Ticket, UpstreamFailed
from rosetta.converters.extras import restore, unknown_within
from rosetta.converters.fields import type_name, unknown
from rosetta.converters.losses import Losses
from rosetta.converters.openai_chat.answer_media import decode_audio, decode_image
from rosetta.converters.openai_chat.citations import decode_annotations
from rosetta.converters.openai_chat.finish import decode_finish, decode_usage, encode_finish, encode_usage, usage_losses
from rosetta.converters.openai_chat.logprobs import decode_logprobs
from rosetta.converters.openai_chat.message import MALFORMED_CALL, Message
from rosetta.converters.openai_chat.outgoing import FORMAT
from rosetta.converters.openai_chat.parts import decode_content
from rosetta.converters.openai_chat.reasoning import (
    DETAILS,
    TEXT_FIELDS,
    beside_signature,
    details_text,
    sealed,
    signature,
)
from rosetta.converters.openai_chat.think_tags import without_think_tags
from rosetta.converters.openai_chat.tools import CALL, CALLED, CALLED_CUSTOM, arguments_text, restored
from rosetta.converters.openai_failures import failure_of
from rosetta.ir.errors import Failure
from rosetta.ir.parts import (
    NO_EXTRAS,
    Format,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolKind,
)
from rosetta.ir.response import Choice, Response

_MESSAGE = frozenset({"role", "content", "refusal", "tool_calls", "function_call", "annotations", "audio", "images", *TEXT_FIELDS, DETAILS})
_CHOICE = frozenset({"index", "message", "finish_reason", "logprobs"})
_THINKING = frozenset({"type", "thinking"})
_THOUGHT = frozenset({"type", "text"})
_BODY = frozenset({"id", "object", "created", "model", "choices", "usage", "service_tier"})


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_response(body: Json, ticket: Ticket) -> Coded[Response]:
    """An answer. Raises UpstreamFailed where it is an error, Malformed where it is none of both."""
    listed = body.get("choices")
    if body.get("error") or (body.get("object") == "error" and not listed):
        raise UpstreamFailed(failure_of(body, None))
    if type(listed) is not list:
        raise Malformed("choices", f"expected array, got {type_name(listed)}")
    if not listed:
        raise UpstreamFailed(Failure("upstream_error", "the upstream sent no answer"))
    choices = [_decode_choice(value, index, ticket) for index, value in enumerate(listed)]
    identity, model, created, tier = body.get("id"), body.get("model"), body.get("created"), body.get("service_tier")
    return Coded(
        Response(
            FORMAT,
            tuple(choices),
            identity if type(identity) is str else "",
            model if type(model) is str else "",
            created if type(created) is int else None,
            decode_usage(body.get("usage")),
            tier if type(tier) is str else None,
            unknown(body, _BODY),
        )
    )


def _decode_choice(value: Any, position: int, ticket: Ticket) -> Choice:
    at = f"choices.{position}"
    if type(value) is not dict:
        raise Malformed(at, f"expected object, got {type_name(value)}")
    message = value.get("message")
    if type(message) is not dict:
        raise Malformed(f"{at}.message", f"expected object, got {type_name(message)}")
    index, error = value.get("index"), value.get("error")
    if error or value.get("finish_reason") == "error":  # OpenRouter, where the provider behind it failed
        raise UpstreamFailed(failure_of({"error": error or "the upstream ended the answer with an error"}, None))
    parts = _decode_message(message, f"{at}.message", ticket)
    called = any(isinstance(part, ToolCall) for part in parts)
    refused = any(isinstance(part, Refusal) for part in parts)
    extras, rest = unknown(value, _CHOICE), unknown(message, _MESSAGE)
    if rest:
        extras = {**extras, **{f"message.{key}": found for key, found in rest.items()}}
    logprobs, beside = decode_logprobs(value.get("logprobs"))
    if beside:
        extras = {**extras, **beside}
    return Choice(
        index if type(index) is int else position,
        tuple(parts),
        decode_finish(value.get("finish_reason"), called=called, refused=refused),
        logprobs,
        extras,
        at if extras else "",
    )


def _decode_message(message: Json, at: str, ticket: Ticket) -> list[Part]:
    parts: list[Part] = []
    text = next((message[key] for key in TEXT_FIELDS if type(message.get(key)) is str and message[key]), "")
    details = message.get(DETAILS)
    details = details if type(details) is list else []
    content = message.get("content")
    beside = NO_EXTRAS
    if type(content) is list:  # Mistral's thoughts are content
        beside = thinking_extras(content)
        thoughts = "".join(thinking_text(piece) for piece in content)
        content = [piece for piece in content if not (type(piece) is dict and piece.get("type") == "thinking")]
        text = "\n\n".join(each for each in (text, thoughts) if each)
    if type(content) is str and ticket.dialect is not None and ticket.dialect.think_tags:
        leaked, content = without_think_tags(content)
        text = "\n\n".join(each for each in (text, leaked) if each)
    text = text or details_text(details)
    found = sealed(text, details, ticket)
    if found:
        parts.append(
            Reasoning(summary=(text,) if text else (), at=f"{at}.{DETAILS if details else TEXT_FIELDS[0]}", seals=found, extras=beside)
        )
    said = decode_content(content, f"{at}.content")
    cited = decode_annotations(message.get("annotations"))
    for part in said:
        if cited and isinstance(part, Text):
            parts.append(Text(part.text, part.at, citations=cited, extras=part.extras))
            cited = ()
        else:
            parts.append(part)
    refusal = message.get("refusal")
    if type(refusal) is str and refusal:
        parts.append(Refusal(refusal, f"{at}.refusal"))
    audio, images = message.get("audio"), message.get("images")
    if type(audio) is dict:
        parts.append(decode_audio(audio, f"{at}.audio"))
    for place, image in enumerate(images if type(images) is list else ()):
        found_image = decode_image(image, f"{at}.images.{place}")
        if found_image is not None:
            parts.append(found_image)
    calls = message.get("tool_calls")
    for index, value in enumerate(calls if type(calls) is list else ()):
        parts.append(_decode_call(value, f"{at}.tool_calls.{index}", ticket))
    legacy = message.get("function_call")
    if type(legacy) is dict and type(legacy.get("name")) is str:
        where = f"{at}.function_call"
        text = arguments_text(legacy.get("arguments"), where)
        parts.append(ToolCall(ticket.new_id("call_"), legacy["name"], text, where, extras=unknown(legacy, CALLED)))
    return parts


def thinking_text(piece: Any) -> str:
    """The text of Mistral's ``{"type": "thinking", "thinking": [{"type": "text", …}]}``."""
    if type(piece) is not dict or piece.get("type") != "thinking":
        return ""
    inner = piece.get("thinking")
    if type(inner) is str:
        return inner
    inner = inner if type(inner) is list else ()
    return "".join(part["text"] for part in inner if type(part) is dict and type(part.get("text")) is str)


def thinking_extras(content: list[Any]) -> dict[str, Any]:
    """What such pieces hold beside their text, by its way from ``content``."""
    extras: dict[str, Any] = {}
    for index, piece in enumerate(content):
        if type(piece) is dict and piece.get("type") == "thinking":
            extras.update({f"content.{index}.{key}": value for key, value in unknown(piece, _THINKING).items()})
            inner = piece.get("thinking")
            for place, part in enumerate(inner if type(inner) is list else ()):
                if type(part) is dict:
                    extras.update({f"content.{index}.thinking.{place}.{key}": value for key, value in unknown(part, _THOUGHT).items()})
    return extras or NO_EXTRAS


def _decode_call(value: Any, at: str, ticket: Ticket) -> ToolCall:
    if type(value) is not dict:
        raise Malformed(at, f"expected object, got {type_name(value)}")
    identity = value.get("id")
    identity = identity if type(identity) is str and identity else ticket.new_id("call_")
    native = value.get("type") == "custom"
    inner = value.get("custom" if native else "function")
    name = inner.get("name") if type(inner) is dict else None
    if type(inner) is not dict or type(name) is not str or not name:
        raise Malformed(f"{at}.function.name", "expected str")
    tool = restored(name, ticket)
    text = arguments_text(inner.get("input" if native else "arguments"), f"{at}.function.arguments")
    if tool.kind == "custom" and not native:
        text = custom.unwrap(text)
    kind: ToolKind = "custom" if native else tool.kind
    called, known = ("custom", CALLED_CUSTOM) if native else ("function", CALLED)
    extras = {**unknown_within(unknown(value, CALL), value, called, known), **beside_signature(value)} or NO_EXTRAS
    return ToolCall(identity, tool.name, text, at, kind, tool.namespace, signature(value, ticket), extras=extras)


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_response(response: Response, reply: Reply) -> Coded[Json]:
    """An answer for a chat client; the model's thoughts in ``reasoning_content``. Raises UpstreamFailed where a malformed call is all there is."""
    losses = Losses()
    own = response.format == FORMAT
    body: Json = {
        "id": response.id if own and response.id else reply.new_id("chatcmpl-"),
        "object": "chat.completion",
        "created": response.created if own and response.created is not None else reply.created,
        "model": reply.model or response.model,
        "choices": [_encode_choice(choice, response.format, reply, losses) for choice in response.choices],
        "usage": encode_usage(response.usage, own=own),
    }
    usage_losses(response.usage, losses, own=own)
    if response.service_tier is not None:
        body["service_tier"] = response.service_tier
    if own:
        restore(body, response.extras, losses)
    else:
        losses.extras(response.extras)
    return Coded(body, tuple(losses))


def _encode_choice(choice: Choice, source: Format, reply: Reply, losses: Losses) -> Json:
    if choice.finish is not None and choice.finish.reason == "malformed_tool_call" and not choice.parts:
        raise UpstreamFailed(Failure("upstream_error", MALFORMED_CALL))
    own = source == FORMAT
    message = Message(source, reply, losses)
    for part in choice.parts:
        message.add(part)
    wire: Json = {
        "index": choice.index,
        "message": message.wire(),
        "logprobs": choice.logprobs if own or choice.logprobs is None else {"content": None, "refusal": None, **choice.logprobs},
        "finish_reason": encode_finish(choice.finish, called=bool(message.calls), refused=bool(message.refusals), own=own, losses=losses),
    }
    if own:
        restore(wire, choice.extras, losses)
    else:
        losses.extras(choice.extras, choice.at)
    return wire
