"""Paths and the framing of events. The wire has no token counting."""

from __future__ import annotations

from rosetta.converters import jsontext
from rosetta.converters.converter import Operation, WireEvent
from rosetta.converters.openai_chat.request import PATH
from rosetta.converters.openai_models import MODELS_PATH

PING = b": ping\n\n"


def endpoint(operation: Operation, _model: str) -> str:
    """The path of an operation."""
    return MODELS_PATH if operation == "models" else PATH


def frame(event: WireEvent) -> bytes:
    """An event without a name; no data is ``[DONE]``."""
    return b"data: [DONE]\n\n" if event.data is None else b"data: %b\n\n" % jsontext.encode(event.data)
