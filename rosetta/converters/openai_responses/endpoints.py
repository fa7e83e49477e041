"""Paths, token counting, models lists and the framing of events: https://platform.openai.com/docs/api-reference."""

from __future__ import annotations

from rosetta.converters import jsontext
from rosetta.converters.converter import Json, Malformed, Operation, WireEvent
from rosetta.converters.fields import type_name
from rosetta.converters.openai_models import MODELS_PATH
from rosetta.converters.openai_responses.request import COUNT_PATH, RESPONSES_PATH

PING = b": ping\n\n"
"""A comment: every client of this wire passes over it."""

_PATHS: dict[Operation, str] = {"generate": RESPONSES_PATH, "stream": RESPONSES_PATH, "count": COUNT_PATH, "models": MODELS_PATH}
_heads: dict[str | None, bytes] = {}


def endpoint(operation: Operation, model: str) -> str:  # noqa: ARG001 - the model is in the body
    """The path; the model is in the body."""
    return _PATHS[operation]


def frame(event: WireEvent) -> bytes:
    """One event: its name, which is its ``type`` too, and its data."""
    if event.data is None:
        return b"data: [DONE]\n\n"
    name = event.event
    head = _heads.get(name)
    if head is None:
        head = b"data: " if name is None else b"event: %b\ndata: " % name.encode()
        if len(_heads) < 256:
            _heads[name] = head
    return b"%b%b\n\n" % (head, jsontext.encode(event.data))


def decode_count_reply(body: Json) -> int:
    """The count in a reply."""
    count = body.get("input_tokens") if type(body) is dict else None
    if type(count) is not int:
        raise Malformed("input_tokens", f"expected int, got {type_name(count)}")
    return count


def encode_count_reply(count: int) -> Json:
    """A count as a client reads it."""
    return {"object": "response.input_tokens", "input_tokens": count}
