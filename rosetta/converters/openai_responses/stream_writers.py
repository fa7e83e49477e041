"""The items in hand of a client's stream: a message, reasoning, a call. Each tells its own events between ``output_item.added`` and ``.done``.

    message    := (content_part.added (output_text.delta | annotation.added)* output_text.done content_part.done)+
    call       := function_call_arguments.delta* .done              or custom_tool_call_input
    reasoning  := (reasoning_summary_part.added reasoning_summary_text.delta* .done reasoning_summary_part.done)*

Which item comes when is the business of ``stream_encoder.py``.
"""

from __future__ import annotations

from typing import Any

from rosetta.converters.converter import Json, WireEvent
from rosetta.converters.openai_responses.items import message_item
from rosetta.ir.events import ReasoningDelta
from rosetta.ir.parts import Reasoning, Seal

TEXT_DELTA = "response.output_text.delta"
_NONE: list[Any] = []
"""The one shared empty list of log probabilities. Never written to."""


class Teller:
    """The events of one stream on their way out. Every event has its name twice (``event:`` and ``type``) and a number."""

    __slots__ = ("_events", "number")

    def __init__(self) -> None:
        self._events: list[WireEvent] = []
        self.number = 0
        """Of the next event."""

    def tell(self, name: str, data: Json) -> None:
        """The next event. ``data`` becomes the teller's own."""
        number = self.number
        self.number = number + 1
        data["type"] = name
        data["sequence_number"] = number
        self._events.append(WireEvent(name, data))

    def told(self) -> list[WireEvent]:
        """What was told since the last time."""
        events = self._events
        if events:
            self._events = []
        return events


class MessageWriter:
    """The message in hand, and its part in hand."""

    __slots__ = ("_annotations", "_content", "_logprobs", "_pieces", "_refusal", "_teller", "block", "id", "index", "phase")

    def __init__(self, teller: Teller, identity: str, index: int, phase: str | None) -> None:
        self._teller = teller
        self.id = identity
        self.index = index
        self.phase = phase
        self.block = -1
        """Whose text the part in hand is; -1 none."""
        self._content: list[Json] = []
        self._refusal = False
        self._pieces: list[str] = []
        self._annotations: list[Json] = []
        self._logprobs: list[Any] = []

    @property
    def length(self) -> int:
        """How many characters the part in hand has."""
        return sum(map(len, self._pieces))

    def _place(self) -> Json:
        return {"item_id": self.id, "output_index": self.index, "content_index": len(self._content)}

    def begin(self, block: int, *, refusal: bool) -> None:
        """A part begins."""
        self.block, self._refusal = block, refusal
        part = {"type": "refusal", "refusal": ""} if refusal else {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
        self._teller.tell("response.content_part.added", {**self._place(), "part": part})

    def say(self, text: str, logprobs: list[Any] = _NONE) -> None:
        """More of the part."""
        self._pieces.append(text)
        if self._refusal:
            self._teller.tell("response.refusal.delta", {**self._place(), "delta": text})
            return
        if logprobs:
            self._logprobs.extend(logprobs)
        self._teller.tell(TEXT_DELTA, {**self._place(), "delta": text, "logprobs": logprobs})

    def delta(self, text: str) -> WireEvent:
        """More of a text that has no log probabilities, where nothing else waits to be told: most of any stream is this."""
        self._pieces.append(text)
        teller = self._teller
        number = teller.number
        teller.number = number + 1
        data = {
            "type": TEXT_DELTA,
            "item_id": self.id,
            "output_index": self.index,
            "content_index": len(self._content),
            "delta": text,
            "logprobs": _NONE,
            "sequence_number": number,
        }
        return WireEvent(TEXT_DELTA, data)

    def cite(self, annotation: Json) -> None:
        """An annotation of the part."""
        data = {**self._place(), "annotation_index": len(self._annotations), "annotation": annotation}
        self._teller.tell("response.output_text.annotation.added", data)
        self._annotations.append(annotation)

    def end(self, owed: list[Any]) -> bool:
        """The part in hand is complete. ``owed`` are the log probabilities that came behind its text; whether they were taken."""
        if self.block < 0:
            return False
        text = "".join(self._pieces)
        place = self._place()
        part: Json
        if self._refusal:
            self._teller.tell("response.refusal.done", {**place, "refusal": text})
            part = {"type": "refusal", "refusal": text}
        else:
            logprobs = [*self._logprobs, *owed]
            self._teller.tell("response.output_text.done", {**place, "text": text, "logprobs": logprobs})
            part = {"type": "output_text", "annotations": self._annotations, "logprobs": logprobs, "text": text}
        self._teller.tell("response.content_part.done", {**place, "part": part})
        self._content.append(part)
        taken = not self._refusal
        self.block = -1
        self._pieces, self._annotations, self._logprobs = [], [], []
        return taken

    def item(self, status: str) -> Json:
        """The whole message."""
        return message_item(self.id, self._content, self.phase, status)


class ThoughtsWriter:
    """The reasoning item in hand, and its part in hand."""

    __slots__ = ("_kind", "_part", "_pieces", "_raw", "_summary", "_teller", "block", "id", "index")

    def __init__(self, teller: Teller, block: int, identity: str, index: int) -> None:
        self._teller = teller
        self.block = block
        self.id = identity
        self.index = index
        self._summary: list[str] = []
        self._raw: list[str] = []
        self._kind = ""  # of the part in hand: "summary", "raw", "" none
        self._part = -1  # the upstream's number of it
        self._pieces: list[str] = []

    def think(self, event: ReasoningDelta, *, own: bool) -> None:
        """More thoughts. What another wire calls reasoning is a summary here."""
        raw = event.raw and own
        kind, part = ("raw", 0) if raw else ("summary", -2 if event.raw else event.part)
        place: Json = {"item_id": self.id, "output_index": self.index}
        if self._kind != kind or self._part != part:
            self._end()
            self._kind, self._part = kind, part
            if not raw:
                begun = {**place, "summary_index": len(self._summary), "part": {"type": "summary_text", "text": ""}}
                self._teller.tell("response.reasoning_summary_part.added", begun)
        self._pieces.append(event.text)
        place["delta"] = event.text
        if raw:
            self._teller.tell("response.reasoning_text.delta", {**place, "content_index": 0})
        else:
            self._teller.tell("response.reasoning_summary_text.delta", {**place, "summary_index": len(self._summary)})

    def _end(self) -> None:
        """The part in hand is complete."""
        if not self._kind:
            return
        text = "".join(self._pieces)
        place: Json = {"item_id": self.id, "output_index": self.index}
        if self._kind == "raw":
            self._teller.tell("response.reasoning_text.done", {**place, "content_index": 0, "text": text})
            self._raw.append(text)
        else:
            place["summary_index"] = len(self._summary)
            self._teller.tell("response.reasoning_summary_text.done", {**place, "text": text})
            self._teller.tell("response.reasoning_summary_part.done", {**place, "part": {"type": "summary_text", "text": text}})
            self._summary.append(text)
        self._kind, self._part, self._pieces = "", -1, []

    def part(self, seals: tuple[Seal, ...]) -> Reasoning:
        """The whole of it, the part in hand ended."""
        self._end()
        return Reasoning(tuple(self._summary), "".join(self._raw), seals=seals)


class CallWriter:
    """A call that is open. ``item`` is the whole item but for what was said."""

    __slots__ = ("_item", "_pieces", "_teller", "index")

    def __init__(self, teller: Teller, item: Json, index: int) -> None:
        self._teller = teller
        self._item = item
        self.index = index
        self._pieces: list[str] = []

    def say(self, text: str) -> None:
        """More arguments, or more of a custom call's text."""
        self._pieces.append(text)
        self._delta(text)

    def _delta(self, text: str) -> None:
        name = "response.custom_tool_call_input.delta" if "input" in self._item else "response.function_call_arguments.delta"
        self._teller.tell(name, {"item_id": self._item["id"], "output_index": self.index, "delta": text})

    def item(self, status: str) -> Json:
        """The whole call; its text is told to be done."""
        text = "".join(self._pieces)
        place = {"item_id": self._item["id"], "output_index": self.index}
        if "input" in self._item:
            self._teller.tell("response.custom_tool_call_input.done", {**place, "input": text})
            return {**self._item, "input": text, "status": status}
        if not text.strip() and status == "completed":
            # Codex reads the arguments as JSON.
            if not text:
                self._delta("{}")
            text = "{}"
        self._teller.tell("response.function_call_arguments.done", {**place, "arguments": text, "name": self._item["name"]})
        return {**self._item, "arguments": text, "status": status}
