"""Upstream events -> IR events: https://platform.openai.com/docs/api-reference/responses-streaming.

stream  := response.created (response.in_progress | item event | other)* (response.completed | response.incomplete | response.failed | error)
item    := response.output_item.added (part event)* response.output_item.done          the items are in ``stream_items.py``
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rosetta.converters.converter import Json, Ticket
from rosetta.converters.fields import unknown
from rosetta.converters.losses import Losses
from rosetta.converters.openai_responses.errors import failure_of
from rosetta.converters.openai_responses.finish import decode_finish, decode_usage
from rosetta.converters.openai_responses.parts import FORMAT
from rosetta.converters.openai_responses.response import ECHO, moment, tier
from rosetta.converters.openai_responses.stream_items import StreamedItems
from rosetta.ir.errors import Failure
from rosetta.ir.events import ChoiceEnd, End, Event, Failed, OpaqueEvent, Start, UsageUpdate
from rosetta.ir.loss import Loss
from rosetta.ir.parts import Opaque

_KNOWN = ECHO | {"id", "created_at", "model", "output", "output_text", "usage", "service_tier"}
_EMPTY = frozenset({"response.content_part.added", "response.reasoning_summary_part.added", "response.reasoning_summary_part.done"})
"""Events that say nothing which others do not say."""


class StreamDecoder:
    """One upstream stream."""

    __slots__ = ("_items", "_started", "_stopped", "losses")

    def __init__(self, ticket: Ticket) -> None:
        losses = Losses()
        self.losses: Sequence[Loss] = losses
        self._items = StreamedItems(ticket, losses)
        self._started = False
        self._stopped = False

    def feed(self, event: str | None, data: Json | None) -> list[Event]:
        """One wire event."""
        if self._stopped:
            return []
        try:
            if data is None:
                return self._marked_done()
            kind = data.get("type", event)
            teller = _TELLERS.get(kind)  # type: ignore[arg-type] # an unhashable type raises, and that is caught
            if teller is not None:
                events = teller(self._items, data)
                return events if self._started else self._begun(events)
            handler = _LIFECYCLE.get(kind)  # type: ignore[arg-type] # as above
            return self._other(kind, data) if handler is None else handler(self, {**data, "type": kind})
        except Exception as error:  # noqa: BLE001 - whatever an upstream sends, the stream ends in words
            failure = Failure("upstream_error", f"the upstream sent an event that cannot be read: {type(error).__name__}")
            return self._fail(failure, unreadable=True)

    def finish(self) -> list[Event]:
        """The upstream closed the stream."""
        if self._stopped:
            return []
        return self._fail(Failure("truncated", "the upstream ended the stream in the middle of the answer"))

    # -------------------------------------------------------------------------------------------------------------- lifecycle

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

    def _begun(self, events: list[Event]) -> list[Event]:
        """``events`` behind a Start, where the upstream began without one."""
        if self._started or not events:
            return events
        self._started = True
        return [Start(format=FORMAT), *events]

    def _fail(self, failure: Failure, *, unreadable: bool = False) -> list[Event]:
        self._stopped = True
        return [Failed(failure, unreadable)]

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
        if not self._started or not self._items.blocks:
            return []
        return self._end(None, {})

    def _completed(self, data: Json) -> list[Event]:
        response = data.get("response")
        if type(response) is not dict:
            return self._end(None, {})
        status = response.get("status")
        if status in ("failed", "cancelled"):
            return self._failed({**data, "type": f"response.{status}"})
        events = self._created(data)
        output = response.get("output")
        self._items.late(output if type(output) is list else [], events)
        if status not in ("completed", "incomplete"):
            status = "incomplete" if data["type"] == "response.incomplete" else "completed"  # the event itself says that it is the end
        return events + self._end(status, response)

    def _end(self, status: str | None, response: Json) -> list[Event]:
        self._stopped = True
        items = self._items
        events: list[Event] = []
        items.close_all(events)
        usage = response.get("usage")
        if type(usage) is dict:
            events.append(UsageUpdate(decode_usage(usage)))
        finish = decode_finish(status or "completed", response.get("incomplete_details"), called=items.called, refused=items.refused)
        if finish is not None:
            events.append(ChoiceEnd(0, finish))
        events.append(End(unknown(response, _KNOWN), tier(response)))
        return self._begun(events)

    def _other(self, kind: Any, data: Json) -> list[Event]:
        if data.get("error") is not None and (kind is None or not str(kind).startswith("response.")):
            return self._fail(failure_of(data, None))
        if type(kind) is not str or kind in _EMPTY:
            return []
        return self._begun([OpaqueEvent(Opaque(FORMAT, kind, data))])


_LIFECYCLE: dict[str, Callable[[StreamDecoder, Json], list[Event]]] = {
    "response.created": StreamDecoder._created,
    "response.queued": StreamDecoder._created,
    "response.in_progress": StreamDecoder._created,
    "response.completed": StreamDecoder._completed,
    "response.incomplete": StreamDecoder._completed,
    "response.done": StreamDecoder._completed,  # OpenAI's sockets and some servers end with it, whatever became of the answer
    "response.failed": StreamDecoder._failed,
    "response.cancelled": StreamDecoder._failed,
    "error": StreamDecoder._error,
}
_TELLERS: dict[str, Callable[[StreamedItems, Json], list[Event]]] = {
    "response.output_text.delta": StreamedItems.text_delta,
    "response.output_item.added": StreamedItems.added,
    "response.output_item.done": StreamedItems.item_done,
    "response.content_part.done": StreamedItems.part_done,
    "response.output_text.done": StreamedItems.text_done,
    "response.output_text.annotation.added": StreamedItems.annotation,
    "response.refusal.delta": StreamedItems.refusal_delta,
    "response.refusal.done": StreamedItems.text_done,
    "response.function_call_arguments.delta": StreamedItems.arguments_delta,
    "response.function_call_arguments.done": StreamedItems.arguments_done,
    "response.custom_tool_call_input.delta": StreamedItems.arguments_delta,
    "response.custom_tool_call_input.done": StreamedItems.arguments_done,
    "response.reasoning_summary_text.delta": StreamedItems.summary_delta,
    "response.reasoning_summary_text.done": StreamedItems.summary_done,
    "response.reasoning_text.delta": StreamedItems.raw_delta,
    "response.reasoning_text.done": StreamedItems.raw_done,
}
