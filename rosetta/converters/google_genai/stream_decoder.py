"""A Google upstream's chunks -> IR events: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent.

stream := chunk*        each chunk a whole response whose parts go on with the last; calls come whole; the last one of a candidate has its finishReason
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from rosetta.converters.converter import Json, Malformed, Ticket
from rosetta.converters.fields import unknown
from rosetta.converters.google_genai.citations import at_part, decode_citations, rest_of
from rosetta.converters.google_genai.errors import failure_of
from rosetta.converters.google_genai.finish import blocked, decode_finish, decode_usage
from rosetta.converters.google_genai.logprobs import decode_logprobs
from rosetta.converters.google_genai.parts import FORMAT, TEXT, decode_plain, hidden, is_thought, normal
from rosetta.converters.google_genai.reasoning import sealed
from rosetta.converters.google_genai.response import CANDIDATE, CONTENT, body_extras, decode_time, unknown_content
from rosetta.converters.google_genai.tools import answered_call, call_extras
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
from rosetta.ir.parts import NO_EXTRAS, Media, Opaque, Text
from rosetta.ir.response import Finish

_CHUNK = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId"})
_PLAIN = frozenset({"content", "index"})


class _Candidate:
    """One of the answers: which block is open, whether it called, why it stopped."""

    __slots__ = ("begin", "called", "cited", "extras", "finish", "kind", "message", "number", "said", "texts")

    def __init__(self) -> None:
        self.kind = ""  # the open block: text or reasoning
        self.number = -1
        self.begin = 0  # how many of the texts stand before the open block
        self.called = False
        self.said = False
        self.finish: Any = None
        self.message: Any = None
        self.texts: list[str] = []
        self.cited: list[Json] = []
        self.extras: Json = {}


class StreamDecoder:
    """One stream of one upstream."""

    __slots__ = ("_blocked", "_blocks", "_candidates", "_counts", "_done", "_extras", "_late", "_losses", "_started", "_ticket", "losses")

    def __init__(self, ticket: Ticket) -> None:
        self._losses = Losses()
        self.losses: Sequence[Loss] = self._losses
        self._ticket = ticket
        self._candidates: dict[int, _Candidate] = {}
        self._blocks = 0
        self._extras: Json = NO_EXTRAS  # of the answer, as its first chunk tells them
        self._late: Json = {}  # and as later ones do
        self._started = False
        self._counts: Any = None  # the latest usageMetadata, where nobody was told of it yet
        self._blocked: Finish | None = None
        self._done = False

    def feed(self, event: str | None, data: Json | None) -> list[Event]:  # noqa: ARG002 - the wire has no event names
        """One chunk."""
        if self._done:
            return []
        try:
            if data is None:  # [DONE] is not of this wire, but who sends it has said that it is done
                return self._end() if self._candidates else self.finish()
            return self._delta(data) or self._chunk(data)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            what = error.path if isinstance(error, Malformed) else f"{type(error).__name__}: {error}"
            failure = Failure("upstream_error", f"the upstream sent a chunk that cannot be read ({what})")
            return self._fail(failure, unreadable=True)

    def finish(self) -> list[Event]:
        """The upstream closed: the end, where every candidate said why it stopped."""
        if self._done:
            return []
        if self._blocked is not None or (self._candidates and all(candidate.finish is not None for candidate in self._candidates.values())):
            return self._end()
        return self._fail(Failure("truncated", "the upstream ended the stream in the middle of the answer"))

    def _fail(self, failure: Failure, *, unreadable: bool = False) -> list[Event]:
        self._done = True
        return [*self._usage(), Failed(failure, unreadable)]

    def _usage(self) -> list[Event]:
        counts, self._counts = self._counts, None
        return [UsageUpdate(decode_usage(normal(counts)))] if type(counts) is dict and counts else []

    def _delta(self, data: Json) -> list[Event] | None:
        """What nearly every chunk is: more of the one block that is open. None where there is more to it."""
        if type(data) is not dict or not data.keys() <= _CHUNK:
            return None
        candidates = data.get("candidates")
        if type(candidates) is not list or len(candidates) != 1:
            return None
        value = candidates[0]
        if type(value) is not dict or not value.keys() <= _PLAIN:
            return None
        candidate, content = self._candidates.get(value.get("index", 0)), value.get("content")
        if candidate is None or type(content) is not dict or not content.keys() <= CONTENT:
            return None
        parts = content.get("parts")
        if type(parts) is not list or len(parts) != 1 or type(parts[0]) is not dict:
            return None
        part = parts[0]
        text = part.get("text")
        if type(text) is not str or not text:
            return None
        delta: Event
        if candidate.kind == "text" and len(part) == 1:
            candidate.texts.append(text)
            delta = TextDelta(candidate.number, text)
        elif candidate.kind == "reasoning" and len(part) == 2 and part.get("thought") is True:
            delta = ReasoningDelta(candidate.number, text)
        else:
            return None
        self._counts = data.get("usageMetadata", self._counts)
        return [delta]

    def _chunk(self, data: Any) -> list[Event]:
        if type(data) is list and len(data) == 1:  # an error as Google's OpenAI endpoint wraps it
            data = data[0]
        if data.get("error"):
            return self._fail(failure_of(data, None))
        data = normal(data)
        events: list[Event] = []
        self._counts = data.get("usageMetadata") or self._counts
        if not self._started:
            self._started = True
            self._extras = body_extras(data)
            identity, model = data.get("responseId"), data.get("modelVersion")
            events.append(
                Start(
                    identity if type(identity) is str else "",
                    model if type(model) is str else "",
                    decode_time(data.get("createTime")),
                    FORMAT,
                    extras=self._extras,
                )
            )
            events.extend(self._usage())  # the prompt's count is right from the beginning
        else:
            self._late.update({key: value for key, value in body_extras(data).items() if self._extras.get(key) != value})
        self._blocked = blocked(data.get("promptFeedback")) or self._blocked
        for position, value in enumerate(data.get("candidates") or ()):
            index = value.get("index")
            self._candidate(index if type(index) is int else position, value, events)
        return events

    def _candidate(self, index: int, value: Json, events: list[Event]) -> None:
        candidate = self._candidates.get(index)
        if candidate is None:
            candidate = self._candidates[index] = _Candidate()
        content = value.get("content")
        if content:
            for part in content.get("parts") or ():
                self._part(index, candidate, part, events)
            if not content.keys() <= CONTENT:
                candidate.extras.update(unknown_content(content))
        if not value.keys() <= _PLAIN:
            self._beside(index, candidate, value, events)
        reason = value.get("finishReason")
        if reason and reason != "FINISH_REASON_UNSPECIFIED":
            candidate.finish, candidate.message = reason, value.get("finishMessage")

    def _part(self, index: int, candidate: _Candidate, part: Json, events: list[Event]) -> None:
        draft = hidden(part, f"candidates.{index}.content.parts")
        if draft is not None:
            self._whole(index, candidate, draft, events)
        elif is_thought(part):
            self._thought(index, candidate, part, events)
        elif part.get("functionCall") is not None:
            self._call(index, candidate, part, events)
        else:
            self._visible(index, candidate, part, events)

    def _thought(self, index: int, candidate: _Candidate, part: Json, events: list[Event]) -> None:
        text = part.get("text")
        seal = sealed(part, self._ticket, "reasoning")
        if text or seal is not None:
            self._open(index, candidate, "reasoning", events)
        if text:
            if type(text) is not str:
                raise TypeError("a thought is no string")
            events.append(ReasoningDelta(candidate.number, text))
        self._losses.extras(unknown(part, TEXT), f"candidates.{index}.content.parts")
        if seal is not None:  # what comes after a signature is not signed by it
            events.append(SealDelta(candidate.number, seal))
            self._close(candidate, events)

    def _call(self, index: int, candidate: _Candidate, part: Json, events: list[Event]) -> None:
        tool, identity, arguments = answered_call(part["functionCall"], self._ticket)
        seal = sealed(part, self._ticket, "part")
        self._close(candidate, events)
        candidate.called = True
        number = self._next()
        events.append(BlockStart(number, "tool_call", index, identity, tool.name, tool.kind, tool.namespace, seal=seal))
        if arguments:
            events.append(ArgumentsDelta(number, arguments))
        events.append(BlockEnd(number))
        self._losses.extras(call_extras(part), f"candidates.{index}.content.parts")

    def _visible(self, index: int, candidate: _Candidate, part: Json, events: list[Event]) -> None:
        at = f"candidates.{index}.content.parts"
        decoded, seal = decode_plain(part, at), sealed(part, self._ticket, "part")
        if decoded is None and seal is None:
            return
        if decoded is None or isinstance(decoded, Text):
            self._open(index, candidate, "text", events)
            if decoded is not None:
                candidate.texts.append(decoded.text)
                events.append(TextDelta(candidate.number, decoded.text))
                self._losses.extras(decoded.extras, at)
            if seal is not None:
                events.append(SealDelta(candidate.number, seal))
                self._close(candidate, events)
            return
        if isinstance(decoded, Media) and seal is not None:
            decoded = msgspec.structs.replace(decoded, seal=seal)
        self._whole(index, candidate, decoded, events)

    def _whole(self, index: int, candidate: _Candidate, part: Media | Opaque, events: list[Event]) -> None:
        self._close(candidate, events)
        candidate.said = True
        number = self._next()
        events += [BlockStart(number, "data", index), BlockData(number, part), BlockEnd(number)]

    def _next(self) -> int:
        number = self._blocks
        self._blocks += 1
        return number

    def _open(self, index: int, candidate: _Candidate, kind: str, events: list[Event]) -> None:
        if candidate.kind == kind:
            return
        self._close(candidate, events)
        candidate.kind, candidate.number, candidate.said = kind, self._next(), True
        candidate.begin = len(candidate.texts)
        events.append(BlockStart(candidate.number, kind, index))  # type: ignore[arg-type]  # text or reasoning

    @staticmethod
    def _close(candidate: _Candidate, events: list[Event]) -> None:
        if candidate.kind:
            events.append(BlockEnd(candidate.number))
            candidate.kind = ""

    def _beside(self, index: int, candidate: _Candidate, value: Json, events: list[Event]) -> None:
        """What stands beside the content: sources, log probabilities, what nobody knows."""
        if "groundingMetadata" in value or "citationMetadata" in value:
            self._cite(index, candidate, value, events)
            candidate.extras.update(rest_of(value))
        logprobs = decode_logprobs(value.get("logprobsResult"))
        if logprobs:
            events.append(LogprobsDelta(index, logprobs))
        candidate.extras.update(unknown(value, CANDIDATE))

    def _cite(self, index: int, candidate: _Candidate, value: Json, events: list[Event]) -> None:
        """Sources are told to the open text. Some chunks repeat what earlier ones told."""
        for citation in decode_citations(value, "".join(candidate.texts)):
            if citation.raw in candidate.cited:
                continue
            candidate.cited.append(citation.raw)
            self._open(index, candidate, "text", events)
            begin = sum(map(len, candidate.texts[: candidate.begin]))
            placed = at_part(citation, begin, sum(map(len, candidate.texts)))
            if placed is None:
                placed = msgspec.structs.replace(citation, start=None, end=None)
            events.append(CitationDelta(candidate.number, placed))

    def _end(self) -> list[Event]:
        events = self._usage()
        if self._blocked is not None and not self._candidates:
            events.append(ChoiceEnd(0, self._blocked))
        for index, candidate in self._candidates.items():
            self._close(candidate, events)
            empty = not candidate.said and not candidate.called
            finish = decode_finish(candidate.finish, candidate.message, called=candidate.called, empty=empty)
            if self._blocked is not None and (empty or candidate.finish is None):
                finish = self._blocked
            events.append(ChoiceEnd(index, finish, candidate.extras or NO_EXTRAS, f"candidates.{index}" if candidate.extras else ""))
        self._done = True
        events.append(End(self._late or NO_EXTRAS))
        return events
