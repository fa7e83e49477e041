"""One hop for the tests of this folder: a request from wire to wire at a target that takes all its wire can say, and a look at a place in JSON."""

from __future__ import annotations

import json
from typing import Any

from rosetta.convert import Converted, StreamConverter, located
from rosetta.converters import CONVERTERS
from rosetta.converters.converter import WireRequest
from rosetta.ir.parts import Format
from tests.laws import wires

MISSING = "missing"
"""What ``dig`` finds where nothing is."""


def passed(body: dict[str, Any], source: Format, target: Format, **dialect: Any) -> Converted[Any]:
    """The request as ``target`` gets it, and the losses with their paths in the source's words. ``dialect`` narrows what the target takes."""
    origin, goal = CONVERTERS[source], CONVERTERS[target]
    headers = {"anthropic-version": "2023-06-01"} if source == "anthropic" else {}
    model = wires.MODEL if source == "google_genai" else None
    coded = origin.decode_request(WireRequest(body, headers, model))
    sent = goal.encode_request(coded.value, wires.target(target, **dialect))
    return Converted(sent.wire.body, located((*coded.losses, *sent.losses), origin.words, coded.value.words))


def dig(value: Any, path: str) -> Any:
    """What stands at a dotted path, ``messages.-1.content``; MISSING where nothing does."""
    for key in path.split("."):
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, TypeError, ValueError):
            return MISSING
    return value


def paths(converted: Converted[Any]) -> list[str]:
    return [loss.path for loss in converted.losses]


def sse(*events: Any) -> bytes:
    """Events as an upstream writes them: a dict with a ``type`` of Anthropic's or Responses' kind gets its event line, a string stands as it is."""
    out = []
    for event in events:
        if isinstance(event, str):
            out.append(f"data: {event}\n\n")
        else:
            name = f"event: {event['type']}\n" if "type" in event and "choices" not in event else ""
            out.append(f"{name}data: {json.dumps(event)}\n\n")
    return "".join(out).encode()


def streamed(source: Format, target: Format, *events: Any, request: dict[str, Any] | None = None) -> list[tuple[str | None, Any]]:
    """What a client reads of an upstream's stream that ends after these events; ``None`` as data is ``[DONE]``."""
    converter = StreamConverter(source, target, request=request, model=None if request and "model" in request else wires.MODEL)
    out = converter.feed(sse(*events)) + converter.finish()
    return wires.parsed(out)


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    """A chunk of a chat stream."""
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}
