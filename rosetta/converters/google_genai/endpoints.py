"""Paths, token counting, models lists and the framing of chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from rosetta.converters import jsontext
from rosetta.converters.converter import Json, Malformed, ModelEntry, Operation, WireEvent
from rosetta.converters.fields import type_name
from rosetta.converters.google_genai.request import path

PING = None
"""Nothing: SSE comments kill Gemini CLI and the Python SDK."""
MODELS_PATH = "/v1beta/models"


def endpoint(operation: Operation, model: str) -> str:
    """The path of an operation; this wire names the model and whether it streams in it."""
    match operation:
        case "generate":
            return path(model, "generateContent")
        case "stream":
            return path(model, "streamGenerateContent?alt=sse")
        case "count":
            return path(model, "countTokens")
        case "models":
            return f"{MODELS_PATH}?pageSize=1000"
        case _:
            assert_never(operation)


def frame(event: WireEvent) -> bytes:
    """A chunk as ``alt=sse`` has it."""
    return b"data: %b\r\n\r\n" % jsontext.encode(event.data)


class ArrayFraming:
    """Chunks as one JSON array, for clients that stream without ``alt=sse``: ``frame`` each, then ``end``."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun = False

    def frame(self, event: WireEvent) -> bytes:
        """One element, with the bracket or comma before it."""
        before = b",\r\n" if self._begun else b"["
        self._begun = True
        return before + jsontext.encode(event.data)

    def end(self) -> bytes:
        """The closing bracket."""
        return b"]" if self._begun else b"[]"


def decode_count_reply(body: Json) -> int:
    """The count. Raises Malformed."""
    count = body.get("totalTokens", body.get("total_tokens"))
    if type(count) is not int:
        raise Malformed("totalTokens", "expected int")
    return count


def encode_count_reply(count: int) -> Json:
    """The count."""
    return {"totalTokens": count}


def encode_model(entry: ModelEntry) -> Json:
    """One model."""
    value: Json = {
        "name": f"models/{entry.id}",
        "version": "1",
        "displayName": entry.id,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }
    if entry.context_window is not None:
        value["inputTokenLimit"] = entry.context_window
    if entry.max_output is not None:
        value["outputTokenLimit"] = entry.max_output
    return value


def encode_models(entries: Sequence[ModelEntry]) -> Json:
    """All models on one page."""
    return {"models": [encode_model(entry) for entry in entries]}


def decode_models(body: Any) -> list[str]:
    """The names in a page, without their collection; a page without models has no such field. Raises Malformed."""
    rows = body.get("models", []) if type(body) is dict else None
    if type(rows) is not list:
        raise Malformed("models", f"expected array, got {type_name(rows)}")
    return [row["name"].removeprefix("models/") for row in rows if type(row) is dict and type(row.get("name")) is str]
