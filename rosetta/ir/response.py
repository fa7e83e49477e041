"""What a model answered, whole."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from rosetta.ir.parts import NO_EXTRAS, Format, Part
from rosetta.ir.usage import NO_USAGE, Usage

FinishReason = Literal[
    "stop",
    "stop_sequence",
    "length",
    "context_window",
    "tool_calls",
    "refusal",
    "content_filter",
    "pause",
    "compaction",
    "malformed_tool_call",
    "too_many_tool_calls",
    "other",
]


class Finish(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Why the model stopped. ``raw`` is the provider's own word, ``sequence`` the stop sequence it met, ``details`` the wire's own object.

    ``tool_calls`` never hides ``length`` or ``content_filter``: a truncated call stays visible as such.
    """

    reason: FinishReason
    raw: str | None = None
    sequence: str | None = None
    details: Any = None


class Choice(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One of the answers. ``logprobs`` is OpenAI chat's ``{content: [...], refusal: [...]}`` shape. ``at`` is where the ``extras`` stand."""

    index: int
    parts: tuple[Part, ...]
    finish: Finish | None = None
    logprobs: dict[str, Any] | None = None
    extras: dict[str, Any] = NO_EXTRAS
    at: str = ""


class Response(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A whole answer. ``id`` and ``model`` are the upstream's; ``created`` is in Unix seconds."""

    format: Format
    choices: tuple[Choice, ...]
    id: str = ""
    model: str = ""
    created: int | None = None
    usage: Usage = NO_USAGE
    service_tier: str | None = None
    extras: dict[str, Any] = NO_EXTRAS
