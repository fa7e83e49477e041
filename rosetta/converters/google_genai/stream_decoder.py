"""A Google upstream's chunks -> IR events: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent.

stream := chunk*        each chunk a whole response whose parts go on with the last; calls come whole; the last one of a candidate has its finishReason
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rosetta.converters.converter import Json, Malformed, Ticket
from rosetta.converters.google_genai.errors import failure_of
from rosetta.converters.google_genai.finish import blocked, decode_finish, decode_usage
from rosetta.converters.google_genai.parts import FORMAT, decode_citations, decode_plain, normal, unknown
from rosetta.converters.google_genai.reasoning import sealed
from rosetta.converters.google_genai.response import decode_logprobs
from rosetta.converters.google_genai.tools import answered_call
from rosetta.converters.losses import Losses
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
    SealDelta,
    Start,
    TextDelta,
    UsageUpdate,
)
from rosetta.ir.loss import Loss
from rosetta.ir.parts import NO_EXTRAS, Text
from rosetta.ir.response import Finish

_BODY = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "createTime", "promptFeedback"})
_CANDIDATE = frozenset({"index", "content", "finishReason", "finishMessage", "groundingMetadata", "citationMetadata", "logprobsResult"})


class _Candidate:
    """One of the answers: which block is open, whether it called, why it stopped."""

    __slots__ = ("called", "extras", "finish", "kind", "message", "number", "said", "texts")

    def __init__(self) -> None:
        self.kind = ""  # the open block: text or reasoning
        self.number = -1
        self.called = False
        self.said = False
        self.finish: Any = None
        self.message: Any = None
        self.texts: list[str] = []
        self.extras: Json = {}


class StreamDecoder:
    """One stream of one upstream."""

    __slots__ = ("_blocked", "_blocks", "_candidates", "_done", "_finished", "_losses", "_started", "_ticket", "losses")

    def __init__(self, ticket: Ticket) -> None:
        self._losses = Losses()
        self.losses: Sequence[Loss] = self._losses
        self._ticket = ticket
        self._candidates: dict[int, _Candidate] = {}
        self._blocks = 0
        self._started = False
        self._finished = False
        self._blocked: Finish | None = None
        self._done = False

    def feed(self, event: str | None, data: Json | None) -> list[Event]:  # noqa: ARG002 - the wire has no event names
        """One chunk."""
        if self._done:
            return []
        try:
            if data is None:
                return self.finish()
            return self._chunk(data)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            what = error.path if isinstance(error, Malformed) else f"{type(error).__name__}: {error}"
            return self._fail(Failure("upstream_error", f"the upstream sent a chunk that cannot be read ({what})"))

    def finish(self) -> list[Event]:
        """The upstream closed: the end, where every candidate said why it stopped."""
        if self._done:
            return []
        if self._finished or self._blocked is not None:
            return self._end()
        return self._fail(Failure("truncated", "the upstream ended the stream in the middle of the answer"))

    def _fail(self, failure: Failure) -> list[Event]:
        self._done = True
        return [Failed(failure)]

    def _chunk(self, data: Json) -> list[Event]:
        if data.get("error"):
            return self._fail(failure_of(data, None))
        data = normal(data)
        events: list[Event] = []
        if not self._started:
            self._started = True
            identity, model = data.get("responseId"), data.get("modelVersion")
            events.append(
                Start(
                    identity if type(identity) is str else "",
                    model if type(model) is str else "",
                    format=FORMAT,
                    extras=unknown(data, _BODY),
                )
            )
        self._blocked = blocked(data.get("promptFeedback")) or self._blocked
        for position, value in enumerate(data.get("candidates") or ()):
            index = value.get("index")
            self._candidate(index if type(index) is int else position, value, events)
        usage = data.get("usageMetadata")
        if usage:
            events.append(UsageUpdate(decode_usage(usage)))
        return events

    def _candidate(self, index: int, value: Json, events: list[Event]) -> None:
        candidate = self._candidates.get(index)
        if candidate is None:
            candidate = self._candidates[index] = _Candidate()
        content = value.get("content")
        if content:
            for part in content.get("parts") or ():
                self._part(index, candidate, part, events)
        if value.keys() > _PLAIN:
            self._beside(index, candidate, value, events)
        reason = value.get("finishReason")
        if reason and reason != "FINISH_REASON_UNSPECIFIED":
            candidate.finish, candidate.message = reason, value.get("finishMessage")
            self._finished = True

    def _part(self, index: int, candidate: _Candidate, part: Json, events: list[Event]) -> None:
        text = part.get("text")
        if type(text) is str and len(part) == 1:
            if text:
                self._open(index, candidate, "text", events)
                candidate.texts.append(text)
                events.append(TextDelta(candidate.number, text))
            return
        if part.get("thought") is True:
            seal = sealed(part, self._ticket, "reasoning")
            if text or seal is not None:
                self._open(index, candidate, "reasoning", events)
            if text:
                events.append(ReasoningDelta(candidate.number, text))
            if seal is not None:
                events.append(SealDelta(candidate.number, seal))
            return
        call = part.get("functionCall")
        seal = sealed(part, self._ticket, "part")
        if call is not None:
            tool, identity, arguments = answered_call(call, self._ticket)
            self._close(candidate, events)
            candidate.called = True
            number = self._next()
            events.append(BlockStart(number, "tool_call", index, identity, tool.name, tool.kind, tool.namespace, seal=seal))
            if arguments:
                events.append(ArgumentsDelta(number, arguments))
            events.append(BlockEnd(number))
            return
        decoded = decode_plain(part, "candidates")
        if isinstance(decoded, Text) or (decoded is None and seal is not None):
            self._open(index, candidate, "text", events)
            if decoded is not None and isinstance(decoded, Text):
                candidate.texts.append(decoded.text)
                events.append(TextDelta(candidate.number, decoded.text))
            if seal is not None:
                events.append(SealDelta(candidate.number, seal))
        elif decoded is not None:
            self._close(candidate, events)
            candidate.said = True
            number = self._next()
            events += [BlockStart(number, "data", index), BlockData(number, decoded), BlockEnd(number)]

    def _next(self) -> int:
        number = self._blocks
        self._blocks += 1
        return number

    def _open(self, index: int, candidate: _Candidate, kind: str, events: list[Event]) -> None:
        if candidate.kind == kind:
            return
        self._close(candidate, events)
        candidate.kind, candidate.number, candidate.said = kind, self._next(), True
        events.append(BlockStart(candidate.number, kind, index))  # type: ignore[arg-type]  # text or reasoning

    @staticmethod
    def _close(candidate: _Candidate, events: list[Event]) -> None:
        if candidate.kind:
            events.append(BlockEnd(candidate.number))
            candidate.kind = ""

    def _beside(self, index: int, candidate: _Candidate, value: Json, events: list[Event]) -> None:
        """What stands beside the content: sources, log probabilities, what nobody knows."""
        cited = decode_citations(value, "".join(candidate.texts))
        if cited:
            self._open(index, candidate, "text", events)
            events.extend(CitationDelta(candidate.number, citation) for citation in cited)
        logprobs = decode_logprobs(value.get("logprobsResult"))
        if logprobs:
            events.append(LogprobsDelta(index, logprobs))
        candidate.extras.update(unknown(value, _CANDIDATE))

    def _end(self) -> list[Event]:
        events: list[Event] = []
        if not self._candidates:
            finish = self._blocked or decode_finish("OTHER", None, called=False, empty=True)
            events.append(ChoiceEnd(0, finish))
        for index, candidate in self._candidates.items():
            self._close(candidate, events)
            empty = not candidate.said and not candidate.called
            finish = decode_finish(candidate.finish, candidate.message, called=candidate.called, empty=empty)
            if candidate.finish is None and self._blocked is not None:
                finish = self._blocked
            events.append(ChoiceEnd(index, finish, candidate.extras or NO_EXTRAS))
        self._done = True
        events.append(End())
        return events


_PLAIN = frozenset({"content"})
