"""Paths, models lists and the framing of events. The wire has no token counting."""

from __future__ import annotations

from collections.abc import Sequence

from rosetta.converters import jsontext
from rosetta.converters.converter import Json, ModelEntry, Operation, WireEvent
from rosetta.converters.openai_chat.request import PATH

PING = b": ping\n\n"


def endpoint(operation: Operation, _model: str) -> str:
    """The path of an operation."""
    return "/v1/models" if operation == "models" else PATH


def frame(event: WireEvent) -> bytes:
    """An event without a name; no data is ``[DONE]``."""
    return b"data: [DONE]\n\n" if event.data is None else b"data: %b\n\n" % jsontext.encode(event.data)


def encode_model(entry: ModelEntry) -> Json:
    """One model."""
    return {"id": entry.id, "object": "model", "created": entry.created, "owned_by": entry.owner}


def encode_models(entries: Sequence[ModelEntry]) -> Json:
    """All models."""
    return {"object": "list", "data": [encode_model(entry) for entry in entries]}


def decode_models(body: Json) -> list[str]:
    """The ids in a list; Together and others leave the wrapper out."""
    rows = body.get("data", body.get("models"))
    if type(rows) is not list:
        return []
    return [row["id"] for row in rows if type(row) is dict and type(row.get("id")) is str]
