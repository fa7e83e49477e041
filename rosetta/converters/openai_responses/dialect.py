"""What a target of this wire accepts. Catalog and model rows fill it in; the defaults fit an unknown compatible server."""

from __future__ import annotations

from typing import Literal

from rosetta.converters import dialect
from rosetta.ir.request import Effort

_CUSTOM = (b'"custom"', b'"custom_tool_call')
_NAMESPACES = (b'"namespace"', b'"additional_tools"', b'"tool_search"')
_WEB_SEARCH = (b'"web_search"',)
_DEVELOPER = (b'"developer"',)


class Dialect(dialect.Dialect, frozen=True, forbid_unknown_fields=True):
    """One server's reading of OpenAI Responses. What may be beyond it: kinds of tools, and the role developer."""

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

    def beyond(self, body: bytes) -> bool:
        words: tuple[bytes, ...] = () if self.system_items else _DEVELOPER  # the first that a body of Codex has
        words += () if self.namespaces else _NAMESPACES
        words += () if self.custom_tools else _CUSTOM
        words += () if "web_search" in self.hosted_tools else _WEB_SEARCH
        return any(word in body for word in words)
