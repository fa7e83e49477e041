"""What a client is told, whatever its SDK: the common terms in which the four SDKs' own objects are compared with what the upstream meant."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pydantic import BaseModel

MARKER = "MARK-0a1b2c3d"
"""What the tool prints; the scripted upstream says it again in its last words."""

NOWHERE = "http://127.0.0.1:9"
"""A base URL where nobody listens, for clients that have a transport of their own."""

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A PNG of one pixel, in base64."""

SHELL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"command": {"type": "string", "description": "the command"}},
    "required": ["command"],
    "additionalProperties": False,
}
SHELL_DESCRIPTION = "Run a shell command and return what it prints"


class Place(BaseModel):
    """What a structured answer holds."""

    name: str
    people: int


class Tokens(NamedTuple):
    """Counts of tokens: ``input`` with what came out of a cache, ``output`` with reasoning; None where the SDK's object says nothing or 0."""

    input: int | None
    cached: int | None
    output: int | None
    reasoning: int | None


UNCOUNTED = Tokens(None, None, None, None)


def arguments(text: str) -> Any:
    """The arguments of a call; those of one that was cut are the text that came."""
    try:
        return json.loads(text)
    except ValueError:
        return text


class Said(NamedTuple):
    """One whole answer. ``calls`` are (name, arguments), free text as ``{"input": text}``; ``finish`` is in the SDK's own word."""

    text: str
    reasoning: str
    calls: tuple[tuple[str, Any], ...]
    finish: str
    tokens: Tokens


class Wanted(NamedTuple):
    """One question. ``history`` are the turns before it in the SDK's own form, ``image`` a PNG in base64."""

    text: str = "hi"
    tools: bool = True
    think: bool = False
    image: str | None = None
    history: tuple[Any, ...] = ()
