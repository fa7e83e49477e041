"""What a target of this wire accepts. Catalog and model rows fill it in; the defaults fit an unknown compatible server."""

from __future__ import annotations

from typing import Literal

import msgspec

from rosetta.ir.request import Effort


class Dialect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One server's reading of OpenAI Responses. ``rewrite``: even a Responses client's body goes through the IR."""

    rewrite: bool = False
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
    cache_marks: bool = False
    """prompt_cache_breakpoint on parts (gpt-5.6 and later)."""
    phases: bool = False
    """``phase`` on assistant messages."""
    output: Literal["json_schema", "json_object", "none"] = "json_schema"
    min_output_tokens: int = 16
