"""Whole answers ⇄ IR: https://ai.google.dev/api/generate-content#generatecontentresponse."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from rosetta.converters import custom, jsontext
from rosetta.converters.converter import Coded, Json, Malformed, Reply, Ticket, UpstreamFailed
from rosetta.converters.fields import type_name
from rosetta.converters.google_genai.errors import failure_of
from rosetta.converters.google_genai.finish import blocked, decode_finish, decode_usage, encode_finish, encode_usage, usage_losses
from rosetta.converters.google_genai.parts import FORMAT, decode_citations, decode_plain, normal, unknown
from rosetta.converters.google_genai.reasoning import carried, sealed
from rosetta.converters.google_genai.tools import answered_call
from rosetta.converters.losses import Losses
from rosetta.ir.parts import Inline, Media, Opaque, Part, Reasoning, Refusal, Seal, Text, ToolCall
from rosetta.ir.response import Choice, Response

_CANDIDATE = frozenset({"index", "content", "finishReason", "finishMessage", "groundingMetadata", "citationMetadata", "logprobsResult"})
_BODY = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "createTime", "promptFeedback"})


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_response(body: Json, ticket: Ticket) -> Coded[Response]:
    """An answer. Raises UpstreamFailed where it is an error, Malformed where it is none of both."""
    if body.get("error"):
        raise UpstreamFailed(failure_of(body, None))
    body = normal(body)
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
        choices = [Choice(0, (), finish or decode_finish("OTHER", None, called=False, empty=True))]
    identity, model = body.get("responseId"), body.get("modelVersion")
    return Coded(
        Response(
            FORMAT,
            tuple(choices),
            identity if type(identity) is str else "",
            model if type(model) is str else "",
            usage=decode_usage(body.get("usageMetadata")),
            extras=unknown(body, _BODY),
        )
    )


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
    cited = decode_citations(value, "".join(part.text for part in parts if isinstance(part, Text)))
    if cited:
        for place, part in enumerate(parts):
            if isinstance(part, Text):
                parts[place] = msgspec.structs.replace(part, citations=cited)
                break
    extras = unknown(value, _CANDIDATE)
    logprobs = decode_logprobs(value.get("logprobsResult"))
    return Choice(
        index if type(index) is int else position,
        tuple(parts),
        decode_finish(value.get("finishReason"), value.get("finishMessage"), called=called, empty=not parts),
        {"content": logprobs} if logprobs else None,
        extras,
    )


def decode_answer_part(part: Any, at: str, ticket: Ticket, parts: list[Part]) -> None:
    """One part of an answer, joined to the last where it goes on with it."""
    if type(part) is not dict:
        raise Malformed(at, f"expected object, got {type_name(part)}")
    last = parts[-1] if parts else None
    if part.get("thought") is True:
        text = part.get("text")
        text = text if type(text) is str else ""
        seal = sealed(part, ticket, "reasoning")
        found = (seal,) if seal is not None else ()
        if isinstance(last, Reasoning) and not last.seals:
            joined = (last.summary[0] if last.summary else "") + text
            parts[-1] = msgspec.structs.replace(last, summary=(joined,) if joined else (), seals=found)
        elif text or found:
            parts.append(Reasoning(summary=(text,) if text else (), at=at, seals=found))
        return
    seal = sealed(part, ticket, "part")
    call = part.get("functionCall")
    if call is not None:
        tool, identity, arguments = answered_call(call, ticket)
        parts.append(ToolCall(identity, tool.name, arguments, at, tool.kind, tool.namespace, seal))
        return
    decoded = decode_plain(part, at)
    if decoded is None:
        if seal is not None:  # a signature on an empty text belongs to what was said before
            if isinstance(last, Text | Media) and last.seal is None:
                parts[-1] = msgspec.structs.replace(last, seal=seal)
            else:
                parts.append(Text("", at, seal=seal))
        return
    if seal is not None and isinstance(decoded, Text | Media):
        decoded = msgspec.structs.replace(decoded, seal=seal)
    parts.append(decoded)


def decode_logprobs(value: Any) -> list[Json]:
    """``logprobsResult`` in chat's shape."""
    if type(value) is not dict:
        return []
    chosen, top = value.get("chosenCandidates"), value.get("topCandidates")
    top = top if type(top) is list else []
    out = []
    for index, entry in enumerate(chosen if type(chosen) is list else ()):
        if type(entry) is not dict or type(entry.get("token")) is not str:
            continue
        others = top[index].get("candidates") if index < len(top) and type(top[index]) is dict else None
        out.append(
            {
                "token": entry["token"],
                "logprob": entry.get("logProbability", 0.0),
                "bytes": list(entry["token"].encode()),
                "top_logprobs": [
                    {"token": other["token"], "logprob": other.get("logProbability", 0.0), "bytes": list(other["token"].encode())}
                    for other in (others if type(others) is list else ())
                    if type(other) is dict and type(other.get("token")) is str
                ],
            }
        )
    return out


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_response(response: Response, reply: Reply) -> Coded[Json]:
    """An answer for a Google client."""
    losses = Losses()
    own = response.format == FORMAT
    body: Json = {"candidates": [_encode_choice(choice, reply, losses, own=own) for choice in response.choices]}
    usage = encode_usage(response.usage, own=own)
    if usage is not None:
        body["usageMetadata"] = usage
    usage_losses(response.usage, losses, own=own)
    body["modelVersion"] = reply.model
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
    if choice.logprobs is not None and not own:
        losses.dropped("logprobs")
    candidate: Json = {
        "content": {"role": "model", "parts": parts or [{"text": ""}]},
        "finishReason": encode_finish(choice.finish, losses, own=own),
        "index": choice.index,
    }
    if writer.citations:
        candidate["citationMetadata"] = {"citationSources": writer.citations}
    if own:
        candidate.update(choice.extras)
    else:
        losses.extras(choice.extras)
    return candidate


def shows_thoughts(reply: Reply) -> bool:
    """Whether the client asked to read thoughts; Google shows none unasked."""
    return reply.request.reasoning.visible is True or reply.request.format != FORMAT


class PartWriter:
    """Parts of an answer as Google's, with the states that are pending for the next one that can carry them."""

    __slots__ = ("_losses", "_own", "_thoughts", "citations", "pending")

    def __init__(self, thoughts: bool, losses: Losses, *, own: bool) -> None:
        self._losses = losses
        self._own = own
        self._thoughts = thoughts
        self.pending: list[Seal] = []
        self.citations: list[Json] = []

    def part(self, part: Part) -> list[Json]:
        """The wire's parts for one of the IR."""
        match part:
            case Text():
                self.cite(part)
                wire: Json = {"text": part.text}
                if self._own and part.seal is not None:
                    wire["thoughtSignature"] = part.seal.value
                elif part.seal is not None:
                    self.pending.append(part.seal)
                return [wire] if part.text or "thoughtSignature" in wire else []
            case Refusal():
                return [{"text": part.text}]
            case Reasoning():
                return self.thought(part)
            case ToolCall():
                if part.seal is not None:
                    self.pending.append(part.seal)
                return [self.call(part.id, part.name, part.namespace, part.kind, part.arguments)]
            case Media():
                return self._media(part)
            case Opaque():
                if part.format == FORMAT:
                    return [part.data]
                if part.text:
                    self._losses.approximated("part", part.at, f"{part.kind} as text")
                    return [{"text": part.text}]
                self._losses.dropped("part", part.at, part.kind)
                return []
            case _:
                self._losses.dropped("part", part.at)
                return []

    def thought(self, part: Reasoning) -> list[Json]:
        """A thought, where the client wants to read it; its state waits for the next call."""
        own = next((seal for seal in part.seals if self._own), None)
        if own is None:
            self.pending.extend(part.seals)
        if not self._thoughts or not (part.text or own):
            return []
        wire: Json = {"text": part.text, "thought": True}
        if own is not None:
            wire["thoughtSignature"] = own.value
        return [wire]

    def call(self, identity: str, name: str, namespace: str | None, kind: str, arguments: str) -> Json:
        """A call with what it must carry. Arguments that are no object are wrapped, and that is a Loss."""
        text = custom.wrap(arguments) if kind == "custom" else arguments
        args = jsontext.arguments_object(text)
        if args is None:
            self._losses.approximated("arguments", detail="no JSON object: wrapped as _raw")
            args = {"_raw": text}
        full = name if namespace is None else f"{namespace}__{name}"
        wire: Json = {"functionCall": {"id": identity, "name": full, "args": args}}
        signature = self.take()
        if signature is not None:
            wire["thoughtSignature"] = signature
        return wire

    def take(self) -> str | None:
        """The pending states as one value, and none is pending any more."""
        if not self.pending:
            return None
        value = carried(self.pending)
        if value is None:
            self._losses.dropped("seal", detail="too large for a client to carry")
        self.pending.clear()
        return value

    def rest(self) -> list[Json]:
        """An empty text that carries what no call took."""
        value = self.take()
        return [] if value is None else [{"text": "", "thoughtSignature": value}]

    def cite(self, part: Text) -> None:
        """The sources of a text, in ``citationMetadata``, offsets in UTF-8 bytes."""
        for citation in part.citations:
            if citation.format == FORMAT and "uri" in citation.raw and "startIndex" in citation.raw:
                self.citations.append(citation.raw)
                continue
            if citation.url is None:
                self._losses.dropped("citations", part.at, "a source without an address")
                continue
            source: Json = {"uri": citation.url}
            if citation.title:
                source["title"] = citation.title
            if citation.start is not None:
                source["startIndex"] = len(part.text[: citation.start].encode())
            if citation.end is not None:
                source["endIndex"] = len(part.text[: citation.end].encode())
            self.citations.append(source)

    def _media(self, part: Media) -> list[Json]:
        if not isinstance(part.source, Inline):
            self._losses.dropped(part.kind, part.at)
            return []
        wire: Json = {"inlineData": {"mimeType": part.mime or "application/octet-stream", "data": part.source.data}}
        if part.seal is not None:
            if self._own:
                wire["thoughtSignature"] = part.seal.value
            else:
                self.pending.append(part.seal)
        if part.transcript:
            self._losses.dropped("transcript", part.at)
        return [wire]
