"""The fixtures of the four wires, and the fixed surroundings in which the laws look at a converter: counted ids, one moment, a target that takes everything."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from rosetta.converters import CONVERTERS, jsontext
from rosetta.converters.converter import Reply, Target, Ticket, WireEvent, WireRequest
from rosetta.converters.sse import SseParser
from rosetta.ir.events import Event
from rosetta.ir.parts import FORMATS, Format
from rosetta.ir.request import EFFORTS, ReasoningRequest, Request

WIRE = Path(__file__).parents[1] / "wire"
CREATED = 1_790_000_000
MODEL = "some-model"

GENEROUS: dict[Format, dict[str, Any]] = {
    "openai_chat": {
        "max_tokens_field": "max_completion_tokens",
        "system_role": "developer",
        "mid_system": "keep",
        "top_k": True,
        "efforts": EFFORTS,
        "custom_tools": True,
        "tool_choice": "all",
        "call_ids": "any",
        "files": True,
        "audio": True,
        "openai_extras": True,
        "cache_marks": "breakpoint",
        "thought_signatures": True,
    },
    "openai_responses": {
        "efforts": EFFORTS,
        "custom_tools": True,
        "namespaces": True,
        "hosted_tools": ("web_search", "code_execution", "web_fetch", "mcp", "tool_search"),
        "verbosity": True,
        "openai_extras": True,
        "cache_marks": True,
        "phases": True,
        "min_output_tokens": 1,
    },
    "anthropic": {
        "thinking": "budget",
        "efforts": ("low", "medium", "high", "xhigh", "max"),
        "mid_system": True,
        "prefill": True,
        "hosted_tools": ("web_search", "code_execution", "web_fetch", "mcp", "tool_search"),
        "user_id": True,
    },
    "google_genai": {
        "thinking": "level",
        "levels": ("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"),
        "thinking_off": True,
        "link_media": True,
        "name_limit": 128,
    },
}
"""For each format a dialect that takes whatever the wire can say."""


def counted_ids() -> Callable[[str], str]:
    """An id source: ``call_000000000000000000000001``, then …2."""
    numbers = itertools.count(1)
    return lambda prefix: f"{prefix}{next(numbers):024d}"


def dialect(format: Format, **changes: Any) -> Any:
    return CONVERTERS[format].dialect(**{**GENEROUS[format], **changes})


def target(format: Format, provider: str = "the-provider", model: str = MODEL, **changes: Any) -> Target:
    return Target(provider=provider, model=model, dialect=dialect(format, **changes), new_id=counted_ids())


def ticket(format: Format, provider: str = "the-provider", model: str = MODEL, **fields: Any) -> Ticket:
    return Ticket(provider=provider, model=model, new_id=counted_ids(), dialect=dialect(format), **fields)


def reply(format: Format, request: Request | None = None, model: str = MODEL) -> Reply:
    shown = ReasoningRequest(visible=True)
    asked = request or Request(format=format, model=model, turns=(), stream=True, include_usage=True, reasoning=shown)
    return Reply(request=asked, model=model, created=CREATED, new_id=counted_ids(), input_tokens=7)


@cache
def _files(pattern: str) -> tuple[Path, ...]:
    found = tuple(sorted(WIRE.glob(pattern)))
    assert found, f"no fixtures match {pattern}: the law would hold of nothing"
    return found


def files(kind: str, suffix: str = "json") -> list[tuple[Format, str]]:
    """``(format, name)`` of every fixture of a kind, in all formats; ``kind`` is ``requests``, ``streams/broken``, …"""
    return [(format, path.stem) for format in FORMATS for path in _files(f"{format}/{kind}/*.{suffix}")]


def case_id(value: object) -> str | None:
    return value if isinstance(value, str) else None


def wire_request(format: Format, name: str) -> WireRequest:
    fixture = json.loads((WIRE / format / "requests" / f"{name}.json").read_bytes())
    return as_wire_request(format, fixture)


def as_wire_request(format: Format, fixture: dict[str, Any]) -> WireRequest:
    """A fixture as the gateway would hand it to the converter: Google's model and verb come from the path."""
    headers = fixture.get("headers", {})
    if format != "google_genai":
        return WireRequest(body=fixture["body"], headers=headers)
    path = fixture.get("path", "/v1beta/models/some-model:generateContent")
    model, _, verb = path.rpartition("/models/")[2].rpartition(":")
    return WireRequest(body=fixture["body"], headers=headers, model=model, stream=verb.startswith("stream"))


def response(format: Format, name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((WIRE / format / "responses" / f"{name}.json").read_bytes())
    return body


def stream(format: Format, name: str, folder: str = "streams") -> bytes:
    return (WIRE / format / folder / f"{name}.sse").read_bytes()


def parsed(data: bytes) -> list[tuple[str | None, Any]]:
    """The events in a stream's bytes as a stream decoder is fed them; what is no JSON is handed over as the bytes' text."""
    parser = SseParser()
    return [(name, _data(payload)) for name, payload in (*parser.feed(data), *parser.finish())]


def _data(payload: bytes) -> Any:
    if payload.strip() == b"[DONE]":
        return None
    try:
        return jsontext.decode(payload)
    except jsontext.InvalidJson:
        return payload.decode("utf-8", "replace")


def decoded_stream(format: Format, wire: list[tuple[str | None, Any]], **fields: Any) -> list[Event]:
    """What the format's stream decoder makes of wire events and their end."""
    decoder = CONVERTERS[format].stream_decoder(ticket(format, stream=True, **fields))
    events: list[Event] = []
    for name, data in wire:
        events.extend(decoder.feed(name, data))
    events.extend(decoder.finish())
    return events


def encoded_stream(format: Format, events: list[Event], request: Request | None = None) -> list[WireEvent]:
    """What the format's stream encoder makes of IR events and their end."""
    encoder = CONVERTERS[format].stream_encoder(reply(format, request))
    wire = list(encoder.open())
    for event in events:
        wire.extend(encoder.feed(event))
    wire.extend(encoder.finish())
    return wire


def through_bytes(format: Format, wire: list[WireEvent]) -> list[tuple[str | None, Any]]:
    """Wire events as they arrive at the client: framed by the converter, read again by the parser."""
    frame = CONVERTERS[format].frame
    return parsed(b"".join(frame(event) for event in wire))


def said(value: Any) -> Any:
    """An IR value as plain data without what it does not say, so that a difference is readable."""
    if isinstance(value, msgspec.Struct):
        tag = {"type": value.__struct_config__.tag} if value.__struct_config__.tag else {}
        values = {field.name: getattr(value, field.name) for field in msgspec.structs.fields(value)}
        defaults = {field.name: field.default for field in msgspec.structs.fields(value)}
        return tag | {name: said(each) for name, each in values.items() if each != defaults[name] and each != {}}
    if isinstance(value, dict):
        return {key: said(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [said(each) for each in value]
    return value
