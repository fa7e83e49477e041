"""An answer's message as chat clients have it: one text, with thoughts, a refusal, media and calls beside it.

https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

from typing import Any, assert_never

from rosetta.converters import media, names
from rosetta.converters.carriers import of_what_was_said
from rosetta.converters.converter import Json, Reply
from rosetta.converters.extras import restore
from rosetta.converters.losses import Losses
from rosetta.converters.openai_chat.answer_media import encode_media
from rosetta.converters.openai_chat.citations import encode_annotation
from rosetta.converters.openai_chat.outgoing import FORMAT
from rosetta.converters.openai_chat.reasoning import DETAILS, details_of, envelope, with_signature
from rosetta.ir.events import BlockKind
from rosetta.ir.parts import (
    Format,
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)

MALFORMED_CALL = "the model made a call that cannot be read, and nothing else: try again"

APART: dict[Format, str] = {"openai_responses": "\n\n"}
"""What stands between neighbouring texts of one answer. Messages of Responses are paragraphs; others cut one text into parts, Anthropic to cite, Google as it
streams; a chat message has one content."""
APART_BY_OTHERS: dict[Format, str] = {"openai_responses": "\n\n", "anthropic": "\n\n", "google_genai": "\n\n"}
"""And between texts with a call, a thought or a hosted tool between them."""

_PLACES: dict[BlockKind, int] = {"reasoning": 0, "text": 1, "refusal": 1, "data": 2, "tool_call": 3}


class Order:
    """Whether an answer's parts stand as a chat client has them: thoughts, words, media, calls. One that does not is a Loss, once in an answer."""

    __slots__ = ("_last", "_losses", "_told")

    def __init__(self, source: Format | None, losses: Losses) -> None:
        self._losses = losses
        self._last = 0
        self._told = source == FORMAT

    def tell(self, kind: BlockKind, at: str = "") -> None:
        """A part that is shown."""
        place = _PLACES[kind]
        if place < self._last and not self._told:
            self._told = True
            self._losses.approximated("order", at, "thoughts stand before words and words before calls")
        self._last = place


class Message:
    """An assistant message while its parts are told."""

    __slots__ = (
        "_annotations",
        "_audio",
        "_before",
        "_details",
        "_images",
        "_losses",
        "_order",
        "_pending",
        "_reply",
        "_source",
        "_text",
        "_thoughts",
        "calls",
        "refusals",
    )

    def __init__(self, source: Format, reply: Reply, losses: Losses) -> None:
        self._source = source
        self._reply = reply
        self._losses = losses
        self._text = ""
        self._before: Part | None = None
        self._thoughts: list[str] = []
        self._details: list[Any] = []
        self._annotations: list[Json] = []
        self._pending: list[Seal] = []
        self._audio: Json | None = None
        self._images: list[Json] = []
        self._order = Order(source, losses)
        self.refusals: list[str] = []
        self.calls: list[Json] = []

    def add(self, part: Part) -> None:
        """One part, in order."""
        match part:
            case Text():
                if part.text:
                    self._order.tell("text", part.at)
                self._say(part.text)
                offset = len(self._text) - len(part.text)
                for citation in part.citations:
                    wire = encode_annotation(citation, offset, len(part.text), part.at, self._losses)
                    if wire is not None:
                        self._annotations.append(wire)
                if part.seal is not None:
                    self._pending.append(of_what_was_said(part.seal))
                self._losses.extras(part.extras, part.at)
                if part.phase is not None:
                    self._losses.dropped("phase", part.at)
            case Refusal():
                self._order.tell("refusal", part.at)
                self.refusals.append(part.text)
                self._losses.extras(part.extras, part.at)
            case Reasoning():
                if part.raw and part.raw != part.text:
                    self._losses.dropped("raw", part.at, "the chain beside its summary")
                if part.text:
                    self._order.tell("reasoning", part.at)
                    self._thoughts.append(part.text)
                for seal in part.seals:
                    self._details.extend(details_of(seal))
                self._pending.extend(part.seals)
                self._losses.extras(part.extras, part.at)
            case ToolCall():
                self._order.tell("tool_call", part.at)
                self.calls.append(self._call(part))
            case Media():
                self._media(part)
            case Opaque(format="openai_chat", kind="audio"):
                self._audio = part.data
            case Opaque() if part.text:
                self._losses.approximated("part", part.at, f"{part.kind} as text")
                self._order.tell("text", part.at)
                self._say(part.text)
            case Opaque():
                self._losses.dropped("part", part.at, part.kind)
            case ToolResult():
                self._losses.dropped("tool_result", part.at)
            case _:
                assert_never(part)
        self._before = part

    def _say(self, text: str) -> None:
        if self._text:
            beside = isinstance(self._before, Text)
            self._text += (APART if beside else APART_BY_OTHERS).get(self._source, "")
        self._text += text

    def _call(self, part: ToolCall) -> Json:
        wire = call_shell(part.id, part.name, part.namespace, part.kind)
        if part.kind == "custom":
            wire["custom"]["input"] = part.arguments
        else:
            wire["function"]["arguments"] = part.arguments if part.arguments.strip() else "{}"
        if self._source == FORMAT:
            restore(wire, part.extras, self._losses, part.at)
        else:
            self._losses.extras(part.extras, part.at)
        if part.seal is not None:
            self._pending.append(part.seal)
        carry(wire, self._pending, part.at, self._losses)
        return wire

    def _media(self, part: Media) -> None:
        wire = encode_media(part, len(self._images), self._reply)
        if part.seal is not None:
            self._pending.append(of_what_was_said(part.seal))
        if wire is None:
            self._losses.dropped(part.kind, part.at)
            return
        media.tell_unsaid(part, self._losses, "transcript")
        self._order.tell("data", part.at)
        if part.kind == "audio" and self._audio is not None:
            self._losses.dropped("audio", part.at, "a message has one")
        elif part.kind == "audio":
            self._audio = wire
        else:
            self._images.append(wire)
            if self._source == FORMAT:
                restore(wire, part.extras, self._losses, part.at)
            else:
                self._losses.extras(part.extras, part.at)
                self._losses.emulated("image", part.at, "in message.images")

    def wire(self) -> Json:
        """The message."""
        if any(seal.kind != "text" for seal in self._pending):
            self._losses.dropped("seal", detail="no call follows that could carry it")
        message: Json = {
            "role": "assistant",
            "content": self._text or None,
            "refusal": APART.get(self._source, "").join(self.refusals) or None,
        }
        if self._thoughts:
            message["reasoning_content"] = ("" if self._source == FORMAT else "\n\n").join(self._thoughts)
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
    full = name if namespace is None else f"{namespace}{names.NAMESPACE_SEPARATOR}{name}"
    identity = names.short_id(identity)
    if kind == "custom":
        return {"id": identity, "type": "custom", "custom": {"name": full, "input": ""}}
    return {"id": identity, "type": "function", "function": {"name": full, "arguments": ""}}


def carry(wire: Json, pending: list[Seal], at: str, losses: Losses) -> None:
    """Puts the pending states on a call, and empties the list."""
    if not pending:
        return
    text = envelope(pending)
    if text is None:
        losses.dropped("seal", at, "too large for a client to carry")
    elif text:
        with_signature(wire, text)
    pending.clear()
