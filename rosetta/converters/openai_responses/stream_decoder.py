"""Upstream events -> IR events: https://platform.openai.com/docs/api-reference/responses-streaming.

    stream  := response.created (response.in_progress | item event | other)* (response.completed | response.incomplete | response.failed | error)
    item    := response.output_item.added (part event)* response.output_item.done

Items are told apart by ``output_index``, where a server leaves it out by their id. Whatever the deltas left out is taken from the ``done`` events, and
what those left out from the terminal one. A block begins with its item, a text with its first words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rosetta.converters.converter import Json, Ticket
from rosetta.converters.custom import InputUnwrapper
from rosetta.converters.openai_responses.errors import failure_of
from rosetta.converters.openai_responses.finish import decode_finish, decode_usage
from rosetta.converters.openai_responses.items import argument_text, decode_other, restored
from rosetta.converters.openai_responses.parts import FORMAT, decode_annotation, unknown
from rosetta.converters.openai_responses.reasoning import sealed
from rosetta.converters.openai_responses.response import ECHO, moment, tier
from rosetta.ir.errors import Failure
from rosetta.ir.events import (
    ArgumentsDelta,
    BlockData,
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    End,
    Event,
    Failed,
    LogprobsDelta,
    OpaqueEvent,
    ReasoningDelta,
    RefusalDelta,
    SealDelta,
    Start,
    TextDelta,
    UsageUpdate,
)
from rosetta.ir.loss import Loss
from rosetta.ir.parts import Opaque

_KNOWN = ECHO | {"id", "created_at", "model", "output", "output_text", "usage", "service_tier"}
_CALLS = frozenset({"function_call", "custom_tool_call"})


class _Part:
    """A text or refusal inside a message: its block, how much of it was told, and how many annotations."""

    __slots__ = ("annotations", "block", "length", "logprobs", "open", "refusal")

    def __init__(self, block: int, *, refusal: bool) -> None:
        self.block = block
        self.refusal = refusal
        self.length = 0
        self.annotations = 0
        self.logprobs = 0
        self.open = True


class _Item:
    """An output item. ``block`` is that of a call, of reasoning or of data; a message has one for each of its ``parts``."""

    __slots__ = ("block", "done", "id", "kind", "length", "lengths", "parts", "phase", "unwrapper")

    def __init__(self, kind: str, identity: str | None, phase: str | None) -> None:
        self.kind = kind
        self.id = identity
        self.phase = phase
        self.block = -1
        self.done = False
        self.length = 0
        self.lengths: dict[tuple[bool, int], int] = {}  # of reasoning: (raw, index) -> characters told
        self.parts: dict[int, _Part] = {}
        self.unwrapper: InputUnwrapper | None = None


class StreamDecoder:
    """One upstream stream."""

    __slots__ = ("_blocks", "_called", "_handlers", "_items", "_refused", "_started", "_stopped", "_ticket", "losses")

    def __init__(self, ticket: Ticket) -> None:
        self.losses: Sequence[Loss] = ()  # an answer of this wire loses nothing on its way in
        self._ticket = ticket
        self._items: dict[Any, _Item] = {}
        self._blocks = 0
        self._called = False
        self._refused = False
        self._started = False
        self._stopped = False
        self._handlers: dict[str, Callable[[Json], list[Event]]] = {
            "response.created": self._created,
            "response.queued": self._created,
            "response.in_progress": self._created,
            "response.output_item.added": self._added,
            "response.output_item.done": self._item_done,
            "response.content_part.added": self._nothing,
            "response.content_part.done": self._part_done,
            "response.output_text.done": self._text_done,
            "response.output_text.annotation.added": self._annotation,
            "response.refusal.delta": self._refusal_delta,
            "response.refusal.done": self._text_done,
            "response.function_call_arguments.delta": self._arguments_delta,
            "response.function_call_arguments.done": self._arguments_done,
            "response.custom_tool_call_input.delta": self._arguments_delta,
            "response.custom_tool_call_input.done": self._arguments_done,
            "response.reasoning_summary_part.added": self._nothing,
            "response.reasoning_summary_part.done": self._nothing,
            "response.reasoning_summary_text.delta": self._summary_delta,
            "response.reasoning_summary_text.done": self._summary_done,
            "response.reasoning_text.delta": self._raw_delta,
            "response.reasoning_text.done": self._raw_done,
            "response.completed": self._completed,
            "response.incomplete": self._completed,
            "response.failed": self._failed,
            "response.cancelled": self._failed,
            "error": self._error,
        }

    def feed(self, event: str | None, data: Json | None) -> list[Event]:
        """One wire event."""
        if self._stopped:
            return []
        try:
            if data is None:
                return self._marked_done()
            kind = data.get("type", event)
            if kind == "response.output_text.delta":
                return self._text_delta(data)
            handler = self._handlers.get(kind)  # type: ignore[arg-type] # an unhashable type raises, and that is caught
            return self._other(kind, data) if handler is None else handler(data)
        except Exception as error:  # noqa: BLE001 - whatever an upstream sends, the stream ends in words
            return self._fail(Failure("upstream_error", f"the upstream sent an event that cannot be read: {type(error).__name__}"))

    def finish(self) -> list[Event]:
        """The upstream closed the stream."""
        if self._stopped:
            return []
        return self._fail(Failure("truncated", "the upstream ended the stream in the middle of the answer"))

    # -------------------------------------------------------------------------------------------------------------- lifecycle

    def _nothing(self, data: Json) -> list[Event]:  # noqa: ARG002 - a handler like the others
        return []

    def _created(self, data: Json) -> list[Event]:
        if self._started:
            return []
        self._started = True
        response = data.get("response")
        if type(response) is not dict:
            return [Start(format=FORMAT)]
        identity, model = response.get("id"), response.get("model")
        return [
            Start(
                id=identity if type(identity) is str else "",
                model=model if type(model) is str else "",
                created=moment(response.get("created_at")),
                format=FORMAT,
            )
        ]

    def _start(self, events: list[Event]) -> None:
        if not self._started:
            self._started = True
            events.append(Start(format=FORMAT))

    def _fail(self, failure: Failure) -> list[Event]:
        self._stopped = True
        return [Failed(failure)]

    def _error(self, data: Json) -> list[Event]:
        # The event itself is flat; its type is "error", which is no type of error.
        return self._fail(failure_of(data["error"] if data.get("error") is not None else {**data, "type": None}, None))

    def _failed(self, data: Json) -> list[Event]:
        response = data.get("response")
        error = response.get("error") if type(response) is dict else None
        if error is None and (data["type"] == "response.cancelled" or (type(response) is dict and response.get("status") == "cancelled")):
            return self._fail(Failure("cancelled", "the upstream says that the response was cancelled"))
        return self._fail(failure_of({"error": error or {}}, None))

    def _marked_done(self) -> list[Event]:
        """``[DONE]`` without a terminal event: some servers end so, and what came is whole."""
        if not self._started or not self._blocks:
            return []
        return self._end(None, {})

    def _completed(self, data: Json) -> list[Event]:
        response = data.get("response")
        if type(response) is not dict:
            return self._end(None, {})
        status = response.get("status")
        if status == "failed":
            return self._failed({**data, "type": "response.failed"})
        events = self._created(data)
        output = response.get("output")
        for index, item in enumerate(output if type(output) is list else ()):
            known = self._known(index, item)
            if known is None:
                key = ("late", index)
                self._open(key, item, events)
                self._close(self._items[key], item, events)
            elif not known.done:
                self._close(known, item, events)
        if type(status) is not str:
            status = data["type"].removeprefix("response.")
        return events + self._end(status, response)

    def _known(self, index: int, item: Json) -> _Item | None:
        identity = item.get("id")
        if type(identity) is str and identity:
            for found in self._items.values():
                if found.id == identity:
                    return found
        found_at = self._items.get(index)
        return found_at if found_at is not None and found_at.kind == item.get("type") else None

    def _end(self, status: str | None, response: Json) -> list[Event]:
        self._stopped = True
        events: list[Event] = []
        self._start(events)
        for item in self._items.values():
            if not item.done:
                self._close(item, {}, events)
            self._close_parts(item, events)
        usage = response.get("usage")
        if type(usage) is dict:
            events.append(UsageUpdate(decode_usage(usage)))
        finish = decode_finish(status or "completed", response.get("incomplete_details"), called=self._called, refused=self._refused)
        if finish is not None:
            events.append(ChoiceEnd(0, finish))
        events.append(End(unknown(response, _KNOWN), tier(response)))
        return events

    def _other(self, kind: Any, data: Json) -> list[Event]:
        if data.get("error") is not None and (kind is None or not str(kind).startswith("response.")):
            return self._fail(failure_of(data, None))
        events: list[Event] = []
        if type(kind) is str:
            self._start(events)
            events.append(OpaqueEvent(Opaque(FORMAT, kind, data)))
        return events

    # -------------------------------------------------------------------------------------------------------------- items

    def _item(self, data: Json) -> _Item | None:
        key = data.get("output_index")
        return self._items.get(data.get("item_id") if key is None else key)

    def _added(self, data: Json) -> list[Event]:
        item = data["item"]
        key = data.get("output_index")
        if key is None:
            key = item.get("id")
        events: list[Event] = []
        self._open(key, item, events)
        return events

    def _open(self, key: Any, item: Json, events: list[Event]) -> _Item:
        self._start(events)
        kind, identity, phase = item["type"], item.get("id"), item.get("phase")
        before = self._items.get(key)
        if before is not None and not before.done:
            if before.kind == kind and before.id == identity:
                return before  # said twice
            self._close(before, {}, events)
        state = _Item(kind, identity if type(identity) is str else None, phase if type(phase) is str else None)
        self._items[key] = state
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
        block = self._blocks
        self._blocks = block + 1
        return block

    def _open_call(self, state: _Item, item: Json, events: list[Event]) -> None:
        native = state.kind == "custom_tool_call"
        name, namespace = item.get("name"), item.get("namespace")
        tool = restored(str(name or ""), str(namespace) if namespace else None, "custom" if native else "function", self._ticket)
        if tool.kind == "custom" and not native:
            state.unwrapper = InputUnwrapper()
        self._called = True
        state.block = self._next()
        events.append(
            BlockStart(
                state.block,
                "tool_call",
                id=str(item.get("call_id") or self._ticket.new_id("call_")),
                name=tool.name,
                tool_kind="custom" if native else tool.kind,
                namespace=tool.namespace,
            )
        )

    def _item_done(self, data: Json) -> list[Event]:
        item = data["item"]
        key = data.get("output_index")
        if key is None:
            key = item.get("id")
        events: list[Event] = []
        state = self._items.get(key)
        if state is None or state.kind != item["type"]:
            state = self._open(key, item, events)
        if not state.done:
            self._close(state, item, events)
        return events

    def _close(self, state: _Item, item: Json, events: list[Event]) -> None:
        """The item is whole: say what was left out, and end its blocks. ``item`` is empty where nobody told."""
        state.done = True
        if state.kind == "message":
            self._close_message(state, item, events)
            return
        if state.kind in _CALLS:
            if state.block < 0:
                if not item.get("name"):
                    return
                self._open_call(state, item, events)
            whole = item.get("input") if state.kind == "custom_tool_call" else argument_text(item)
            self._rest_of_call(state, whole, events)
            if state.unwrapper is not None:
                owed = state.unwrapper.finish()
                if owed:
                    events.append(ArgumentsDelta(state.block, owed))
        elif state.kind == "reasoning":
            self._close_reasoning(state, item, events)
        elif item:
            part = decode_other(item, state.kind, f"output.{len(self._items) - 1}")
            events.append(BlockData(state.block, part))
        events.append(BlockEnd(state.block))

    # -------------------------------------------------------------------------------------------------------------- messages

    def _text_delta(self, data: Json) -> list[Event]:
        text = data["delta"]
        if not text:
            return []
        key = data.get("output_index")
        item = self._items.get(data.get("item_id") if key is None else key)
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

    def _part(self, data: Json, events: list[Event], *, refusal: bool) -> _Part:
        """The part that an event names, begun where nobody began it."""
        item = self._item(data)
        if item is None:
            key = data.get("output_index")
            item = self._open(data.get("item_id") if key is None else key, {"type": "message", "id": data.get("item_id")}, events)
        index = data.get("content_index", 0)
        part = item.parts.get(index)
        if part is None or part.refusal is not refusal or not part.open:
            part = item.parts[index] = self._new_part(item, events, refusal=refusal)
        return part

    def _new_part(self, item: _Item, events: list[Event], *, refusal: bool) -> _Part:
        part = _Part(self._next(), refusal=refusal)
        self._refused = self._refused or refusal
        events.append(BlockStart(part.block, "refusal" if refusal else "text", phase=None if refusal else item.phase))
        return part

    def _logprobs(self, data: Json, part: _Part, events: list[Event]) -> list[Event]:
        """Those of a delta."""
        entries = data.get("logprobs")
        if type(entries) is list and entries:
            part.logprobs += len(entries)
            events.append(LogprobsDelta(0, entries))
        return events

    def _refusal_delta(self, data: Json) -> list[Event]:
        text = data["delta"]
        return self._first(data, text, refusal=True) if text else []

    def _text_done(self, data: Json) -> list[Event]:
        events: list[Event] = []
        refusal = "refusal" in data
        text = data.get("refusal" if refusal else "text")
        if type(text) is str and text:
            item = self._item(data)
            known = None if item is None else item.parts.get(data.get("content_index", 0))
            if known is None or known.open:
                self._rest_of_part(self._part(data, events, refusal=refusal), text, events)
        return events

    def _rest_of_part(self, part: _Part, text: str, events: list[Event]) -> None:
        if len(text) > part.length:
            rest = text[part.length :]
            part.length = len(text)
            events.append(RefusalDelta(part.block, rest) if part.refusal else TextDelta(part.block, rest))

    def _annotation(self, data: Json) -> list[Event]:
        events: list[Event] = []
        part = self._part(data, events, refusal=False)
        part.annotations += 1
        events.append(CitationDelta(part.block, decode_annotation(data["annotation"])))
        return events

    def _part_done(self, data: Json) -> list[Event]:
        events: list[Event] = []
        item, value = self._item(data), data.get("part")
        if item is not None and type(value) is dict:
            self._close_part(item, data.get("content_index", 0), value, events)
        return events

    def _close_part(self, item: _Item, index: int, value: Json, events: list[Event]) -> None:
        """A part as a whole, after its deltas or in place of them. Reasoning has parts of its own, told by other events."""
        kind = value.get("type")
        if kind not in ("output_text", "refusal", "text"):
            if item.kind == "message" and index not in item.parts and type(kind) is str:
                block = self._next()
                item.parts[index] = part = _Part(block, refusal=False)
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
            events.append(LogprobsDelta(0, entries[known.logprobs :]))
        known.open = False
        events.append(BlockEnd(known.block))

    def _close_message(self, state: _Item, item: Json, events: list[Event]) -> None:
        content = item.get("content")
        if type(content) is str:
            content = [{"type": "output_text", "text": content}]
        phase = item.get("phase")
        if type(phase) is str:
            state.phase = phase
        for index, value in enumerate(content if type(content) is list else ()):
            self._close_part(state, index, value, events)
        self._close_parts(state, events)

    def _close_parts(self, state: _Item, events: list[Event]) -> None:
        for part in state.parts.values():
            if part.open:
                part.open = False
                events.append(BlockEnd(part.block))

    # -------------------------------------------------------------------------------------------------------------- calls

    def _arguments_delta(self, data: Json) -> list[Event]:
        item = self._item(data)
        text = data["delta"]
        if item is None or item.block < 0 or item.done or not text:
            return []
        item.length += len(text)
        if item.unwrapper is not None:
            text = item.unwrapper.feed(text)
            return [ArgumentsDelta(item.block, text)] if text else []
        return [ArgumentsDelta(item.block, text)]

    def _arguments_done(self, data: Json) -> list[Event]:
        events: list[Event] = []
        item = self._item(data)
        if item is not None and item.block >= 0 and not item.done:
            self._rest_of_call(item, data.get("input") if "input" in data else argument_text(data), events)
        return events

    def _rest_of_call(self, item: _Item, whole: Any, events: list[Event]) -> None:
        if type(whole) is not str or len(whole) <= item.length:
            return
        rest = whole[item.length :]
        item.length = len(whole)
        if item.unwrapper is not None:
            rest = item.unwrapper.feed(rest)
        if rest:
            events.append(ArgumentsDelta(item.block, rest))

    # -------------------------------------------------------------------------------------------------------------- reasoning

    def _summary_delta(self, data: Json) -> list[Event]:
        return self._thought(data, data["delta"], data.get("summary_index", 0), raw=False)

    def _raw_delta(self, data: Json) -> list[Event]:
        return self._thought(data, data["delta"], data.get("content_index", 0), raw=True)

    def _thought(self, data: Json, text: str, index: int, *, raw: bool) -> list[Event]:
        if not text:
            return []
        events: list[Event] = []
        item = self._item(data)
        if item is None:
            key = data.get("output_index")
            item = self._open(data.get("item_id") if key is None else key, {"type": "reasoning", "id": data.get("item_id")}, events)
        if item.done or item.kind != "reasoning":
            return events
        item.lengths[raw, index] = item.lengths.get((raw, index), 0) + len(text)
        events.append(ReasoningDelta(item.block, text, 0 if raw else index, raw))
        return events

    def _summary_done(self, data: Json) -> list[Event]:
        return self._thought(
            data,
            self._untold(self._item(data), data["text"], data.get("summary_index", 0), raw=False),
            data.get("summary_index", 0),
            raw=False,
        )

    def _raw_done(self, data: Json) -> list[Event]:
        return self._thought(
            data,
            self._untold(self._item(data), data["text"], data.get("content_index", 0), raw=True),
            data.get("content_index", 0),
            raw=True,
        )

    def _untold(self, item: _Item | None, text: str, index: int, *, raw: bool) -> str:
        return text if item is None else text[item.lengths.get((raw, index), 0) :]

    def _close_reasoning(self, state: _Item, item: Json, events: list[Event]) -> None:
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
