"""Whole answers ⇄ IR: https://ai.google.dev/api/generate-content#generatecontentresponse."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, assert_never

import msgspec

from rosetta.converters import custom, jsontext
from rosetta.converters.converter import Coded, Json, Malformed, Reply, Ticket, UpstreamFailed
from rosetta.converters.fields import type_name, unknown
from rosetta.converters.google_genai.citations import at_part, decode_citations, encode_citations, rest_of
from rosetta.converters.google_genai.errors import failure_of
from rosetta.converters.google_genai.finish import (
    blocked,
    decode_finish,
    decode_usage,
    encode_finish,
    encode_usage,
    feedback_of,
    usage_losses,
)
from rosetta.converters.google_genai.logprobs import decode_logprobs, encode_logprobs
from rosetta.converters.google_genai.parts import FORMAT, TEXT, decode_plain, hidden, is_thought, normal, with_extras
from rosetta.converters.google_genai.reasoning import carried, sealed
from rosetta.converters.google_genai.tools import answered_call, call_extras
from rosetta.converters.losses import Losses
from rosetta.converters.names import NAMESPACE_SEPARATOR
from rosetta.ir.errors import Failure
from rosetta.ir.parts import (
    NO_EXTRAS,
    Citation,
    FileId,
    Inline,
    Link,
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
from rosetta.ir.response import Choice, Finish, Response

CONTENT = frozenset({"role", "parts"})
CANDIDATE = frozenset({"index", "content", "finishReason", "finishMessage", "groundingMetadata", "citationMetadata", "logprobsResult"})
BODY = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "createTime", "promptFeedback"})


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_response(body: Json, ticket: Ticket) -> Coded[Response]:
    """An answer. Raises UpstreamFailed where it is an error, Malformed where it is none of both."""
    if type(body) is not dict:
        raise Malformed("", f"expected object, got {type_name(body)}")
    if body.get("error"):
        raise UpstreamFailed(failure_of(body, None))
    try:
        return Coded(_decode(normal(body), ticket))
    except RecursionError:
        raise Malformed("", "nested too deeply") from None


def _decode(body: Json, ticket: Ticket) -> Response:
    candidates = body.get("candidates")
    finish = blocked(body.get("promptFeedback"))
    if candidates is None and finish is None and "usageMetadata" not in body:
        raise Malformed("candidates", "expected array, got null or nothing")
    if candidates is not None and type(candidates) is not list:
        raise Malformed("candidates", f"expected array, got {type_name(candidates)}")
    try:
        choices = [_decode_candidate(value, index, ticket) for index, value in enumerate(candidates or ())]
    except (KeyError, TypeError, AttributeError) as error:
        raise Malformed("candidates", str(error)) from None
    if not choices:
        if finish is None:  # now and then Gemini sends its counts and nothing else
            raise UpstreamFailed(Failure("upstream_error", "the upstream sent no answer"))
        choices = [Choice(0, (), finish)]
    elif finish is not None:
        choices = [choice if choice.parts else msgspec.structs.replace(choice, finish=finish) for choice in choices]
    identity, model = body.get("responseId"), body.get("modelVersion")
    return Response(
        FORMAT,
        tuple(choices),
        identity if type(identity) is str else "",
        model if type(model) is str else "",
        decode_time(body.get("createTime")),
        decode_usage(body.get("usageMetadata")),
        extras=body_extras(body),
    )


def body_extras(body: Json) -> dict[str, Any]:
    """What nobody knows of an answer; also the ratings of a prompt that was not refused."""
    feedback = body.get("promptFeedback")
    extras = unknown(body, BODY)
    return extras if not feedback or blocked(feedback) is not None else {**extras, "promptFeedback": feedback}


def decode_time(value: Any) -> int | None:
    """``createTime`` in Unix seconds."""
    try:
        return int(datetime.fromisoformat(value).timestamp()) if type(value) is str else None
    except (ValueError, OverflowError):
        return None


def _decode_candidate(value: Any, position: int, ticket: Ticket) -> Choice:
    if type(value) is not dict:
        raise Malformed(f"candidates.{position}", f"expected object, got {type_name(value)}")
    index = value.get("index")
    content = value.get("content")
    listed = content.get("parts") if type(content) is dict else None
    parts: list[Part] = []
    for place, part in enumerate(listed if type(listed) is list else ()):
        decode_answer_part(part, f"candidates.{position}.content.parts.{place}", ticket, parts)
    called = any(isinstance(part, ToolCall) for part in parts)
    if "groundingMetadata" in value or "citationMetadata" in value:
        _cite(value, parts)
    extras = {**unknown(value, CANDIDATE), **rest_of(value), **(unknown_content(content) if type(content) is dict else {})} or NO_EXTRAS
    logprobs = decode_logprobs(value.get("logprobsResult"))
    return Choice(
        index if type(index) is int else position,
        tuple(parts),
        decode_finish(value.get("finishReason"), value.get("finishMessage"), called=called, empty=not parts),
        {"content": logprobs} if logprobs else None,
        extras,
        f"candidates.{position}" if extras else "",
    )


def unknown_content(content: Json) -> dict[str, Any]:
    """What nobody knows of a candidate's content, by its way from the candidate."""
    return {f"content.{key}": value for key, value in unknown(content, CONTENT).items()}


def _cite(value: Json, parts: list[Part]) -> None:
    """Gives each source to the text part in which it begins; one that names no place to the last."""
    texts = [index for index, part in enumerate(parts) if isinstance(part, Text)]
    if not texts:
        parts.append(Text("", at=""))
        texts = [len(parts) - 1]
    begins: dict[int, tuple[int, int]] = {}
    places: dict[int, int] = {}
    whole = ""
    for index in texts:
        text = parts[index].text  # type: ignore[union-attr]  # they are Text
        place = parts[index].at.rpartition(".")[2]
        if place.isdecimal():
            places[int(place)] = len(whole.encode("utf-8", "surrogatepass"))
        begins[index] = (len(whole), len(whole) + len(text))
        whole += text
    given: dict[int, list[Citation]] = {}
    for citation in decode_citations(value, whole, places):
        for index, (begin, end) in begins.items():
            placed = at_part(citation, begin, end)
            if placed is not None:
                given.setdefault(index, []).append(placed)
                break
        else:
            given.setdefault(texts[-1], []).append(msgspec.structs.replace(citation, start=None, end=None))
    for index, citations in given.items():
        parts[index] = msgspec.structs.replace(parts[index], citations=tuple(citations))


def decode_answer_part(part: Any, at: str, ticket: Ticket, parts: list[Part]) -> None:
    """One part of an answer, joined to the last where it goes on with it."""
    if type(part) is not dict:
        raise Malformed(at, f"expected object, got {type_name(part)}")
    last = parts[-1] if parts else None
    draft = hidden(part, at)
    if draft is not None:
        parts.append(draft)
        return
    if is_thought(part):
        text = part.get("text")
        text = text if type(text) is str else ""
        seal = sealed(part, ticket, "reasoning")
        found = (seal,) if seal is not None else ()
        if isinstance(last, Reasoning) and not last.seals:
            joined = (last.summary[0] if last.summary else "") + text
            parts[-1] = msgspec.structs.replace(last, summary=(joined,) if joined else (), seals=found)
        elif text or found:
            parts.append(Reasoning(summary=(text,) if text else (), at=at, seals=found, extras=unknown(part, TEXT)))
        return
    seal = sealed(part, ticket, "part")
    call = part.get("functionCall")
    if call is not None:
        tool, identity, arguments = answered_call(call, ticket)
        parts.append(ToolCall(identity, tool.name, arguments, at, tool.kind, tool.namespace, seal, extras=call_extras(part)))
        return
    decoded = decode_plain(part, at)
    if decoded is None:
        if seal is not None:  # a signature on an empty text belongs to what was said before
            rest = unknown(part, TEXT)
            if isinstance(last, Text) and last.seal is None and not rest:
                parts[-1] = msgspec.structs.replace(last, seal=seal)
            else:
                parts.append(Text("", at, seal=seal, extras=rest))
        return
    if seal is not None and isinstance(decoded, Text | Media):
        decoded = msgspec.structs.replace(decoded, seal=seal)
    parts.append(decoded)


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_response(response: Response, reply: Reply) -> Coded[Json]:
    """An answer for a Google client."""
    losses = Losses()
    own = response.format == FORMAT
    body: Json = {"candidates": [_encode_choice(choice, reply, losses, own=own) for choice in response.choices]}
    feedback = next((found for choice in response.choices if (found := feedback_of(choice.finish, own=own)) is not None), None)
    if feedback is not None:
        body["promptFeedback"] = feedback
    usage = encode_usage(response.usage, own=own)
    if usage is not None:
        body["usageMetadata"] = usage
    usage_losses(response.usage, losses, own=own)
    body["modelVersion"] = reply.model or response.model
    body["responseId"] = response.id if own and response.id else reply.new_id("")
    body["createTime"] = datetime.fromtimestamp(reply.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if response.service_tier is not None and not own:
        losses.dropped("service_tier")
    if own:
        body.update(response.extras)
    else:
        losses.extras(response.extras)
    return Coded(body, tuple(losses))


def _encode_choice(choice: Choice, reply: Reply, losses: Losses, *, own: bool) -> Json:
    writer = PartWriter(shows_thoughts(reply), losses, own=own)
    parts: list[Json] = []
    for part in choice.parts:
        parts.extend(writer.part(part))
    parts.extend(writer.rest())
    wire = candidate(parts, choice.index, choice.finish, writer, losses)
    if own:
        with_extras(wire, choice.extras)
    else:
        losses.extras(choice.extras, choice.at)
    if choice.logprobs is not None:
        logprobs = encode_logprobs(choice.logprobs.get("content") or [])
        if logprobs is not None:
            wire["logprobsResult"] = logprobs
        elif choice.logprobs.get("content"):
            losses.dropped("logprobs", detail="of an unknown shape")
        if choice.logprobs.get("refusal"):
            losses.dropped("logprobs", detail="of a refusal")
    return wire


def candidate(parts: list[Json], index: int, finish: Finish | None, writer: PartWriter, losses: Losses) -> Json:
    """A candidate that is complete."""
    return {
        "content": {"parts": parts or [{"text": ""}], "role": "model"},
        **encode_finish(finish, losses, own=writer.own),
        "index": index,
        **encode_citations(writer.cited, writer.texts, losses),
    }


def shows_thoughts(reply: Reply) -> bool:
    """Whether the client asked to read thoughts; Google shows none unasked."""
    return reply.request.reasoning.visible is True or reply.request.format != FORMAT


class PartWriter:
    """Parts of an answer as Google's, with the states that are pending for the next one that can carry them.

    ``texts`` are the visible texts so far, ``cited`` each citation with how many of them stand before its part, and that part's ``at``.
    """

    __slots__ = ("_losses", "cited", "own", "pending", "shows_thoughts", "texts")

    def __init__(self, thoughts: bool, losses: Losses, *, own: bool) -> None:
        self._losses = losses
        self.own = own
        self.shows_thoughts = thoughts
        self.pending: list[Seal] = []
        self.texts: list[str] = []
        self.cited: list[tuple[int, Citation, str]] = []

    def part(self, part: Part) -> list[Json]:
        """The wire's parts for one of the IR."""
        match part:
            case Text():
                self.cited.extend((len(self.texts), citation, part.at) for citation in part.citations)
                self.texts.append(part.text)
                wire = self._finished({"text": part.text}, part)
                if part.phase is not None:
                    self._losses.dropped("phase", part.at)
                return [wire] if part.text or len(wire) > 1 else []
            case Refusal():
                self.texts.append(part.text)
                self._losses.approximated("refusal", part.at, "said as text")
                self._losses.extras(part.extras, part.at)
                return [{"text": part.text}] if part.text else []
            case Reasoning():
                return self._thought(part)
            case ToolCall():
                if part.seal is not None:
                    self.pending.append(part.seal)
                call = self.call(part.id, part.name, part.namespace, part.kind, part.arguments, part.at)
                return [self._with_extras(call, part.extras, part.at)]
            case Media():
                return self._media(part)
            case Opaque():
                if part.format == FORMAT:
                    return [part.data]
                if part.text:
                    self.texts.append(part.text)
                    self._losses.approximated("part", part.at, f"{part.kind} as text")
                    return [{"text": part.text}]
                self._losses.dropped("part", part.at, part.kind)
                return []
            case ToolResult():
                self._losses.dropped("tool_result", part.at)
                return []
            case _:
                assert_never(part)

    def _with_extras(self, wire: Json, extras: dict[str, Any], at: str) -> Json:
        if self.own:
            return with_extras(wire, extras)
        self._losses.extras(extras, at)
        return wire

    def _finished(self, wire: Json, part: Text | Media) -> Json:
        """A visible part with its unknown fields and its own seal; a foreign one waits for the next call."""
        if part.seal is not None and self.own:
            wire["thoughtSignature"] = part.seal.value
        elif part.seal is not None:
            self.pending.append(part.seal)
        return self._with_extras(wire, part.extras, part.at)

    def _thought(self, part: Reasoning) -> list[Json]:
        """A thought, where the client wants to read it; its state waits for the next call."""
        own = next((seal for seal in part.seals if self.own), None)
        if own is None:
            self.pending.extend(part.seals)
        if not self.shows_thoughts or not (part.text or own):
            self._losses.extras(part.extras, part.at)
            return []
        if part.raw and part.raw != part.text:
            self._losses.dropped("raw", part.at, "the chain beside its summary")
        wire: Json = {"text": part.text, "thought": True}
        if own is not None:
            wire["thoughtSignature"] = own.value
        return [self._with_extras(wire, part.extras, part.at)]

    def call(self, identity: str, name: str, namespace: str | None, kind: str, arguments: str, at: str = "") -> Json:
        """A call with what it must carry. Arguments that are no object are wrapped, and that is a Loss."""
        text = custom.wrap(arguments) if kind == "custom" else arguments
        args = jsontext.arguments_object(text)
        if args is None:
            self._losses.approximated("arguments", at, "no JSON object: wrapped as _raw")
            args = {"_raw": text}
        full = name if namespace is None else f"{namespace}{NAMESPACE_SEPARATOR}{name}"
        wire: Json = {"functionCall": {"id": identity, "name": full, "args": args}}
        signature = self.take()
        if signature is not None:
            wire["thoughtSignature"] = signature
        return wire

    def take(self) -> str | None:
        """The pending states as one value, and none is pending any more."""
        if not self.pending:
            return None
        value = carried(self.pending, own=self.own)
        if value is None:
            self._losses.dropped("seal", detail="too large for a client to carry")
        self.pending.clear()
        return value

    def rest(self) -> list[Json]:
        """An empty text that carries what no call took."""
        value = self.take()
        return [] if value is None else [{"text": "", "thoughtSignature": value}]

    def _media(self, part: Media) -> list[Json]:
        wire: Json
        if isinstance(part.source, Inline):
            wire = {"inlineData": {"mimeType": part.mime or "application/octet-stream", "data": part.source.data}}
        elif isinstance(part.source, Link) or (isinstance(part.source, FileId) and self.own):
            address = part.source.url if isinstance(part.source, Link) else part.source.id
            wire = {"fileData": {"fileUri": address} if part.mime is None else {"mimeType": part.mime, "fileUri": address}}
        else:
            self._losses.dropped(part.kind, part.at)
            return []
        if part.name is not None:
            next(iter(wire.values()))["displayName"] = part.name
        if part.transcript:
            self._losses.dropped("transcript", part.at)
        return [self._finished(wire, part)]
