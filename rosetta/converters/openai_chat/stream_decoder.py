"""A chat upstream's chunks -> IR events: https://platform.openai.com/docs/api-reference/chat/streaming.

stream := chunk* [DONE]        chunk.choices[].delta holds pieces of thoughts, content, refusal and calls, several kinds at once where a server likes

The wire has no ends of parts: another kind of piece ends text and thoughts, calls stay open until the finish, as their pieces may interleave. The finish
is told at the end, as counts, and now and then words, come after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rosetta.converters import custom, jsontext
from rosetta.converters.converter import Json, Malformed, Ticket
from rosetta.converters.fields import unknown
from rosetta.converters.losses import Losses
from rosetta.converters.openai_chat.answer_media import decode_audio, decode_image, heard
from rosetta.converters.openai_chat.citations import decode_annotations
from rosetta.converters.openai_chat.finish import decode_finish, decode_usage
from rosetta.converters.openai_chat.logprobs import CHANNELS, decode_logprobs
from rosetta.converters.openai_chat.open_calls import OpenCall, OpenCalls
from rosetta.converters.openai_chat.outgoing import FORMAT
from rosetta.converters.openai_chat.reasoning import DETAILS, TEXT_FIELDS, beside_signature, details_text, sealed, signature
from rosetta.converters.openai_chat.response import thinking_extras, thinking_text
from rosetta.converters.openai_chat.think_tags import ThinkSplitter
from rosetta.converters.openai_chat.tools import CALL, CALLED, CALLED_CUSTOM, restored
from rosetta.converters.openai_failures import failure_of
from rosetta.ir.errors import Failure
from rosetta.ir.events import (
    ArgumentsDelta,
    BlockData,
    BlockEnd,
    BlockKind,
    BlockStart,
    ChoiceEnd,
    CitationDelta,
    End,
    Event,
    Failed,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    SealDelta,
    Start,
    TextDelta,
    UsageUpdate,
)
from rosetta.ir.loss import Loss
from rosetta.ir.parts import NO_EXTRAS, Opaque, Part, ToolKind

_CHUNK = frozenset({"id", "object", "created", "model", "choices", "usage", "service_tier", "obfuscation"})
_TOLD = frozenset({"index", "delta", "finish_reason", "logprobs"})
_CHOICE = _TOLD | {"error"}
_PIECE = frozenset({"type", "text"})
_CALL = frozenset({"id", "type", "function", "index"})
_DELTA = frozenset(
    {"role", "content", "refusal", "tool_calls", "function_call", "annotations", "audio", "images", "obfuscation", *TEXT_FIELDS, DETAILS}
)


class _Choice:
    """One of the answers while it is made."""

    __slots__ = (
        "audio",
        "calls",
        "details",
        "extras",
        "finish",
        "kind",
        "number",
        "plain",
        "refused",
        "splitter",
        "thoughts",
    )

    def __init__(self, *, think_tags: bool) -> None:
        self.kind = ""  # the open block: text, refusal or reasoning
        self.number = -1
        self.thoughts: list[str] = []
        self.details: list[Any] = []
        self.plain = False  # the thoughts are told outside of the details too
        self.audio: Json | None = None
        self.calls = OpenCalls()
        self.finish: Any = None
        self.refused = False
        self.splitter = ThinkSplitter() if think_tags else None
        self.extras: dict[str, Any] = NO_EXTRAS


class StreamDecoder:
    """One stream of one upstream."""

    __slots__ = (
        "_blocks",
        "_choices",
        "_done",
        "_extras",
        "_known",
        "_late",
        "_losses",
        "_started",
        "_think_tags",
        "_ticket",
        "_tier",
        "_usage",
        "losses",
    )

    def __init__(self, ticket: Ticket) -> None:
        self._losses = Losses()
        self.losses: Sequence[Loss] = self._losses
        self._ticket = ticket
        self._think_tags = ticket.dialect is not None and bool(ticket.dialect.think_tags)
        self._choices: dict[int, _Choice] = {}
        self._blocks = 0
        self._started = False
        self._done = False
        self._extras: dict[str, Any] = NO_EXTRAS  # of the answer, as its beginning tells them
        self._known = _CHUNK  # the fields of a chunk of which nothing is left to be told
        self._late: dict[str, Any] = {}  # and as later chunks do: sources, mostly
        self._usage: Any = None  # counts that are told in every chunk: the last are told on
        self._tier: Any = None

    def feed(self, event: str | None, data: Json | None) -> list[Event]:  # noqa: ARG002 - the wire has no event names
        """One chunk; None is [DONE]."""
        if self._done:
            return []
        try:
            return self._end() if data is None else self._chunk(data)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            what = str(error) if isinstance(error, Malformed) else f"{type(error).__name__}: {error}"
            failure = Failure("upstream_error", f"the upstream sent a chunk that cannot be read ({what})")
            return self._fail(failure, unreadable=True)

    def finish(self) -> list[Event]:
        """The upstream closed. Where each choice has a finish reason it is an end without [DONE] all the same."""
        if self._done:
            return []
        if self._choices and all(choice.finish is not None for choice in self._choices.values()):
            return self._end()
        return self._fail(Failure("truncated", "the upstream ended the stream in the middle of the answer"))

    def _fail(self, failure: Failure, *, unreadable: bool = False) -> list[Event]:
        self._done = True
        return [*self._counted(), Failed(failure, unreadable)]

    def _counted(self) -> list[Event]:
        usage, self._usage = self._usage, None
        return [UsageUpdate(decode_usage(usage))] if usage is not None and self._started else []

    def _chunk(self, data: Any) -> list[Event]:
        if type(data) is not dict:
            if type(data) is list and data:  # Google's endpoint answers errors so
                return self._fail(failure_of(data, None))
            raise TypeError("expected an object")
        choices, usage = data.get("choices"), data.get("usage")
        if choices and len(choices) == 1 and usage is None:
            # The common case: a piece of text after a piece of text, with nothing beside it.
            value = choices[0]
            delta = value.get("delta")
            if delta and len(delta) == 1 and value.get("finish_reason") is None and not value.get("logprobs") and value.keys() <= _TOLD:
                content = delta.get("content")
                if content and type(content) is str and data.keys() <= self._known:
                    choice = self._choices.get(value.get("index", 0))
                    if choice is not None and choice.kind == "text":
                        return [TextDelta(choice.number, content)]
        if data.get("error") or (data.get("object") == "error" and not choices):
            return self._fail(failure_of(data, None))
        events: list[Event] = []
        if not self._started:
            if not choices and not usage:  # Azure's first chunk tells of its filter alone
                self._extras = {**self._extras, **unknown(data, _CHUNK)}
                return events
            events.append(self._start(data))
        else:
            for key, value in unknown(data, _CHUNK).items():
                if self._extras.get(key) != value:
                    self._late[key] = value
                self._known |= {key}
        for position, value in enumerate(choices or ()):
            failure = self._choice(position, value, events)
            if failure is not None:
                return [*events, *self._fail(failure)]
        if usage:
            if type(usage) is not dict:
                raise TypeError("usage is no object")
            self._usage = usage
            if not choices:
                events.extend(self._counted())
        if data.get("service_tier") is not None:
            self._tier = data["service_tier"]
        return events

    def _start(self, data: Json) -> Event:
        self._started = True
        identity, model, created, tier = data.get("id"), data.get("model"), data.get("created"), data.get("service_tier")
        self._tier = tier
        self._extras = {**self._extras, **unknown(data, _CHUNK)}
        self._known |= self._extras.keys()
        return Start(
            identity if type(identity) is str else "",
            model if type(model) is str else "",
            created if type(created) is int else None,
            FORMAT,
            tier if type(tier) is str else None,
            self._extras,
        )

    def _choice(self, position: int, value: Json, events: list[Event]) -> Failure | None:
        """One choice of a chunk; the failure that it tells."""
        delta, index = value.get("delta"), value.get("index")
        index = index if type(index) is int and index >= 0 else position
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice(think_tags=self._think_tags)
        if delta:
            self._delta(index, choice, delta, events)
        logprobs, reason = value.get("logprobs"), value.get("finish_reason")
        if logprobs:
            self._logprobs(index, logprobs, events)
        extras = unknown(value, _CHOICE)
        if extras:
            choice.extras = {**choice.extras, **extras}
        error = value.get("error")
        if error or reason == "error":  # OpenRouter, where the provider behind it failed
            return failure_of({"error": error or "the upstream ended the answer with an error"}, None)
        if reason:
            choice.finish = reason
        return None

    def _delta(self, index: int, choice: _Choice, delta: Json, events: list[Event]) -> None:
        content, details = delta.get("content"), delta.get(DETAILS)
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought:
            choice.plain = True
        if type(details) is list and details:
            self._open(index, choice, "reasoning", events)
            choice.details.extend(details)
            thought = thought or ("" if choice.plain else details_text(details))
        if thought and type(thought) is str:
            self._think(index, choice, thought, events)
        if content:
            if type(content) is list:
                for piece in content:
                    self._piece(index, choice, piece, events)
            elif type(content) is str:
                self._say(index, choice, content, events)
            else:
                raise TypeError("content is neither text nor parts")
            if len(delta) == 1:
                return
        refusal = delta.get("refusal")
        if refusal and type(refusal) is str:
            self._open(index, choice, "refusal", events)
            choice.refused = True
            events.append(RefusalDelta(choice.number, refusal))
        annotations = delta.get("annotations")
        if annotations:
            self._open(index, choice, "text", events)
            events.extend(CitationDelta(choice.number, cited) for cited in decode_annotations([_unnumbered(each) for each in annotations]))
        for image in delta.get("images") or ():
            found = decode_image(image)
            if found is not None:
                self._whole(index, choice, found, events)
        for key, value in unknown(delta, _DELTA).items():  # a text goes on, all else is told anew
            key, before = f"message.{key}", choice.extras.get(f"message.{key}")
            choice.extras = {**choice.extras, key: before + value if type(before) is str and type(value) is str else value}
        audio = delta.get("audio")
        if audio:
            choice.audio = heard(choice.audio or {}, audio)
        legacy = delta.get("function_call")
        if legacy:
            self._call(index, choice, {"index": 0, "function": legacy}, events)
        for piece in delta.get("tool_calls") or ():
            self._call(index, choice, piece, events)

    # ---------------------------------------------------------------- text, thoughts, media

    def _say(self, index: int, choice: _Choice, text: str, events: list[Event]) -> None:
        if choice.splitter is None:
            self._open(index, choice, "text", events)
            events.append(TextDelta(choice.number, text))
        else:
            self._split(index, choice, choice.splitter.feed(text), events)

    def _split(self, index: int, choice: _Choice, pieces: list[tuple[bool, str]], events: list[Event]) -> None:
        for thought, text in pieces:
            if thought:
                self._think(index, choice, text, events)
            else:
                self._open(index, choice, "text", events)
                events.append(TextDelta(choice.number, text))

    def _think(self, index: int, choice: _Choice, thought: str, events: list[Event]) -> None:
        self._open(index, choice, "reasoning", events)
        choice.thoughts.append(thought)
        events.append(ReasoningDelta(choice.number, thought))

    def _piece(self, index: int, choice: _Choice, piece: Any, events: list[Event]) -> None:
        """A part of content which is a list: Mistral's way."""
        if type(piece) is str:
            piece = {"type": "text", "text": piece}
        kind, text = piece.get("type"), piece.get("text")
        at = f"choices.{index}.delta"
        if kind == "thinking":
            self._losses.stray(thinking_extras([piece]), at)
            thought = thinking_text(piece)
            if thought:
                self._think(index, choice, thought, events)
        elif kind in (None, "text", "output_text") and type(text) is str:
            if len(piece) > len(_PIECE):
                self._losses.stray(unknown(piece, _PIECE), f"{at}.content")
            if text:
                self._say(index, choice, text, events)
        elif kind == "image_url":
            found = decode_image(piece)
            if found is not None:
                self._whole(index, choice, found, events)
        else:
            self._whole(
                index, choice, Opaque(FORMAT, kind if type(kind) is str else "", piece, text=text if type(text) is str else ""), events
            )

    def _open(self, index: int, choice: _Choice, kind: BlockKind, events: list[Event]) -> None:
        if choice.kind == kind:
            return
        self._close(choice, events)
        choice.kind, choice.number = kind, self._blocks
        self._blocks += 1
        events.append(BlockStart(choice.number, kind, index))

    def _close(self, choice: _Choice, events: list[Event]) -> None:
        if not choice.kind:
            return
        if choice.kind == "reasoning":
            events.extend(SealDelta(choice.number, seal) for seal in sealed("".join(choice.thoughts), choice.details, self._ticket))
            choice.thoughts, choice.details = [], []
        events.append(BlockEnd(choice.number))
        choice.kind = ""

    def _whole(self, index: int, choice: _Choice, part: Part, events: list[Event]) -> None:
        self._close(choice, events)
        number, self._blocks = self._blocks, self._blocks + 1
        events += [BlockStart(number, "data", index), BlockData(number, part), BlockEnd(number)]

    # ---------------------------------------------------------------- calls

    def _call(self, index: int, choice: _Choice, piece: Json, events: list[Event]) -> None:
        native = piece.get("custom")
        inner = native if type(native) is dict else piece.get("function")
        inner = inner if type(inner) is dict else {}
        name, value = inner.get("name"), inner.get("arguments" if inner is not native else "input")
        call = choice.calls.of(piece, name)
        if type(native) is dict:
            call.custom = True
        if not (piece.keys() <= _CALL and inner.keys() <= CALLED):
            self._stray(index, choice, call, piece, inner)
        seal = signature(piece, self._ticket)
        if seal is not None:
            if call.number < 0:
                call.seal = seal
            else:
                self._losses.dropped("seal", detail="it came after the call had begun")
        if name and type(name) is str and call.number < 0 and name != call.name:
            # A name in pieces grows; a name that is repeated whole on every piece stays.
            call.name = name if name.startswith(call.name) else call.name + name
        if type(value) is dict:
            value = jsontext.encode_text(value)  # Ollama's way
        if not value:
            return
        if type(value) is not str:
            raise TypeError("arguments are no text")
        if call.number < 0 and not call.custom and not call.held and value.isspace():
            return  # some servers say so that there are none
        if call.said is not None:
            call.said += value
        if not call.name:
            call.held.append(value)
            return
        self._begin(index, choice, call, events)
        self._argue(call, value, events)

    def _stray(self, index: int, choice: _Choice, call: OpenCall, piece: Json, inner: Json) -> None:
        """What nobody knows of a call. The IR's events have no place for it."""
        word = "custom" if inner is piece.get("custom") else "function"
        known = CALLED_CUSTOM if word == "custom" else CALLED
        beside = {f"{word}.{key}": value for key, value in unknown(inner, known).items()}
        at = f"choices.{index}.delta.tool_calls.{choice.calls.order.index(call)}"
        self._losses.stray({**unknown(piece, CALL), **beside, **beside_signature(piece)}, at)

    @staticmethod
    def _argue(call: OpenCall, value: str, events: list[Event]) -> None:
        text = value if call.unwrapper is None else call.unwrapper.feed(value)
        if text:
            events.append(ArgumentsDelta(call.number, text))

    def _begin(self, index: int, choice: _Choice, call: OpenCall, events: list[Event]) -> None:
        if call.number >= 0:
            return
        for earlier in choice.calls.order:  # calls begin in the order in which they were named
            if earlier is call:
                break
            if earlier.number < 0 and earlier.name:
                self._begin(index, choice, earlier, events)
        self._close(choice, events)
        call.number = self._blocks
        self._blocks += 1
        tool = restored(call.name, self._ticket)
        kind: ToolKind = "custom" if call.custom else tool.kind
        if kind == "custom" and not call.custom:
            call.unwrapper = custom.InputUnwrapper()
        call.identity = call.identity or self._ticket.new_id("call_")
        events.append(BlockStart(call.number, "tool_call", index, call.identity, tool.name, kind, tool.namespace, seal=call.seal))
        for value in call.held:
            self._argue(call, value, events)
        call.held = []

    def _logprobs(self, index: int, logprobs: Any, events: list[Event]) -> None:
        lists, beside = decode_logprobs(logprobs)
        if beside:
            self._losses.stray(beside, f"choices.{index}")
        for channel in CHANNELS:
            entries = lists and lists.get(channel)
            if entries:
                events.append(LogprobsDelta(index, entries, channel))

    # ---------------------------------------------------------------- the end

    def _end(self) -> list[Event]:
        """[DONE], or the end of a stream that was finished. A stream of nothing at all is no answer."""
        if not self._choices:
            return self._fail(Failure("truncated", "the upstream ended the stream without an answer"))
        if any(not call.name and call.held for choice in self._choices.values() for call in choice.calls.order):
            return self._fail(Failure("upstream_error", "the upstream sent a call without a name"), unreadable=True)
        events: list[Event] = []
        for index, choice in self._choices.items():
            if choice.splitter is not None:
                self._split(index, choice, choice.splitter.finish(), events)
            calls = [call for call in choice.calls.order if call.name]
            for call in calls:
                self._begin(index, choice, call, events)
            self._close(choice, events)
            if choice.audio is not None:
                self._whole(index, choice, decode_audio(choice.audio), events)
            for call in calls:
                rest = call.unwrapper.finish() if call.unwrapper is not None else ""
                if rest:
                    events.append(ArgumentsDelta(call.number, rest))
                events.append(BlockEnd(call.number))
            finish = decode_finish(choice.finish, called=bool(calls), refused=choice.refused)
            events.append(ChoiceEnd(index, finish, choice.extras, f"choices.{index}" if choice.extras else ""))
        events.extend(self._counted())
        self._done = True
        events.append(End(self._late or NO_EXTRAS, self._tier if type(self._tier) is str else None))
        return events


def _unnumbered(entry: Any) -> Any:
    """An entry of a list without the ``index`` that a stream gives it."""
    return {key: value for key, value in entry.items() if key != "index"} if type(entry) is dict and "index" in entry else entry
