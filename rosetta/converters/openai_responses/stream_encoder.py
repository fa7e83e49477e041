"""IR events -> client events: https://platform.openai.com/docs/api-reference/responses-streaming.

    stream     := created in_progress item* (completed | incomplete | failed)
    item       := output_item.added … output_item.done              several calls may be open together; their insides are in ``stream_writers.py``

A message is done when something else begins, and so is reasoning; later text opens a new message. The last item that ended is kept open until it is known
whether the answer was cut short, for then the item is ``incomplete``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from rosetta.converters import media
from rosetta.converters.carriers import of_what_was_said
from rosetta.converters.converter import Json, Reply, WireEvent
from rosetta.converters.losses import Losses
from rosetta.converters.openai_responses.errors import response_error
from rosetta.converters.openai_responses.finish import encode_finish, encode_usage, usage_losses
from rosetta.converters.openai_responses.items import call_item, carrier, image_item, message_item, reasoning_item
from rosetta.converters.openai_responses.parts import FORMAT, encode_annotation
from rosetta.converters.openai_responses.response import envelope, response_id
from rosetta.converters.openai_responses.stream_writers import CallWriter, MessageWriter, Teller, ThoughtsWriter
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
from rosetta.ir.parts import Media, Opaque, Reasoning, Seal, Text, ToolCall
from rosetta.ir.response import Finish
from rosetta.ir.usage import NO_USAGE, Usage, latest


class StreamEncoder:
    """One client's stream."""

    __slots__ = (
        "_calls",
        "_ended",
        "_finish",
        "_foreign",
        "_id",
        "_ids",
        "_logprobs",
        "_losses",
        "_message",
        "_opened",
        "_output",
        "_phases",
        "_refused",
        "_reply",
        "_response",
        "_seals",
        "_start",
        "_stopped",
        "_tail",
        "_teller",
        "_thoughts",
        "_usage",
        "losses",
    )

    def __init__(self, reply: Reply) -> None:
        self._losses = Losses()
        self.losses: Sequence[Loss] = self._losses
        self._reply = reply
        self._teller = Teller()
        self._opened = False
        self._stopped = False
        self._start = Start()
        self._id = ""
        self._response: Json = {}
        self._output: dict[int, Json] = {}
        self._tail = 0  # the next output_index
        self._message: MessageWriter | None = None
        self._thoughts: ThoughtsWriter | None = None
        self._calls: dict[int, CallWriter] = {}
        self._ended: CallWriter | None = None  # the last call that ended, not yet done
        self._phases: dict[int, str] = {}
        self._ids: dict[int, str] = {}  # the upstream's ids of reasoning blocks
        self._seals: dict[int, list[Seal]] = {}
        self._foreign: set[int] = set()  # blocks of other choices
        self._refused = False
        self._finish: Finish | None = None
        self._usage: Usage = NO_USAGE
        self._logprobs: list[Any] = []

    # -------------------------------------------------------------------------------------------------------------- the contract

    def open(self) -> list[WireEvent]:
        """``response.created`` and ``response.in_progress``, once."""
        if not self._opened and not self._stopped:
            self._open()
        return self._teller.told()

    def feed(self, event: Event) -> list[WireEvent]:
        """One IR event."""
        if type(event) is TextDelta:
            message = self._message
            if message is not None and message.block == event.block and not self._logprobs:
                return [message.delta(event.text)]
        if self._stopped:
            return []
        self._feed(event)
        return self._teller.told()

    def finish(self) -> list[WireEvent]:
        """No more events come."""
        if not self._stopped:
            self._fail(Failure("truncated", "the answer ended before it was complete"))
        return self._teller.told()

    def _feed(self, event: Event) -> None:
        match event:
            case TextDelta():
                self._say(event.block, event.text, refusal=False)
            case RefusalDelta():
                self._say(event.block, event.text, refusal=True)
            case ArgumentsDelta():
                self._arguments(event)
            case ReasoningDelta():
                self._think(event)
            case BlockStart():
                self._block_start(event)
            case BlockEnd():
                self._block_end(event.block)
            case SealDelta():
                self._seals.setdefault(event.block, []).append(event.seal)
            case CitationDelta():
                self._cite(event)
            case LogprobsDelta():
                if event.choice == 0 and event.channel == "content":
                    self._logprobs.extend(event.entries)
                elif event.choice == 0:
                    self._losses.dropped("logprobs", detail="of a refusal")
            case BlockData():
                self._data(event)
            case UsageUpdate():
                self._usage = latest(self._usage, event.usage)
            case ChoiceEnd():
                self._choice_end(event)
            case OpaqueEvent():
                pass  # progress of a hosted tool: its item tells the outcome
            case Start():
                self._start = event
                if not self._own:
                    self._losses.extras(event.extras)
            case End():
                self._end(event)
            case Failed():
                self._fail(event.failure)
            case _:
                assert_never(event)

    def _open(self) -> None:
        self._opened = True
        self._id = response_id(self._start.id, self._reply, own=self._own)
        self._response = envelope(self._reply, self._id, self._reply.model or self._start.model)
        if self._start.service_tier is not None:
            self._response["service_tier"] = self._start.service_tier
        self._teller.tell("response.created", {"response": self._response})
        self._teller.tell("response.in_progress", {"response": self._response})

    @property
    def _own(self) -> bool:
        return self._start.format == FORMAT

    # -------------------------------------------------------------------------------------------------------------- items

    def _add(self, item: Json) -> int:
        if not self._opened:
            self._open()
        index = self._tail
        self._tail = index + 1
        self._teller.tell("response.output_item.added", {"output_index": index, "item": item})
        return index

    def _done(self, index: int, item: Json) -> None:
        self._output[index] = item
        self._teller.tell("response.output_item.done", {"output_index": index, "item": item})

    def _block_start(self, event: BlockStart) -> None:
        if event.choice != 0:
            if not self._foreign:
                self._losses.dropped("choices", detail="all but the first answer")
            self._foreign.add(event.block)
            return
        match event.kind:
            case "text":
                if event.phase is not None:
                    self._phases[event.block] = event.phase
                if event.seal is not None:
                    self._seals[event.block] = [event.seal]
            case "reasoning":
                if event.id is not None and event.id.startswith("rs_"):
                    self._ids[event.block] = event.id
            case "tool_call":
                self._begin_call(event)
            case "refusal" | "data":
                pass
            case _:
                assert_never(event.kind)

    def _block_end(self, block: int) -> None:
        if block in self._foreign:
            return
        call = self._calls.pop(block, None)
        if call is not None:
            self._flush_call()
            self._ended = call
            return
        if self._thoughts is not None and self._thoughts.block == block:
            self._close_thoughts()
        # The part of a message stays open until something else begins: its log probabilities may come behind it.
        found = self._seals.pop(block, None)
        if found is None:
            return
        if found[-1].bound == "part":
            self._carry(of_what_was_said(found[-1]))
        else:  # reasoning without a word, or one whose words were done before
            self._flush_call()
            self._close_message()
            item, dropped = reasoning_item(Reasoning(seals=tuple(found)), self._own, self._reply.new_id, self._identity(block))
            if dropped or item is None:
                self._losses.dropped("seal", detail="larger than clients should keep")
            else:
                self._done(self._add({**item, "summary": [], "encrypted_content": None}), item)

    def _carry(self, seal: Seal) -> None:
        """A reasoning item without words that holds the seal of the visible part beside it."""
        self._flush_call()
        self._close_message()
        self._close_thoughts()
        item = carrier(seal, self._reply.new_id)
        if item is None:
            self._losses.dropped("seal", detail="larger than clients should keep")
        else:
            self._done(self._add({**item, "encrypted_content": None}), item)

    # -------------------------------------------------------------------------------------------------------------- messages

    def _say(self, block: int, text: str, *, refusal: bool) -> None:
        if block in self._foreign:
            return
        message = self._open_part(block, refusal=refusal)
        if refusal:
            message.say(text)
        else:
            logprobs, self._logprobs = self._logprobs, []
            message.say(text, logprobs)

    def _open_part(self, block: int, *, refusal: bool) -> MessageWriter:
        """The message whose part in hand is ``block``."""
        message = self._message
        if message is not None and message.block == block:
            return message
        self._flush_call()
        self._close_thoughts()
        phase = None if refusal else self._phases.get(block)
        if message is not None:
            self._close_part()
            if message.phase != phase and not refusal:
                self._close_message()
                message = None
        if message is None:
            identity = self._reply.new_id("msg_")
            index = self._add(message_item(identity, [], phase, "in_progress"))
            message = self._message = MessageWriter(self._teller, identity, index, phase)
        self._refused = self._refused or refusal
        message.begin(block, refusal=refusal)
        return message

    def _cite(self, event: CitationDelta) -> None:
        if event.block in self._foreign:
            return
        message = self._open_part(event.block, refusal=False)
        annotation = encode_annotation(event.citation, message.length)
        if annotation is None or (event.citation.format != FORMAT and event.citation.beyond_address):
            self._lose_citation(annotation is not None)
        if annotation is not None:
            message.cite(annotation)

    def _lose_citation(self, said: bool) -> None:
        """Told once in a stream."""
        if not any(loss.field == "citations" for loss in self._losses):
            if said:
                self._losses.approximated("citations", detail="the address alone")
            else:
                self._losses.dropped("citations", detail="one without an address")

    def _close_part(self) -> None:
        if self._message is not None and self._message.end(self._logprobs):
            self._logprobs = []

    def _close_message(self, status: str = "completed") -> None:
        self._close_part()
        message, self._message = self._message, None
        if message is not None:
            self._done(message.index, message.item(status))

    # -------------------------------------------------------------------------------------------------------------- calls

    def _begin_call(self, event: BlockStart) -> None:
        self._flush_call()
        self._close_message()
        self._close_thoughts()
        if event.seal is not None:
            self._carry(event.seal)
        part = ToolCall(event.id or "", event.name or "", "", kind=event.tool_kind, namespace=event.namespace)
        item = call_item(part, self._reply.new_id)
        body = "input" if event.tool_kind == "custom" else "arguments"
        self._calls[event.block] = CallWriter(self._teller, item, self._add({**item, body: "", "status": "in_progress"}))

    def _arguments(self, event: ArgumentsDelta) -> None:
        call = self._calls.get(event.block)
        if call is not None:
            call.say(event.text)

    def _flush_call(self, status: str = "completed") -> None:
        """The last call that ended is done."""
        call, self._ended = self._ended, None
        if call is not None:
            self._done(call.index, call.item(status))

    # -------------------------------------------------------------------------------------------------------------- reasoning

    def _think(self, event: ReasoningDelta) -> None:
        if event.block in self._foreign:
            return
        thoughts = self._thoughts
        if thoughts is None or thoughts.block != event.block:
            self._flush_call()
            self._close_message()
            self._close_thoughts()
            identity = self._identity(event.block) or self._reply.new_id("rs_")
            index = self._add({"id": identity, "type": "reasoning", "summary": []})
            thoughts = self._thoughts = ThoughtsWriter(self._teller, event.block, identity, index)
        thoughts.think(event, own=self._own)

    def _identity(self, block: int) -> str | None:
        """The id for the block's next item: the upstream's for the first, a fresh one for what comes after something else."""
        found = self._ids.get(block)
        self._ids[block] = ""
        return self._reply.new_id("rs_") if found == "" else found

    def _close_thoughts(self) -> None:
        thoughts = self._thoughts
        if thoughts is None:
            return
        self._thoughts = None
        part = thoughts.part(tuple(self._seals.pop(thoughts.block, ())))
        item, dropped = reasoning_item(part, True, self._reply.new_id, thoughts.id)
        if dropped:
            self._losses.dropped("seal", detail="larger than clients should keep")
        if item is not None:
            self._done(thoughts.index, item)

    # -------------------------------------------------------------------------------------------------------------- data

    def _data(self, event: BlockData) -> None:
        if event.block in self._foreign:
            return
        part = event.part
        if isinstance(part, Opaque) and part.format != FORMAT:
            if part.text:
                self._losses.approximated("part", part.at, "as text")
                self._say(event.block, part.text, refusal=False)
            else:
                self._losses.dropped("part", part.at, part.kind)
            return
        if isinstance(part, Text):
            self._say(event.block, part.text, refusal=False)
            return
        item: Json | None = None
        if isinstance(part, Media):
            item = image_item(part, self._reply.new_id)
            if item is None and part.transcript:
                self._losses.approximated(part.kind, part.at, "as its transcript")
                self._say(event.block, part.transcript, refusal=False)
                return
            if item is not None:
                media.tell_unsaid(part, self._losses)
            if part.seal is not None:
                self._losses.dropped("seal", part.at)
            if item is not None and self._own:
                item.update(part.extras)
            elif item is not None:
                self._losses.extras(part.extras, part.at)
        elif isinstance(part, Opaque):
            if ".content" in part.at:
                self._losses.dropped("part", part.at, part.kind)
                return
            item = part.data if type(part.data.get("id")) is str else {**part.data, "id": self._reply.new_id("item_")}
        if item is None:
            self._losses.dropped(part.kind if isinstance(part, Media) else "part", part.at)
            return
        self._flush_call()
        self._close_message()
        self._close_thoughts()
        begun = {key: value for key, value in item.items() if key not in {"result", "output"}}
        if "status" in begun:
            begun["status"] = "in_progress"
        self._done(self._add(begun), item)

    # -------------------------------------------------------------------------------------------------------------- the end

    def _choice_end(self, event: ChoiceEnd) -> None:
        if event.choice != 0:
            if not self._foreign:
                self._losses.dropped("choices", detail="all but the first answer")
                self._foreign.add(-1)
            return
        self._finish = event.finish
        if event.extras and not self._own:
            self._losses.extras(event.extras, event.at)

    def _end(self, event: End) -> None:
        if not self._opened:
            self._open()
        empty = not (self._output or self._message or self._ended or self._calls)
        losses = self._losses
        status, reason = encode_finish(self._finish, own=self._own, refused=self._refused, empty=empty, losses=losses)
        last = "incomplete" if status == "incomplete" else "completed"
        self._close_thoughts()
        for call in list(self._calls.values()):  # nobody ended them
            self._flush_call()
            self._ended = call
        self._calls.clear()
        self._flush_call(last if self._message is None else "completed")
        self._close_message(last)
        if self._logprobs:
            losses.dropped("logprobs", detail="of no text")
        usage_losses(self._usage, losses, own=self._own)
        if not self._own:
            losses.extras(event.extras)
        response = self._outcome(status)
        if self._own:
            response.update(event.extras)
        if status == "incomplete":
            response["incomplete_details"] = {"reason": reason}
        elif status == "failed":
            response["error"] = {"code": "server_error", "message": "the model made a call that nobody can read"}
        self._stopped = True
        if event.service_tier is not None:
            response["service_tier"] = event.service_tier
        self._teller.tell(f"response.{status}", {"response": response})

    def _fail(self, failure: Failure) -> None:
        """Nothing that is open is called done: a client would run a call that was cut."""
        if not self._opened:
            self._open()
        self._stopped = True
        self._message = None
        response = self._outcome("failed")
        response["error"] = response_error(failure)
        self._teller.tell("response.failed", {"response": response})

    def _outcome(self, status: str) -> Json:
        response = {**self._response, "status": status, "output": [self._output[index] for index in sorted(self._output)]}
        response["usage"] = encode_usage(self._usage, own=self._own)
        response["service_tier"] = self._start.service_tier
        return response
