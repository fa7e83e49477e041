"""A request on its way out, as all rooms of this wire see it; cache marks and unknown fields, which any node may have."""

from __future__ import annotations

import re
from typing import Any, Literal

from rosetta.converters.converter import Json, Target
from rosetta.converters.extras import restore
from rosetta.converters.losses import Losses
from rosetta.converters.names import ToolNames
from rosetta.converters.openai_chat.dialect import Dialect
from rosetta.ir.parts import CacheMark, Format
from rosetta.ir.request import Role, Tool

FORMAT: Literal["openai_chat"] = "openai_chat"
BREAKPOINT = "prompt_cache_breakpoint"
CACHE_CONTROL = "cache_control"
"""OpenRouter's and other servers' way to say Anthropic's marks on this wire."""

_NO_NAME = re.compile(r"(?!)")
_BREAKPOINT_TTL = {"5m": "30m", "30m": "30m", "1h": "30m", "12h": "30m"}
_CONTROL_TTL = {"5m": "5m", "30m": "1h", "1h": "1h", "12h": "1h"}


class Outgoing:
    """One request on its way out: where it goes, what its tools are called there, and what it lost.

    ``own``: the client speaks chat too. ``faithful``: and the server takes what a chat client may say, so that its dialect is the client's business.
    """

    __slots__ = ("dialect", "faithful", "losses", "names", "own", "source", "target")

    def __init__(self, *, source: Format, target: Target, tools: tuple[Tool, ...], losses: Losses) -> None:
        self.source = source
        self.own = own = source == FORMAT
        self.target = target
        self.dialect: Dialect = target.dialect
        self.faithful = own and self.dialect.rewrite is not True
        self.names = ToolNames(tools, limit=4096, invalid=_NO_NAME) if self.faithful else ToolNames(tools)
        self.losses = losses

    def system_role(self, role: Role) -> Role:
        """What a system or developer message is called at this server."""
        return role if self.faithful and self.dialect.either_role else self.dialect.system_role

    def extras(self, node: Json, extras: dict[str, Any], at: str) -> None:
        """Unknown fields go back to their own wire, else they are lost."""
        if not extras:
            return
        if self.own:
            restore(node, extras, self.losses, at)
        else:
            self.losses.extras(extras, at)

    def mark(self, node: Json, mark: CacheMark | None, at: str) -> bool:
        """Write a cache mark on a part; tells whether one was written."""
        if mark is None:
            return False
        form = self.dialect.cache_marks
        if form == "none" and self.faithful:
            form = "breakpoint"
        if form == "none":
            self.losses.dropped("cache", at)
            return False
        value: Json = {"mode": "explicit"} if form == "breakpoint" else {"type": "ephemeral"}
        if mark.ttl is not None:
            ttl = mark.ttl if self.faithful else (_BREAKPOINT_TTL if form == "breakpoint" else _CONTROL_TTL).get(mark.ttl)
            if ttl != mark.ttl:
                self.losses.approximated("cache", at, f"{ttl} instead of {mark.ttl}")
            if ttl is not None:
                value["ttl"] = ttl
        node[BREAKPOINT if form == "breakpoint" else CACHE_CONTROL] = value
        return True
