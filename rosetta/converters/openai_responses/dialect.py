"""What a target of this wire accepts. Catalog and model rows fill it in; the defaults fit an unknown compatible server."""

from __future__ import annotations

from typing import Literal

import msgspec

from rosetta.ir.request import Effort

_CUSTOM = (b'"custom"', b'"custom_tool_call"', b'"custom_tool_call_output"')
_NAMESPACES = (b'"namespace"', b'"additional_tools"', b'"tool_search"')
_WEB_SEARCH = (b'"web_search"',)
_DEVELOPER = (b'"developer"',)


class Dialect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One server's reading of OpenAI Responses. ``rewrite``: a Responses client's body goes through the IR too, always, or where it is ``needed``:
    where it holds tools or roles that this server does not take, as Codex's bodies do."""

    rewrite: bool | Literal["needed"] = False
    system_items: bool = True
    """System and developer messages are taken in the input. False: the words of a developer are refused there, or thrown away, and those that lead the
    input belong into the instructions."""
    mid_system: Literal["keep", "user"] = "keep"
    sampling: bool = True
    """temperature and top_p are accepted (OpenAI's reasoning models refuse them, unless the effort is none)."""
    efforts: tuple[Effort, ...] = ("low", "medium", "high")
    summaries: bool = True
    """reasoning.summary is understood."""
    encrypted: bool = True
    """``include: reasoning.encrypted_content`` is understood, and reasoning items are given back with it."""
    custom_tools: bool = False
    namespaces: bool = False
    hosted_tools: tuple[str, ...] = ()
    """Hosted tools this server runs, in the IR's words (``web_search``)."""
    strict: bool = True
    verbosity: bool = False
    openai_extras: bool = False
    """metadata, service_tier, prompt_cache_key, safety_identifier: OpenAI's own settings."""
    cache_key: bool = False
    """prompt_cache_key alone of them."""
    cache_marks: bool = False
    """prompt_cache_breakpoint on parts (gpt-5.6 and later)."""
    phases: bool = False
    """``phase`` on assistant messages."""
    output: Literal["json_schema", "json_object", "none"] = "json_schema"
    min_output_tokens: int = 16

    def takes(self, body: bytes) -> bool:
        """Whether a Responses client's body may go to this server as it is. The words are looked for as JSON strings: one too many costs the bytes alone."""
        if self.rewrite != "needed":
            return not self.rewrite
        words = (*(() if self.custom_tools else _CUSTOM), *(() if self.namespaces else _NAMESPACES))
        words += () if "web_search" in self.hosted_tools else _WEB_SEARCH
        words += () if self.system_items else _DEVELOPER
        return not any(word in body for word in words)
