"""A model's answer while it is being made.

    stream := Start (block | UsageUpdate | LogprobsDelta | OpaqueEvent | ChoiceEnd)* (End | Failed)
    block  := BlockStart delta* BlockEnd          several may be open together; each delta names its block

Decoders synthesise missing starts and ends, so encoders may rely on balance: every BlockStart has one BlockEnd before the
ChoiceEnd of its choice, unless the stream Failed. Block numbers count up from 0 over the whole stream, across choices.
Nothing follows End or Failed. Usage may come at any time; the latest record holds, field by field.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from rosetta.ir.errors import Failure
from rosetta.ir.parts import NO_EXTRAS, Citation, Format, Opaque, Part, Seal, ToolKind
from rosetta.ir.response import Finish
from rosetta.ir.usage import Usage

BlockKind = Literal["text", "refusal", "reasoning", "tool_call", "data"]


class Start(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """The upstream began to answer. It may still fail before any content: this does not commit a reply."""

    id: str = ""
    model: str = ""
    created: int | None = None
    format: Format | None = None
    service_tier: str | None = None
    extras: dict[str, Any] = NO_EXTRAS


class BlockStart(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """A part begins. For a ``tool_call`` ``id``, ``name``, ``tool_kind``, ``namespace`` and ``seal`` (the call's own) are final here.
    ``phase`` belongs to text. For ``reasoning`` ``id`` is the maker's item id, where its seals hang on one."""

    block: int
    kind: BlockKind
    choice: int = 0
    id: str | None = None
    name: str | None = None
    tool_kind: ToolKind = "function"
    namespace: str | None = None
    phase: str | None = None
    seal: Seal | None = None


class TextDelta(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """More visible text, never empty."""

    block: int
    text: str


class RefusalDelta(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """More words of refusal, never empty."""

    block: int
    text: str


class ReasoningDelta(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """More reasoning, never empty. ``part`` counts the summary parts; ``raw`` tells the verbatim chain from a summary."""

    block: int
    text: str
    part: int = 0
    raw: bool = False


class SealDelta(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """An opaque state of an open reasoning block, or (``bound="part"``) of an open text block. Whole, never in pieces."""

    block: int
    seal: Seal


class ArgumentsDelta(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """More of a call's arguments: JSON text, or the free text of a custom call. Never empty."""

    block: int
    text: str


class CitationDelta(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """A citation of the text block."""

    block: int
    citation: Citation


class LogprobsDelta(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """More log probabilities of a choice, in OpenAI chat's shape: ``channel`` is ``content`` or ``refusal``."""

    choice: int
    entries: list[dict[str, Any]]
    channel: Literal["content", "refusal"] = "content"


class BlockData(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """The whole part of a ``data`` block: Media or Opaque."""

    block: int
    part: Part


class BlockEnd(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """The part is whole."""

    block: int


class UsageUpdate(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """Counts so far."""

    usage: Usage


class ChoiceEnd(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """A choice is complete. ``at`` is where the ``extras`` stand."""

    choice: int
    finish: Finish
    extras: dict[str, Any] = NO_EXTRAS
    at: str = ""


class OpaqueEvent(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """A wire's own event that is no part, such as a hosted tool's progress. Only its own format may show it."""

    part: Opaque


class End(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """The upstream said that it is done. ``extras`` are unknown fields of the whole response. ``service_tier`` is set where the tier
    that served was not known before."""

    extras: dict[str, Any] = NO_EXTRAS
    service_tier: str | None = None


class Failed(msgspec.Struct, frozen=True, gc=False, tag=True, omit_defaults=True):
    """The upstream failed, or ended without saying that it is done. ``unreadable``: it said something that this reader does not understand; who passes
    its words on as they are need not stop for that."""

    failure: Failure
    unreadable: bool = False


Event = (
    Start
    | BlockStart
    | TextDelta
    | RefusalDelta
    | ReasoningDelta
    | SealDelta
    | ArgumentsDelta
    | CitationDelta
    | LogprobsDelta
    | BlockData
    | BlockEnd
    | UsageUpdate
    | ChoiceEnd
    | OpaqueEvent
    | End
    | Failed
)

CONTENT_EVENTS = (TextDelta, RefusalDelta, ReasoningDelta, ArgumentsDelta, BlockData, ChoiceEnd)
"""A reply is committed by the first of these, or by the BlockStart of a call: before it, another attempt is still possible."""
