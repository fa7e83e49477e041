"""What a target of this wire accepts. Catalog and model rows fill it in; the defaults fit a current Claude model of the 4.x family."""

from __future__ import annotations

import re
from typing import Literal

from rosetta.converters import dialect
from rosetta.ir.request import Effort

_SYSTEM_ROLE = re.compile(rb'"role"\s*:\s*"system"')


class Dialect(dialect.Dialect, frozen=True, forbid_unknown_fields=True):
    """One server's or model family's reading of Anthropic Messages. What may be beyond it: a system message amid the others."""

    version: str = "2023-06-01"
    """The anthropic-version header that is sent when the client is not an Anthropic one."""
    thinking: Literal["budget", "adaptive", "always", "none"] = "budget"
    """``budget``: enabled with budget_tokens (up to 4.5). ``adaptive``: may be switched off (4.6 to 5). ``always``: cannot be (5.5, Fable,
    Mythos). ``none``: the model does not think."""
    thinking_off: bool = True
    """``thinking: disabled`` is accepted."""
    efforts: tuple[Effort, ...] = ()
    """The output_config.effort levels; empty: the field is refused."""
    sampling: bool = True
    """temperature, top_p, top_k are accepted."""
    temperature_with_top_p: bool = True
    """Both of them may be sent together; False: only one of them (Opus 4.1 to 4.6, Sonnet and Haiku 4.5 and Sonnet 4.6)."""
    forced_tools: bool = True
    """tool_choice any/tool is accepted (not on always-thinking models)."""
    undeclared_calls: bool = True
    """The history may hold calls of tools that the request does not declare."""
    mid_system: bool | None = None
    """role system amid messages is accepted (Opus 4.8, Opus 5 and later, Fable). None: nobody knows, so none is written, and what a client wrote passes."""
    prefill: bool = False
    """A last assistant message is continued (up to 4.5)."""
    output_format: bool = True
    """output_config.format is accepted."""
    max_output: int = 32000
    """max_tokens when the client named none (streams); unary requests get at most ``max_output_unary``."""
    max_output_unary: int = 16000
    hosted_tools: tuple[str, ...] = ()
    """Hosted tools this server runs, in the IR's words (``web_search``)."""
    url_sources: bool = True
    display: bool = True
    """``thinking.display`` is understood (newer than 4.5)."""
    strict: bool = True
    user_id: bool = False
    """metadata.user_id is sent for clients of other formats."""

    def beyond(self, body: bytes) -> bool:
        return self.mid_system is False and _SYSTEM_ROLE.search(body) is not None
