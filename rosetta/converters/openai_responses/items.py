"""The output items of an answer ⇄ its parts: https://platform.openai.com/docs/api-reference/responses/object#responses-object-output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rosetta.converters import custom, jsontext, media, seals
from rosetta.converters.carriers import of_what_was_said
from rosetta.converters.converter import Json, Malformed, Reply, Ticket
from rosetta.converters.fields import maybe_string, type_name, unknown
from rosetta.converters.losses import Losses
from rosetta.converters.names import NAMESPACE_SEPARATOR, call_id
from rosetta.converters.openai_responses.parts import FORMAT, decode_part, encode_annotations
from rosetta.converters.openai_responses.reasoning import ITEM as REASONING
from rosetta.converters.openai_responses.reasoning import bare, decode_thought
from rosetta.ir.parts import NO_EXTRAS, Inline, Media, Opaque, Part, Reasoning, Refusal, Seal, Text, ToolCall, ToolKind, ToolResult
from rosetta.ir.request import ToolName

_MESSAGE = frozenset({"type", "id", "status", "role", "content", "phase"})
_CALL = frozenset({"type", "id", "status", "call_id", "name", "namespace", "arguments", "input"})
_IMAGE = frozenset({"type", "id", "status", "result"})
IMAGE_CALL = "image_generation_call"


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_item(item: Any, at: str, ticket: Ticket, parts: list[Part], logprobs: list[Any], losses: Losses) -> None:
    """The parts of one output item."""
    if type(item) is not dict:
        raise Malformed(at, f"expected object, got {type_name(item)}")
    kind = item.get("type")
    if type(kind) is not str:
        raise Malformed(f"{at}.type", f"expected str, got {type_name(kind)}")
    if kind == "message":
        losses.extras(unknown(item, _MESSAGE), at)
        _decode_message(item, at, parts, logprobs)
    elif kind in ("function_call", "custom_tool_call"):
        parts.append(decode_call(item, at, ticket))
    elif kind == "reasoning":
        parts.append(decode_thought(item, at, ticket, losses))
    else:
        parts.append(decode_other(item, kind, at))


def _decode_message(item: Json, at: str, parts: list[Part], logprobs: list[Any]) -> None:
    content = item.get("content")
    if content is None:
        return
    if type(content) is str:  # Ollama-minded servers
        content = [{"type": "output_text", "text": content}]
    if type(content) is not list:
        raise Malformed(f"{at}.content", f"expected array, got {type_name(content)}")
    phase = maybe_string(item, "phase", at)
    for index, value in enumerate(content):
        part = decode_part(value, f"{at}.content.{index}")
        if isinstance(part, Text):
            if phase is not None:
                part = Text(part.text, part.at, citations=part.citations, phase=phase, extras=part.extras)
            if type(value.get("logprobs")) is list:
                logprobs.extend(entry for entry in value["logprobs"] if type(entry) is dict)
        parts.append(part)


def restored(name: str, namespace: str | None, kind: ToolKind, ticket: Ticket) -> ToolName:
    """The client's tool that a call means."""
    key = name if namespace is None else f"{namespace}{NAMESPACE_SEPARATOR}{name}"
    found = ticket.names.get(key)
    return ToolName(name, namespace, kind) if found is None else found


def decode_call(item: Json, at: str, ticket: Ticket) -> ToolCall:
    """A call, under the name that the client gave the tool."""
    native = item["type"] == "custom_tool_call"
    tool = restored(
        maybe_string(item, "name", at) or "", maybe_string(item, "namespace", at) or None, "custom" if native else "function", ticket
    )
    if native:
        arguments = maybe_string(item, "input", at) or ""
    else:
        arguments = argument_text(item)
        if tool.kind == "custom":
            arguments = custom.unwrap(arguments)
    return ToolCall(
        maybe_string(item, "call_id", at) or ticket.new_id("call_"),
        tool.name,
        arguments,
        at,
        "custom" if native else tool.kind,
        tool.namespace,
        extras=unknown(item, _CALL),
    )


def argument_text(item: Json) -> str:
    """The arguments of a call as text, though a server wrote an object."""
    arguments = item.get("arguments")
    if arguments is None:
        return ""
    return arguments if type(arguments) is str else jsontext.encode_text(arguments)


def unknown_fields(item: Json, kind: str) -> dict[str, Any]:
    """The fields of an item which have no place in its part."""
    match kind:
        case "message":
            return unknown(item, _MESSAGE)
        case "function_call" | "custom_tool_call":
            return unknown(item, _CALL)
        case "reasoning":
            return unknown(item, REASONING)
        case _:
            return NO_EXTRAS


def decode_other(item: Json, kind: str, at: str) -> Media | Opaque:
    """A hosted call's item: a picture is a picture, all else is opaque."""
    result = item.get("result")
    if kind == IMAGE_CALL and type(result) is str and result:
        data = media.standard_base64(result)
        form = item.get("output_format")
        mime = f"image/{form}" if type(form) is str and form.isalnum() else media.sniff(data)
        return Media("image", Inline(data), mime, at, extras=unknown(item, _IMAGE))
    return Opaque(FORMAT, kind, item, at)


# ------------------------------------------------------------------------------------------------------------------------ encode


class Items:
    """The output items of an answer: texts and refusals side by side share a message, all else is an item of its own."""

    __slots__ = ("_content", "_losses", "_new_id", "_own", "_phase", "output")

    def __init__(self, reply: Reply, losses: Losses, own: bool) -> None:
        self.output: list[Json] = []
        self._new_id = reply.new_id
        self._losses = losses
        self._own = own
        self._content: list[Json] = []
        self._phase: str | None = None

    def add(self, part: Part) -> None:
        """The next part."""
        losses = self._losses
        match part:
            case Text():
                if part.text or part.citations:
                    if self._content and part.phase != self._phase:
                        self.close()
                    self._phase = part.phase
                    self._content.append(output_text(part.text, encode_annotations(part.text, part.citations, losses, part.at)))
                    self._extras(self._content[-1], part.extras, part.at)
                if part.seal is not None:
                    self._carry(of_what_was_said(part.seal), part.at)
            case Refusal():
                if part.text:
                    self._content.append({"type": "refusal", "refusal": part.text})
                    self._extras(self._content[-1], part.extras, part.at)
            case Reasoning():
                self.close()
                item, dropped = reasoning_item(part, self._own, self._new_id)
                if dropped:
                    losses.dropped("seal", part.at, "larger than clients should keep")
                if item is not None:
                    self._extras(item, part.extras, part.at)
                    self.output.append(item)
            case ToolCall():
                self.close()
                if part.seal is not None:
                    self._carry(part.seal, part.at)
                self.output.append(call_item(part, self._new_id))
                self._extras(self.output[-1], part.extras, part.at)
            case Opaque():
                self._opaque(part)
            case Media():
                self.close()
                if part.seal is not None:
                    losses.dropped("seal", part.at)
                item = image_item(part, self._new_id)
                if item is None and part.transcript:
                    losses.approximated(part.kind, part.at, "as its transcript")
                    self._content.append(output_text(part.transcript, []))
                elif item is None:
                    losses.dropped(part.kind, part.at)
                else:
                    media.tell_unsaid(part, losses)
                    self._extras(item, part.extras, part.at)
                    self.output.append(item)
            case ToolResult():
                losses.dropped("tool_result", part.at)

    def close(self) -> None:
        """The message in hand is complete."""
        if self._content:
            self.output.append(message_item(self._new_id("msg_"), self._content, self._phase))
            self._content = []
        self._phase = None

    def _opaque(self, part: Opaque) -> None:
        if part.format == FORMAT:
            if ".content" in part.at:
                self._content.append(part.data)
            else:
                self.close()
                self.output.append(part.data)
        elif part.text:
            self._losses.approximated("part", part.at, "as text")
            self._content.append(output_text(part.text, []))
        else:
            self._losses.dropped("part", part.at, part.kind)

    def _carry(self, seal: Seal, at: str) -> None:
        """A reasoning item without words that holds the seal of the visible part beside it."""
        self.close()
        item = carrier(seal, self._new_id)
        if item is None:
            self._losses.dropped("seal", at, "larger than clients should keep")
        else:
            self.output.append(item)

    def _extras(self, item: Json, extras: dict[str, Any], at: str) -> None:
        if not extras:
            return
        if self._own:
            item.update(extras)
        else:
            self._losses.extras(extras, at)


def output_text(text: str, annotations: list[Json]) -> Json:
    """The part of a message that holds text."""
    return {"type": "output_text", "annotations": annotations, "logprobs": [], "text": text}


def message_item(identity: str, content: list[Json], phase: str | None, status: str = "completed") -> Json:
    """A message of the model."""
    item: Json = {"id": identity, "type": "message", "status": status, "content": content, "role": "assistant"}
    if phase is not None:
        item["phase"] = phase
    return item


def call_item(part: ToolCall, new_id: Callable[[str], str]) -> Json:
    """A call. Codex reads the arguments as JSON, so there is always an object; a namespaced one without its namespace it does not know."""
    item: Json
    if part.kind == "custom":
        item = {
            "id": new_id("ctc_"),
            "type": "custom_tool_call",
            "status": "completed",
            "call_id": call_id(part.id),
            "input": part.arguments,
        }
    else:
        arguments = part.arguments if part.arguments.strip() else "{}"
        item = {"id": new_id("fc_"), "type": "function_call", "status": "completed", "arguments": arguments, "call_id": call_id(part.id)}
    item["name"] = part.name
    if part.namespace is not None:
        item["namespace"] = part.namespace
    return item


def image_item(part: Media, new_id: Callable[[str], str]) -> Json | None:
    """A picture that the model made; other media have no place in an answer."""
    if part.kind != "image" or not isinstance(part.source, Inline):
        return None
    item: Json = {"id": new_id("ig_"), "type": IMAGE_CALL, "status": "completed", "result": part.source.data}
    form = (part.mime or media.sniff(part.source.data) or "").removeprefix("image/")
    if form in {"png", "webp", "jpeg", "gif"}:
        item["output_format"] = form
    return item


def reasoning_item(part: Reasoning, own: bool, new_id: Callable[[str], str], identity: str | None = None) -> tuple[Json | None, bool]:
    """A reasoning item, None when there is nothing in it; and whether its seals were too large. Codex shows summaries, so what another wire calls
    reasoning is a summary here. ``identity`` is the id that was told already; OpenAI refuses a state under an id which is not its own."""
    summary = part.summary if own else tuple([text for text in part.summary if text]) or ((part.raw,) if part.raw else ())
    content = part.raw if own else ""
    native = bare(part.seals)
    if native is not None and identity is not None and native.item_id not in (None, identity):
        native = None
    value = native.value if native is not None else seals.wrap(part.seals) if part.seals else None
    if not (summary or content or value):
        return None, bool(part.seals)
    item: Json = {
        "id": identity or (native.item_id if native is not None and native.item_id else new_id("rs_")),
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text} for text in summary],
    }
    if content:
        item["content"] = [{"type": "reasoning_text", "text": content}]
    if value is not None:
        item["encrypted_content"] = value
    return item, bool(part.seals) and value is None


def carrier(seal: Seal, new_id: Callable[[str], str]) -> Json | None:
    """An empty reasoning item that holds the seal of a visible part; None when the seal is too large."""
    value = seals.wrap((seal,))
    return None if value is None else {"id": new_id("rs_"), "type": "reasoning", "summary": [], "encrypted_content": value}


def attach_logprobs(output: list[Json], entries: list[Any]) -> bool:
    """Put the log probabilities of an answer on its first text. False where it has none."""
    for item in output:
        for part in item.get("content") or () if item["type"] == "message" else ():
            if part.get("type") == "output_text":
                part["logprobs"] = entries
                return True
    return False
