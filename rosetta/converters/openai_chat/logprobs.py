"""Log probabilities in chat's shape: https://platform.openai.com/docs/api-reference/chat/object. The IR's is the same."""

from __future__ import annotations

from types import NoneType
from typing import Any, Literal

from rosetta.converters.converter import Json
from rosetta.ir.parts import NO_EXTRAS

CHANNELS: tuple[Literal["content", "refusal"], ...] = ("content", "refusal")
"""Of what they are."""


def decode_logprobs(value: Any) -> tuple[Json | None, dict[str, Any]]:
    """The lists, and what else stands there by its way from the choice: some servers' ``logprobs.token_ids``."""
    if type(value) is not dict:
        return None, NO_EXTRAS if value is None else {"logprobs": value}
    lists: Json = {channel: value[channel] for channel in CHANNELS if type(value.get(channel, 0)) in (list, NoneType)}
    if len(lists) == len(value):
        return lists, NO_EXTRAS
    return lists, {f"logprobs.{key}": found for key, found in value.items() if key not in lists and found is not None}
