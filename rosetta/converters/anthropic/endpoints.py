"""Paths, token counting, models lists and the framing of events: https://docs.claude.com/en/api/overview."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rosetta.converters import jsontext
from rosetta.converters.anthropic.request import MESSAGES_PATH
from rosetta.converters.converter import Json, Malformed, ModelEntry, Operation, WireEvent
from rosetta.converters.fields import type_name

MODELS_PATH = "/v1/models"
PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def endpoint(operation: Operation, _model: str) -> str:
    """The path of an operation. The wire names the model in the body, and streams by a field: the path is the same for all."""
    match operation:
        case "generate" | "stream":
            return MESSAGES_PATH
        case "count":
            return f"{MESSAGES_PATH}/count_tokens"
        case "models":
            return f"{MODELS_PATH}?limit=1000"


def frame(event: WireEvent) -> bytes:
    """An event with its name line: Anthropic's SDKs skip events without one."""
    return b"event: %b\ndata: %b\n\n" % ((event.event or "message").encode(), jsontext.encode(event.data))


def decode_count_reply(body: Json) -> int:
    """The count. Raises Malformed."""
    count = body.get("input_tokens")
    if type(count) is not int:
        raise Malformed("input_tokens", "expected int")
    return count


def encode_count_reply(count: int) -> Json:
    """The count."""
    return {"input_tokens": count}


def encode_model(entry: ModelEntry) -> Json:
    """One model."""
    value: Json = {
        "type": "model",
        "id": entry.id,
        "display_name": entry.id,
        "created_at": datetime.fromtimestamp(entry.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if entry.context_window is not None:
        value["max_input_tokens"] = entry.context_window
    if entry.max_output is not None:
        value["max_tokens"] = entry.max_output
    return value


def encode_models(entries: Sequence[ModelEntry]) -> Json:
    """A page that holds all models."""
    return {
        "data": [encode_model(entry) for entry in entries],
        "has_more": False,
        "first_id": entries[0].id if entries else None,
        "last_id": entries[-1].id if entries else None,
    }


def decode_models(body: Any) -> list[str]:
    """The ids in a page. Raises Malformed."""
    rows = body.get("data") if type(body) is dict else None
    if type(rows) is not list:
        raise Malformed("data", f"expected array, got {type_name(rows)}")
    return [row["id"] for row in rows if type(row) is dict and type(row.get("id")) is str]
