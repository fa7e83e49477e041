"""Seals of visible parts on their way through clients that have no place for them on the part itself: they travel on the next part that has one, or on a
carrier, a thought without words, and find back to the part they are of.
"""

from __future__ import annotations

import msgspec

from rosetta.ir.parts import Media, Part, Seal, Text, ToolCall


def of_what_was_said(seal: Seal) -> Seal:
    """The seal of a text or an image, marked as that of a part before the one that carries it: a call's own is mostly beside it."""
    return msgspec.structs.replace(seal, bound="before") if seal.bound == "part" else seal


def give_back(seal: Seal, parts: list[Part], at: str = "") -> None:
    """The seal of what was said, to the last text or image that has none; an empty text where there is none."""
    seal = msgspec.structs.replace(seal, bound="part")
    for index in range(len(parts) - 1, -1, -1):
        part = parts[index]
        if isinstance(part, Text | Media) and part.seal is None:
            parts[index] = msgspec.structs.replace(part, seal=seal)
            return
    parts.append(Text("", at, seal=seal))


def attached(parts: list[Part], seal: Seal, following: Part) -> Part:
    """``following`` with the seal of the carrier before it, where that is a call's; else the seal goes to what was said before."""
    if seal.bound == "part" and isinstance(following, ToolCall):
        return msgspec.structs.replace(following, seal=seal)
    give_back(seal, parts)
    return following
