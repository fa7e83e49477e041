"""Models lists of both of OpenAI's wires: https://platform.openai.com/docs/api-reference/models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rosetta.converters.converter import Json, Malformed, ModelEntry
from rosetta.converters.fields import type_name

MODELS_PATH = "/v1/models"


def encode_model(entry: ModelEntry) -> Json:
    """One row of a models list."""
    return {"id": entry.id, "object": "model", "created": entry.created, "owned_by": entry.owner}


def encode_models(entries: Sequence[ModelEntry]) -> Json:
    """A models list."""
    return {"object": "list", "data": [encode_model(entry) for entry in entries]}


def decode_models(body: Any) -> list[str]:
    """The names in a models list: OpenAI's ``data``, some servers' ``models``, or a bare list as Together has it. Raises Malformed."""
    rows: Any = body
    if type(body) is dict:
        rows = next((body[key] for key in ("data", "models") if type(body.get(key)) is list), None)
    if type(rows) is not list:
        raise Malformed("data", f"expected array, got {type_name(rows)}")
    names = [row if type(row) is str else row.get("id") or row.get("name") for row in rows if type(row) in (str, dict)]
    return [name for name in names if type(name) is str]
