"""Whole answers ⇄ IR: https://platform.openai.com/docs/api-reference/chat/object."""

from __future__ import annotations

from typing import Any

from rosetta.converters import custom, media
from rosetta.converters.converter import Coded, Json, Malformed, Reply, Ticket, UpstreamFailed
from rosetta.converters.fields import type_name
from rosetta.converters.losses import Losses
from rosetta.converters.openai_chat.finish import decode_finish, decode_usage, encode_finish, encode_usage, usage_losses
from rosetta.converters.openai_chat.parts import FORMAT, decode_annotation, decode_content, decode_url, encode_annotation, unknown
from rosetta.converters.openai_chat.reasoning import DETAILS, TEXT_FIELDS, details_of, details_text, envelope, sealed, signature
from rosetta.converters.openai_chat.tools import arguments_text, restored
from rosetta.converters.openai_failures import failure_of
from rosetta.ir.parts import NO_EXTRAS, Inline, Media, Opaque, Part, Reasoning, Refusal, Seal, Text, ToolCall
from rosetta.ir.response import Choice, Response

_MESSAGE = frozenset({"images", "role", "content", "refusal", "tool_calls", "function_call", "annotations", "audio", *TEXT_FIELDS, DETAILS})
_CHOICE = frozenset({"index", "message", "finish_reason", "logprobs"})
_BODY = frozenset({"id", "object", "created", "model", "choices", "usage", "service_tier"})


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_response(body: Json, ticket: Ticket) -> Coded[Response]:
    """An answer. Raises UpstreamFailed where it is an error, Malformed where it is none of both."""
    if body.get("error"):
        raise UpstreamFailed(failure_of(body, None))
    listed = body.get("choices")
    if type(listed) is not list:
        raise Malformed("choices", f"expected array, got {type_name(listed)}")
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
    index, logprobs = value.get("index"), value.get("logprobs")
    parts = _decode_message(message, f"{at}.message", ticket)
    called = any(isinstance(part, ToolCall) for part in parts)
    refused = any(isinstance(part, Refusal) for part in parts)
    extras = unknown(value, _CHOICE)
    rest = unknown(message, _MESSAGE)
    return Choice(
        index if type(index) is int else position,
        tuple(parts),
        decode_finish(value.get("finish_reason"), called=called, refused=refused),
        logprobs if type(logprobs) is dict else None,
        {**extras, "message": rest} if rest else extras,
    )


def _decode_message(message: Json, at: str, ticket: Ticket) -> list[Part]:
    parts: list[Part] = []
    text = next((message[key] for key in TEXT_FIELDS if type(message.get(key)) is str and message[key]), "")
    details = message.get(DETAILS)
    details = details if type(details) is list else []
    content = message.get("content")
    if type(content) is list:  # Mistral's thoughts are content
        thoughts = "".join(thinking_text(piece) for piece in content)
        content = [piece for piece in content if not (type(piece) is dict and piece.get("type") == "thinking")]
        text = text or thoughts
    text = text or details_text(details)
    found = sealed(text, details, ticket)
    if found:
        parts.append(Reasoning(summary=(text,) if text else (), at=at, seals=found))
    said = decode_content(content, f"{at}.content")
    annotations = message.get("annotations")
    cited = tuple([c for value in annotations if (c := decode_annotation(value)) is not None]) if type(annotations) is list else ()
    for part in said:
        if cited and isinstance(part, Text):
            parts.append(Text(part.text, part.at, citations=cited, extras=part.extras))
            cited = ()
        else:
            parts.append(part)
    refusal = message.get("refusal")
    if type(refusal) is str and refusal:
        parts.append(Refusal(refusal, f"{at}.refusal"))
    images = message.get("images")
    for index, value in enumerate(images if type(images) is list else ()):
        image = value.get("image_url") if type(value) is dict else None
        if type(image) is dict and type(image.get("url")) is str:
            source, mime = decode_url(image["url"])
            parts.append(Media("image", source, mime, f"{at}.images.{index}"))
    audio = message.get("audio")
    if type(audio) is dict:
        parts.append(decode_audio(audio, f"{at}.audio"))
    calls = message.get("tool_calls")
    for index, value in enumerate(calls if type(calls) is list else ()):
        parts.append(_decode_call(value, f"{at}.tool_calls.{index}", ticket))
    legacy = message.get("function_call")
    if type(legacy) is dict and type(legacy.get("name")) is str:
        where = f"{at}.function_call"
        parts.append(ToolCall(ticket.new_id("call_"), legacy["name"], arguments_text(legacy.get("arguments"), where), where))
    return parts


def thinking_text(piece: Any) -> str:
    """The text of Mistral's ``{"type": "thinking", "thinking": [{"type": "text", …}]}``."""
    if type(piece) is not dict or piece.get("type") != "thinking":
        return ""
    inner = piece.get("thinking")
    if type(inner) is str:
        return inner
    return "".join(part["text"] for part in inner or () if type(part) is dict and type(part.get("text")) is str)


def decode_audio(audio: Json, at: str) -> Part:
    """What the model spoke."""
    data, transcript = audio.get("data"), audio.get("transcript")
    if type(data) is not str:
        return Opaque(FORMAT, "audio", audio, at, transcript if type(transcript) is str else "")
    rest = {key: value for key, value in audio.items() if key not in ("data", "transcript") and value is not None}
    return Media(
        "audio",
        Inline(data),
        media.sniff(data) or "audio/wav",
        at,
        transcript=transcript if type(transcript) is str else None,
        extras=rest or NO_EXTRAS,
    )


def _decode_call(value: Any, at: str, ticket: Ticket) -> ToolCall:
    if type(value) is not dict:
        raise Malformed(at, f"expected object, got {type_name(value)}")
    identity = value.get("id")
    identity = identity if type(identity) is str and identity else ticket.new_id("call_")
    inner = value.get("custom") if value.get("type") == "custom" else value.get("function")
    name = inner.get("name") if type(inner) is dict else None
    if type(inner) is not dict or type(name) is not str:
        raise Malformed(f"{at}.function.name", "expected str")
    tool = restored(name, ticket)
    if value.get("type") == "custom":
        return ToolCall(identity, tool.name, arguments_text(inner.get("input"), at), at, "custom", tool.namespace)
    arguments = arguments_text(inner.get("arguments"), f"{at}.function.arguments")
    if tool.kind == "custom":
        arguments = custom.unwrap(arguments)
    return ToolCall(identity, tool.name, arguments, at, tool.kind, tool.namespace, signature(value, ticket))


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_response(response: Response, reply: Reply) -> Coded[Json]:
    """An answer for a chat client; the model's thoughts in ``reasoning_content``."""
    losses = Losses()
    own = response.format == FORMAT
    body: Json = {
        "id": response.id if own and response.id else reply.new_id("chatcmpl-"),
        "object": "chat.completion",
        "created": response.created if own and response.created is not None else reply.created,
        "model": reply.model,
        "choices": [_encode_choice(choice, reply, losses, own=own) for choice in response.choices],
    }
    usage = encode_usage(response.usage, own=own)
    usage_losses(response.usage, losses, own=own)
    body["usage"] = usage
    if response.service_tier is not None:
        body["service_tier"] = response.service_tier
    if own:
        body.update(response.extras)
    else:
        losses.extras(response.extras)
    return Coded(body, tuple(losses))


def _encode_choice(choice: Choice, reply: Reply, losses: Losses, *, own: bool) -> Json:
    message = _Message(reply, losses)
    for part in choice.parts:
        message.add(part)
    extras = dict(choice.extras)
    rest = extras.pop("message", None)
    wire = message.wire()
    if own:
        if type(rest) is dict:
            wire.update(rest)
    else:
        losses.extras(choice.extras)
        extras = {}
    return {
        "index": choice.index,
        "message": wire,
        "logprobs": choice.logprobs,
        "finish_reason": encode_finish(choice.finish, called=bool(message.calls), refused=bool(message.refusals), own=own, losses=losses),
        **extras,
    }


class _Message:
    """An assistant message while its parts are told."""

    def __init__(self, reply: Reply, losses: Losses) -> None:
        self._reply = reply
        self._losses = losses
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._details: list[Any] = []
        self._annotations: list[Json] = []
        self._pending: list[Seal] = []
        self._audio: Json | None = None
        self._images: list[Json] = []
        self.refusals: list[str] = []
        self.calls: list[Json] = []

    def add(self, part: Part) -> None:
        """One part, in order."""
        match part:
            case Text():
                offset = sum(len(text) for text in self._texts)
                self._texts.append(part.text)
                for citation in part.citations:
                    wire = encode_annotation(citation, offset, len(part.text), self._losses)
                    if wire is not None:
                        self._annotations.append(wire)
                if part.seal is not None:
                    self._pending.append(part.seal)
            case Refusal():
                self.refusals.append(part.text)
            case Reasoning():
                if part.text:
                    self._thoughts.append(part.text)
                for seal in part.seals:
                    self._details.extend(details_of(seal))
                self._pending.extend(part.seals)
            case ToolCall():
                self.calls.append(self._call(part))
            case Media():
                self._media(part)
            case Opaque():
                if part.format == FORMAT and part.kind == "audio":
                    self._audio = part.data
                elif part.text:
                    self._losses.approximated("part", part.at, f"{part.kind} as text")
                    self._texts.append(part.text)
                else:
                    self._losses.dropped("part", part.at, part.kind)
            case _:
                self._losses.dropped("part", part.at)

    def _call(self, part: ToolCall) -> Json:
        wire = call_shell(part.id, part.name, part.namespace, part.kind)
        if part.kind == "custom":
            wire["custom"]["input"] = part.arguments
        else:
            wire["function"]["arguments"] = part.arguments or "{}"
        if part.seal is not None:
            self._pending.append(part.seal)
        carry(wire, self._pending, self._losses)
        return wire

    def _media(self, part: Media) -> None:
        if part.kind == "audio" and isinstance(part.source, Inline):
            self._audio = {
                "id": self._reply.new_id("audio_"),
                "data": part.source.data,
                "expires_at": 0,
                "transcript": part.transcript or "",
                **part.extras,
            }
        elif part.kind == "image" and isinstance(part.source, Inline):
            # OpenRouter's and LiteLLM's way to give an image back on this wire.
            self._images.append({"type": "image_url", "image_url": {"url": media.data_url(part.mime, part.source.data)}})
            self._losses.emulated("image", part.at, "in message.images")
        else:
            self._losses.dropped(part.kind, part.at)

    def wire(self) -> Json:
        """The message."""
        if any(seal.kind != "text" for seal in self._pending):
            self._losses.dropped("seal", detail="no call follows that could carry it")
        message: Json = {
            "role": "assistant",
            "content": "".join(self._texts) if self._texts else None,
            "refusal": "\n\n".join(self.refusals) if self.refusals else None,
        }
        if self._thoughts:
            message["reasoning_content"] = "\n\n".join(self._thoughts)
        if self._details:
            message[DETAILS] = self._details
        if self._annotations:
            message["annotations"] = self._annotations
        if self._audio is not None:
            message["audio"] = self._audio
        if self._images:
            message["images"] = self._images
        if self.calls:
            message["tool_calls"] = self.calls
        return message


def call_shell(identity: str, name: str, namespace: str | None, kind: str) -> Json:
    """A call without its arguments."""
    full = name if namespace is None else f"{namespace}__{name}"
    if kind == "custom":
        return {"id": identity, "type": "custom", "custom": {"name": full, "input": ""}}
    return {"id": identity, "type": "function", "function": {"name": full, "arguments": ""}}


def carry(wire: Json, pending: list[Seal], losses: Losses) -> None:
    """Puts the pending states on a call, and empties the list."""
    if not pending:
        return
    extra = envelope(pending)
    if extra is None:
        losses.dropped("seal", detail="too large for a client to carry")
    elif extra:
        wire["extra_content"] = extra
    pending.clear()
