"""The items of an upstream's stream: what was told of each of them, and what is still owed when it is done.

Items are told apart by ``output_index``, where a server leaves it out by their id. Whatever the deltas left out is taken from the ``done`` events, and
what those left out from the terminal one. A block begins with its item, a text with its first words.
"""

from __future__ import annotations

from typing import Any

from rosetta.converters.converter import Json, Ticket
from rosetta.converters.custom import InputUnwrapper
from rosetta.converters.fields import unknown
from rosetta.converters.losses import Losses
from rosetta.converters.openai_responses.items import argument_text, decode_other, restored, unknown_fields
from rosetta.converters.openai_responses.parts import CONTENT_PARTS, FORMAT, decode_annotation
from rosetta.converters.openai_responses.reasoning import SUMMARY_PART, sealed
from rosetta.ir.events import (
    ArgumentsDelta,
    BlockData,
    BlockEnd,
    BlockStart,
    CitationDelta,
    Event,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    SealDelta,
    TextDelta,
)
from rosetta.ir.parts import Opaque

_CALLS = frozenset({"function_call", "custom_tool_call"})


def _word(value: Any) -> str:
    """What must be text. Raises TypeError."""
    if type(value) is not str:
        raise TypeError("expected str")
    return value


def _index(data: Json, key: str) -> int:
    """The number of a part; some servers leave it out."""
    found = data.get(key)
    return found if type(found) is int else 0


class StreamedPart:
    """A text or refusal inside a message: its block, how much of it was told, and how many annotations."""

    __slots__ = ("annotations", "block", "length", "logprobs", "open", "refusal")

    def __init__(self, block: int, *, refusal: bool) -> None:
        self.block = block
        self.refusal = refusal
        self.length = 0
        self.annotations = 0
        self.logprobs = 0
        self.open = True


class StreamedItem:
    """An output item. ``block`` is that of a call, of reasoning or of data; a message has one for each of its ``parts``."""

    __slots__ = ("begun", "block", "done", "early", "id", "kind", "length", "lengths", "parts", "phase", "place", "unwrapper")

    def __init__(self, kind: str, identity: str | None, phase: str | None, begun: Json, place: int) -> None:
        self.kind = kind
        self.place = place
        self.begun = begun  # as it was added: all there is of a hosted call that nobody ends
        self.early = ""  # arguments of a call that came before its name
        self.id = identity
        self.phase = phase
        self.block = -1
        self.done = False
        self.length = 0
        self.lengths: dict[tuple[bool, int], int] = {}  # of reasoning: (raw, index) -> characters told
        self.parts: dict[int, StreamedPart] = {}
        self.unwrapper: InputUnwrapper | None = None


class StreamedItems:
    """The items of one stream, in order of their beginning. ``called`` and ``refused``: whether there was a call, or words of refusal."""

    __slots__ = ("_losses", "_ticket", "blocks", "called", "known", "refused")

    def __init__(self, ticket: Ticket, losses: Losses) -> None:
        self._ticket = ticket
        self._losses = losses
        self.known: dict[Any, StreamedItem] = {}
        self.blocks = 0
        self.called = False
        self.refused = False

    def close_all(self, events: list[Event]) -> None:
        """The stream is at its end, and so is whatever is open."""
        for item in self.known.values():
            if not item.done:
                self.close(item, {}, events)
            self._close_parts(item, events)

    def late(self, output: list[Json], events: list[Event]) -> None:
        """What only the terminal event tells."""
        for index, item in enumerate(output):
            known = self._found(index, item)
            if known is None:
                key = ("late", index)
                self.open(key, item, events)
                self.close(self.known[key], item, events)
            elif not known.done:
                self.close(known, item, events)

    def _found(self, index: int, item: Json) -> StreamedItem | None:
        """The streamed item that the terminal event's ``index``-th one is."""
        identity = item.get("id")
        found_at = self.known.get(index)
        if found_at is not None and found_at.kind == item.get("type") and found_at.id in (None, identity):
            return found_at
        if type(identity) is str and identity:
            for found in self.known.values():
                if found.id == identity:
                    return found
        return found_at if found_at is not None and found_at.kind == item.get("type") else None

    def _item(self, data: Json) -> StreamedItem | None:
        key = data.get("output_index")
        return self.known.get(data.get("item_id") if key is None else key)

    def added(self, data: Json) -> list[Event]:
        """``output_item.added``."""
        item = data["item"]
        key = data.get("output_index")
        if key is None:
            key = item.get("id")
        events: list[Event] = []
        self.open(key, item, events)
        return events

    def open(self, key: Any, item: Json, events: list[Event]) -> StreamedItem:
        """An item begins."""
        kind, identity, phase = _word(item["type"]), item.get("id"), item.get("phase")
        before = self.known.get(key)
        if before is not None and not before.done:
            if before.kind == kind and before.id == identity:
                return before  # said twice
            self.close(before, {}, events)
        elif before is not None:  # words that came after its end have begun a part of it anew
            self._close_parts(before, events)
        state = StreamedItem(
            kind, identity if type(identity) is str else None, phase if type(phase) is str else None, item, len(self.known)
        )
        self.known[key] = state
        if kind in _CALLS:
            if item.get("call_id") and item.get("name"):
                self._open_call(state, item, events)
        elif kind == "reasoning":
            state.block = self._next()
            events.append(BlockStart(state.block, "reasoning", id=state.id))
        elif kind != "message":
            state.block = self._next()
            events.append(BlockStart(state.block, "data", id=state.id))
        return state

    def _next(self) -> int:
        block = self.blocks
        self.blocks = block + 1
        return block

    def _open_call(self, state: StreamedItem, item: Json, events: list[Event]) -> None:
        native = state.kind == "custom_tool_call"
        name, namespace, identity = (_word(item.get(key) or "") for key in ("name", "namespace", "call_id"))
        tool = restored(name, namespace or None, "custom" if native else "function", self._ticket)
        if tool.kind == "custom" and not native:
            state.unwrapper = InputUnwrapper()
        self.called = True
        state.block = self._next()
        events.append(
            BlockStart(
                state.block,
                "tool_call",
                id=identity or self._ticket.new_id("call_"),
                name=tool.name,
                tool_kind="custom" if native else tool.kind,
                namespace=tool.namespace,
            )
        )

    def item_done(self, data: Json) -> list[Event]:
        """``output_item.done``."""
        item = data["item"]
        key = data.get("output_index")
        if key is None:
            key = item.get("id")
        events: list[Event] = []
        state = self.known.get(key)
        if state is None or state.kind != item["type"]:
            state = self.open(key, item, events)
        if not state.done:
            self.close(state, item, events)
        return events

    def close(self, state: StreamedItem, item: Json, events: list[Event]) -> None:
        """The item is whole: say what was left out, and end its blocks. ``item`` is empty where nobody told."""
        state.done = True
        if item:
            self._losses.extras(unknown_fields(item, state.kind), f"output.{state.place}")
        if state.kind == "message":
            self._close_message(state, item, events)
            return
        if state.kind in _CALLS:
            if state.block < 0:
                if not item.get("name"):
                    return
                self._open_call(state, item, events)
            whole = item.get("input") if state.kind == "custom_tool_call" else argument_text(item)
            self._rest_of_call(state, whole or state.early, events)
            if state.unwrapper is not None:
                owed = state.unwrapper.finish()
                if owed:
                    events.append(ArgumentsDelta(state.block, owed))
        elif state.kind == "reasoning":
            self._close_reasoning(state, item, events)
        else:
            part = decode_other(item or state.begun, state.kind, f"output.{state.place}")
            events.append(BlockData(state.block, part))
        events.append(BlockEnd(state.block))

    # -------------------------------------------------------------------------------------------------------------- messages

    def text_delta(self, data: Json) -> list[Event]:
        """``output_text.delta``."""
        text = data["delta"]
        if not text:
            return []
        if type(text) is not str:
            raise TypeError("the delta is no text")
        key = data.get("output_index")
        item = self.known.get(data.get("item_id") if key is None else key)
        part = None if item is None else item.parts.get(data.get("content_index", 0))
        if part is None or not part.open or part.refusal:
            return self._first(data, text, refusal=False)
        part.length += len(text)
        delta = TextDelta(part.block, text)
        return self._logprobs(data, part, [delta]) if data.get("logprobs") else [delta]

    def _first(self, data: Json, text: str, *, refusal: bool) -> list[Event]:
        events: list[Event] = []
        part = self._part(data, events, refusal=refusal)
        part.length += len(text)
        events.append(RefusalDelta(part.block, text) if refusal else TextDelta(part.block, text))
        return self._logprobs(data, part, events)

    def _part(self, data: Json, events: list[Event], *, refusal: bool) -> StreamedPart:
        """The part that an event names, begun where nobody began it."""
        item = self._item(data)
        if item is None:
            key = data.get("output_index")
            item = self.open(data.get("item_id") if key is None else key, {"type": "message", "id": data.get("item_id")}, events)
        index = data.get("content_index", 0)
        part = item.parts.get(index)
        if part is None or part.refusal is not refusal or not part.open:
            part = item.parts[index] = self._new_part(item, events, refusal=refusal)
        return part

    def _new_part(self, item: StreamedItem, events: list[Event], *, refusal: bool) -> StreamedPart:
        part = StreamedPart(self._next(), refusal=refusal)
        self.refused = self.refused or refusal
        events.append(BlockStart(part.block, "refusal" if refusal else "text", phase=None if refusal else item.phase))
        return part

    def _logprobs(self, data: Json, part: StreamedPart, events: list[Event]) -> list[Event]:
        """Those of a delta."""
        entries = data.get("logprobs")
        if type(entries) is list and entries:
            part.logprobs += len(entries)
            events.append(LogprobsDelta(0, [entry for entry in entries if type(entry) is dict]))
        return events

    def refusal_delta(self, data: Json) -> list[Event]:
        """``refusal.delta``."""
        text = _word(data["delta"])
        return self._first(data, text, refusal=True) if text else []

    def text_done(self, data: Json) -> list[Event]:
        """``output_text.done`` or ``refusal.done``."""
        events: list[Event] = []
        refusal = "refusal" in data
        text = data.get("refusal" if refusal else "text")
        if type(text) is str and text:
            item = self._item(data)
            known = None if item is None else item.parts.get(data.get("content_index", 0))
            if known is None or known.open:
                self._rest_of_part(self._part(data, events, refusal=refusal), text, events)
        return events

    def _rest_of_part(self, part: StreamedPart, text: str, events: list[Event]) -> None:
        if len(text) > part.length:
            rest = text[part.length :]
            part.length = len(text)
            events.append(RefusalDelta(part.block, rest) if part.refusal else TextDelta(part.block, rest))

    def annotation(self, data: Json) -> list[Event]:
        """``output_text.annotation.added``."""
        events: list[Event] = []
        part = self._part(data, events, refusal=False)
        part.annotations += 1
        events.append(CitationDelta(part.block, decode_annotation(data["annotation"])))
        return events

    def part_done(self, data: Json) -> list[Event]:
        """``content_part.done``."""
        events: list[Event] = []
        item, value = self._item(data), data.get("part")
        if item is not None and type(value) is dict:
            self._close_part(item, data.get("content_index", 0), value, events)
        return events

    def _close_part(self, item: StreamedItem, index: int, value: Json, events: list[Event]) -> None:
        """A part as a whole, after its deltas or in place of them. Reasoning has parts of its own, told by other events."""
        kind = value.get("type")
        if kind not in ("output_text", "refusal", "text"):
            if item.kind == "message" and index not in item.parts and type(kind) is str:
                block = self._next()
                item.parts[index] = part = StreamedPart(block, refusal=False)
                part.open = False
                opaque = Opaque(FORMAT, kind, value, "output.content")
                events += [BlockStart(block, "data"), BlockData(block, opaque), BlockEnd(block)]
            return
        refusal = kind == "refusal"
        known = item.parts.get(index)
        if known is not None and not known.open:
            return
        text, annotations = value.get("refusal" if refusal else "text"), value.get("annotations")
        text = text if type(text) is str else ""
        annotations = annotations if type(annotations) is list else []
        if known is None:
            if not text and not annotations:
                return
            known = item.parts[index] = self._new_part(item, events, refusal=refusal)
        self._rest_of_part(known, text, events)
        events += [
            CitationDelta(known.block, decode_annotation(found)) for found in annotations[known.annotations :] if type(found) is dict
        ]
        entries = value.get("logprobs")
        if type(entries) is list and len(entries) > known.logprobs:
            events.append(LogprobsDelta(0, [entry for entry in entries[known.logprobs :] if type(entry) is dict]))
        known.open = False
        events.append(BlockEnd(known.block))

    def _close_message(self, state: StreamedItem, item: Json, events: list[Event]) -> None:
        content = item.get("content")
        if type(content) is str:
            content = [{"type": "output_text", "text": content}]
        phase = item.get("phase")
        if type(phase) is str:
            state.phase = phase
        for index, value in enumerate(content if type(content) is list else ()):
            if type(value) is dict and value.get("type") in CONTENT_PARTS:
                self._losses.extras(unknown(value, CONTENT_PARTS[value["type"]]), f"output.{state.place}.content.{index}")
            self._close_part(state, index, value, events)
        self._close_parts(state, events)

    def _close_parts(self, state: StreamedItem, events: list[Event]) -> None:
        for part in state.parts.values():
            if part.open:
                part.open = False
                events.append(BlockEnd(part.block))

    # -------------------------------------------------------------------------------------------------------------- calls

    def arguments_delta(self, data: Json) -> list[Event]:
        """A call's ``delta``."""
        item = self._item(data)
        text = _word(data["delta"])
        if item is None or item.done or not text:
            return []
        if item.block < 0:
            item.early += text
            return []
        item.length += len(text)
        if item.unwrapper is not None:
            text = item.unwrapper.feed(text)
            return [ArgumentsDelta(item.block, text)] if text else []
        return [ArgumentsDelta(item.block, text)]

    def arguments_done(self, data: Json) -> list[Event]:
        """A call's ``done``."""
        events: list[Event] = []
        item = self._item(data)
        if item is not None and item.block >= 0 and not item.done:
            self._rest_of_call(item, data.get("input") if "input" in data else argument_text(data), events)
        return events

    def _rest_of_call(self, item: StreamedItem, whole: Any, events: list[Event]) -> None:
        if type(whole) is not str or len(whole) <= item.length:
            return
        rest = whole[item.length :]
        item.length = len(whole)
        if item.unwrapper is not None:
            rest = item.unwrapper.feed(rest)
        if rest:
            events.append(ArgumentsDelta(item.block, rest))

    # -------------------------------------------------------------------------------------------------------------- reasoning

    def summary_delta(self, data: Json) -> list[Event]:
        """``reasoning_summary_text.delta``."""
        return self._thought(data, _word(data["delta"]), _index(data, "summary_index"), raw=False)

    def raw_delta(self, data: Json) -> list[Event]:
        """``reasoning_text.delta``."""
        return self._thought(data, _word(data["delta"]), _index(data, "content_index"), raw=True)

    def _thought(self, data: Json, text: str, index: int, *, raw: bool) -> list[Event]:
        if not text:
            return []
        events: list[Event] = []
        item = self._item(data)
        if item is None:
            key = data.get("output_index")
            item = self.open(data.get("item_id") if key is None else key, {"type": "reasoning", "id": data.get("item_id")}, events)
        if item.done or item.kind != "reasoning":
            return events
        item.lengths[raw, index] = item.lengths.get((raw, index), 0) + len(text)
        events.append(ReasoningDelta(item.block, text, 0 if raw else index, raw))
        return events

    def summary_done(self, data: Json) -> list[Event]:
        """``reasoning_summary_text.done``."""
        return self._thought_done(data, _index(data, "summary_index"), raw=False)

    def raw_done(self, data: Json) -> list[Event]:
        """``reasoning_text.done``."""
        return self._thought_done(data, _index(data, "content_index"), raw=True)

    def _thought_done(self, data: Json, index: int, *, raw: bool) -> list[Event]:
        return self._thought(data, self._untold(self._item(data), _word(data["text"]), index, raw=raw), index, raw=raw)

    def _untold(self, item: StreamedItem | None, text: str, index: int, *, raw: bool) -> str:
        return text if item is None else text[item.lengths.get((raw, index), 0) :]

    def _close_reasoning(self, state: StreamedItem, item: Json, events: list[Event]) -> None:
        for key in ("summary", "content"):
            for index, part in enumerate(item.get(key) or ()):
                if type(part) is dict:
                    self._losses.extras(unknown(part, SUMMARY_PART), f"output.{state.place}.{key}.{index}")
        summary = tuple([str(part.get("text") or "") for part in item.get("summary") or () if type(part) is dict])
        content = [str(part.get("text") or "") for part in item.get("content") or () if type(part) is dict]
        for raw, texts in ((False, summary), (True, tuple(content))):
            for index, text in enumerate(texts):
                rest = self._untold(state, text, index, raw=raw)
                if rest:
                    events.append(ReasoningDelta(state.block, rest, 0 if raw else index, raw))
        value = item.get("encrypted_content")
        if type(value) is str and value:
            events.append(SealDelta(state.block, sealed(value, state.id or item.get("id"), summary, self._ticket)))
