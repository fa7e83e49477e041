"""A chat upstream's chunks -> IR events: https://platform.openai.com/docs/api-reference/chat/streaming.

stream := chunk* [DONE]        chunk.choices[].delta holds pieces of thoughts, content, refusal and calls, several kinds at once where a server likes

The wire has no ends of parts: another kind of piece ends text and thoughts, calls stay open until the finish, as their pieces may interleave.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rosetta.converters import custom, jsontext
from rosetta.converters.converter import Json, Malformed, Ticket
from rosetta.converters.losses import Losses
from rosetta.converters.openai_chat.finish import decode_finish, decode_usage
from rosetta.converters.openai_chat.parts import FORMAT, decode_annotation, decode_url, unknown
from rosetta.converters.openai_chat.reasoning import DETAILS, details_text, sealed, signature
from rosetta.converters.openai_chat.response import decode_audio, thinking_text
from rosetta.converters.openai_chat.tools import restored
from rosetta.converters.openai_failures import failure_of
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
    ReasoningDelta,
    RefusalDelta,
    SealDelta,
    Start,
    TextDelta,
    UsageUpdate,
)
from rosetta.ir.loss import Loss
from rosetta.ir.parts import Media, ToolKind

_CHUNK = frozenset({"id", "object", "created", "model", "choices", "usage", "service_tier", "obfuscation"})


class _Call:
    """A call that is open. Until its first byte of arguments its name may still grow, as some servers send it in pieces."""

    __slots__ = ("arguments", "custom", "held", "identity", "name", "number", "seal", "started", "unwrapper")

    def __init__(self, identity: str | None) -> None:
        self.identity = identity
        self.name = ""
        self.number = -1
        self.started = False
        self.arguments = False
        self.custom = False  # the upstream has custom tools itself
        self.held: list[str] = []  # arguments that came before the name
        self.unwrapper: custom.InputUnwrapper | None = None
        self.seal: Any = None


class _Choice:
    """One of the answers while it is made."""

    __slots__ = ("audio", "calls", "details", "finish", "kind", "number", "order", "refused", "thoughts")

    def __init__(self) -> None:
        self.kind = ""  # the open block: text, refusal or reasoning
        self.number = -1
        self.thoughts: list[str] = []
        self.details: list[Any] = []
        self.audio: Json = {}
        self.calls: dict[int, _Call] = {}
        self.order: list[_Call] = []
        self.finish: Any = None
        self.refused = False


class StreamDecoder:
    """One stream of one upstream."""

    __slots__ = ("_blocks", "_choices", "_done", "_losses", "_started", "_ticket", "_tier", "losses")

    def __init__(self, ticket: Ticket) -> None:
        self._losses = Losses()
        self.losses: Sequence[Loss] = self._losses
        self._ticket = ticket
        self._choices: dict[int, _Choice] = {}
        self._blocks = 0
        self._started = False
        self._tier: str | None = None
        self._done = False

    def feed(self, event: str | None, data: Json | None) -> list[Event]:  # noqa: ARG002 - the wire has no event names
        """One chunk; None is [DONE]."""
        if self._done:
            return []
        try:
            return self._end() if data is None else self._chunk(data)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            what = error.path if isinstance(error, Malformed) else f"{type(error).__name__}: {error}"
            return self._fail(Failure("upstream_error", f"the upstream sent a chunk that cannot be read ({what})"))

    def finish(self) -> list[Event]:
        """The upstream closed. A finish reason without [DONE] is an end all the same."""
        if self._done:
            return []
        if self._choices and all(choice.finish is not None for choice in self._choices.values()):
            return self._end()
        return self._fail(Failure("truncated", "the upstream ended the stream in the middle of the answer"))

    def _fail(self, failure: Failure) -> list[Event]:
        self._done = True
        return [Failed(failure)]

    def _chunk(self, data: Json) -> list[Event]:
        choices = data.get("choices")
        if data.get("error"):
            return self._fail(failure_of(data, None))
        events: list[Event] = []
        if not self._started:
            events.append(self._start(data))
        if choices:
            for position, value in enumerate(choices):
                delta = value.get("delta")
                index = value.get("index")
                index = position if type(index) is not int else index
                choice = self._choices.get(index)
                if choice is None:
                    choice = self._choices[index] = _Choice()
                if delta:
                    self._delta(index, choice, delta, events)
                logprobs = value.get("logprobs")
                if logprobs:
                    self._logprobs(index, logprobs, events)
                error = value.get("error")
                if error:
                    return [*events, *self._fail(failure_of({"error": error}, None))]
                reason = value.get("finish_reason")
                if reason:
                    if reason == "error":
                        return [*events, *self._fail(Failure("upstream_error", "the upstream ended the answer with an error"))]
                    choice.finish = reason
        tier = data.get("service_tier")
        if type(tier) is str:
            self._tier = tier
        usage = data.get("usage")
        if usage:
            events.append(UsageUpdate(decode_usage(usage)))
        return events

    def _start(self, data: Json) -> Event:
        self._started = True
        identity, model, created, tier = data.get("id"), data.get("model"), data.get("created"), data.get("service_tier")
        return Start(
            identity if type(identity) is str else "",
            model if type(model) is str else "",
            created if type(created) is int else None,
            FORMAT,
            tier if type(tier) is str else None,
            unknown(data, _CHUNK),
        )

    def _delta(self, index: int, choice: _Choice, delta: Json, events: list[Event]) -> None:
        content = delta.get("content")
        if type(content) is str and content and choice.kind == "text" and len(delta) <= 2 and "tool_calls" not in delta:
            # The common case: a piece of text after a piece of text, with nothing beside it but, maybe, the role.
            others = delta.keys() - _QUIET
            if not others:
                events.append(TextDelta(choice.number, content))
                return
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        details = delta.get(DETAILS)
        if type(content) is list:
            thought = thought or "".join(thinking_text(piece) for piece in content)
            content = "".join(
                piece["text"]
                for piece in content
                if type(piece) is dict and piece.get("type") != "thinking" and type(piece.get("text")) is str
            )
        if type(details) is list and details:
            self._open(index, choice, "reasoning", events)
            choice.details.extend(details)
            if not thought and not choice.thoughts:  # told after the text they are its state, not more of it
                thought = details_text(details)
        if type(thought) is str and thought:
            self._open(index, choice, "reasoning", events)
            choice.thoughts.append(thought)
            events.append(ReasoningDelta(choice.number, thought))
        if type(content) is str and content:
            self._open(index, choice, "text", events)
            events.append(TextDelta(choice.number, content))
        refusal = delta.get("refusal")
        if type(refusal) is str and refusal:
            self._open(index, choice, "refusal", events)
            choice.refused = True
            events.append(RefusalDelta(choice.number, refusal))
        annotations = delta.get("annotations")
        if annotations:
            self._open(index, choice, "text", events)
            events.extend(CitationDelta(choice.number, cited) for value in annotations if (cited := decode_annotation(value)) is not None)
        for piece in delta.get("images") or ():
            self._image(index, choice, piece, events)
        audio = delta.get("audio")
        if type(audio) is dict:  # data and transcript come in pieces
            for key, value in audio.items():
                known = choice.audio.get(key)
                grows = key in ("data", "transcript") and type(known) is str and type(value) is str
                choice.audio[key] = f"{known}{value}" if grows else value
        legacy = delta.get("function_call")
        if type(legacy) is dict:
            self._call(index, choice, {"index": 0, "function": legacy}, events)
        for piece in delta.get("tool_calls") or ():
            self._call(index, choice, piece, events)

    def _open(self, index: int, choice: _Choice, kind: str, events: list[Event]) -> None:
        if choice.kind == kind:
            return
        self._close(choice, events)
        choice.kind, choice.number = kind, self._blocks
        self._blocks += 1
        events.append(BlockStart(choice.number, kind, index))  # type: ignore[arg-type]  # text, refusal or reasoning

    def _close(self, choice: _Choice, events: list[Event]) -> None:
        if not choice.kind:
            return
        if choice.kind == "reasoning":
            events.extend(SealDelta(choice.number, seal) for seal in sealed("".join(choice.thoughts), choice.details, self._ticket))
            choice.thoughts, choice.details = [], []
        events.append(BlockEnd(choice.number))
        choice.kind = ""

    def _image(self, index: int, choice: _Choice, piece: Any, events: list[Event]) -> None:
        image = piece.get("image_url") if type(piece) is dict else None
        url = image.get("url") if type(image) is dict else None
        if type(url) is not str:
            return
        self._close(choice, events)
        source, mime = decode_url(url)
        number, self._blocks = self._blocks, self._blocks + 1
        events += [BlockStart(number, "data", index), BlockData(number, Media("image", source, mime)), BlockEnd(number)]

    # ---------------------------------------------------------------- calls

    def _call(self, index: int, choice: _Choice, piece: Json, events: list[Event]) -> None:
        call = self._find(choice, piece)
        native = piece.get("custom")
        call.custom = call.custom or type(native) is dict
        inner = native if type(native) is dict else piece.get("function")
        inner = inner if type(inner) is dict else {}
        name = inner.get("name")
        seal = signature(piece, self._ticket)
        if seal is not None:
            call.seal = seal
        if type(name) is str and name and not call.arguments and name != call.name:
            # A name in pieces grows; a name that is repeated whole on every piece stays.
            call.name = name if name.startswith(call.name) else call.name + name
        value = inner.get("input") if type(native) is dict else inner.get("arguments")
        if value is None or value == "":
            return
        if type(value) is dict:
            value = jsontext.encode_text(value)
        if type(value) is not str:
            raise TypeError("arguments are no string")
        if not call.name:
            call.held.append(value)
            return
        self._begin(index, choice, call, events)
        self._argue(call, value, events)

    @staticmethod
    def _argue(call: _Call, value: str, events: list[Event]) -> None:
        call.arguments = True
        text = value if call.unwrapper is None else call.unwrapper.feed(value)
        if text:
            events.append(ArgumentsDelta(call.number, text))

    def _find(self, choice: _Choice, piece: Json) -> _Call:
        """The call that a piece belongs to. Servers leave the index out, send 0 always, or repeat the id."""
        index, identity = piece.get("index"), piece.get("id")
        identity = identity if type(identity) is str and identity else None
        inner = piece.get("function")
        named = type(inner) is dict and bool(inner.get("name"))
        if type(index) is not int:
            known = next((key for key, call in choice.calls.items() if identity is not None and call.identity == identity), None)
            if known is not None:
                index = known
            elif identity is not None or named or not choice.calls:
                index = max(choice.calls, default=-1) + 1
            else:
                index = max(choice.calls)
        call = choice.calls.get(index)
        if call is not None and identity is not None and call.identity not in (None, identity) and named:
            call = None  # the same index with another id is another call
        if call is None:
            call = choice.calls[index] = _Call(identity)
            choice.order.append(call)
        elif call.identity is None and identity is not None and not call.started:
            call.identity = identity
        return call

    def _begin(self, index: int, choice: _Choice, call: _Call, events: list[Event]) -> None:
        if call.started:
            return
        for earlier in choice.order:  # calls begin in the order in which they were named
            if earlier is call:
                break
            if not earlier.started and earlier.name:
                self._begin(index, choice, earlier, events)
        self._close(choice, events)
        call.started = True
        call.number = self._blocks
        self._blocks += 1
        tool = restored(call.name, self._ticket)
        kind: ToolKind = "custom" if call.custom else tool.kind
        if tool.kind == "custom" and not call.custom:
            call.unwrapper = custom.InputUnwrapper()
        call.identity = call.identity or self._ticket.new_id("call_")
        events.append(BlockStart(call.number, "tool_call", index, call.identity, tool.name, kind, tool.namespace, seal=call.seal))
        for value in call.held:
            self._argue(call, value, events)
        call.held = []

    def _logprobs(self, index: int, logprobs: Json, events: list[Event]) -> None:
        content, refusal = logprobs.get("content"), logprobs.get("refusal")
        if type(content) is list and content:
            events.append(LogprobsDelta(index, content))
        if type(refusal) is list and refusal:
            events.append(LogprobsDelta(index, refusal, "refusal"))

    def _end(self) -> list[Event]:
        """[DONE], or the end of a stream that was finished. A stream of nothing at all is no answer."""
        if not self._choices:
            return self._fail(Failure("truncated", "the upstream ended the stream without an answer"))
        if any(not call.name for choice in self._choices.values() for call in choice.order):
            return self._fail(Failure("upstream_error", "the upstream sent a call without a name"))
        events: list[Event] = []
        for index, choice in self._choices.items():
            for call in choice.order:
                self._begin(index, choice, call, events)
            self._close(choice, events)
            if choice.audio:
                number, self._blocks = self._blocks, self._blocks + 1
                events += [BlockStart(number, "data", index), BlockData(number, decode_audio(choice.audio, "choices")), BlockEnd(number)]
            for call in choice.order:
                rest = call.unwrapper.finish() if call.unwrapper is not None else ""
                if rest:
                    events.append(ArgumentsDelta(call.number, rest))
                events.append(BlockEnd(call.number))
            events.append(ChoiceEnd(index, decode_finish(choice.finish, called=bool(choice.order), refused=choice.refused)))
        self._done = True
        events.append(End(service_tier=self._tier))
        return events


_QUIET = frozenset({"content", "role"})
