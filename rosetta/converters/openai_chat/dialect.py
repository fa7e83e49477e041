"""What a target of this wire accepts. Catalog and model rows fill it in; the defaults fit an unknown compatible server."""

from __future__ import annotations

from typing import Literal

from rosetta.converters import dialect
from rosetta.ir.request import Effort


class Dialect(dialect.Dialect, frozen=True, forbid_unknown_fields=True):
    """One server's reading of OpenAI Chat Completions. What may be beyond it: the role of the system's messages, the name of the limit."""

    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    either_limit: bool = True
    """The other of the two is read as well."""
    system_role: Literal["system", "developer"] = "system"
    either_role: bool = True
    """The other of the two is read as well."""
    mid_system: Literal["keep", "user"] = "user"
    """What becomes of a system message in mid-conversation: kept in place, or said as a user message there."""
    sampling: bool = True
    """temperature and top_p are accepted (OpenAI's reasoning models refuse them, unless the effort is none)."""
    top_k: bool = False
    penalties: bool = True
    logprobs: bool = True
    seed: bool = True
    stop_limit: int = 4
    """How many stop sequences are accepted; 0 none."""
    n: bool = True
    efforts: tuple[Effort, ...] = ("low", "medium", "high")
    """The reasoning_effort levels the model accepts; empty: the field is never sent."""
    reasoning_form: Literal["reasoning_effort", "reasoning", "thinking"] = "reasoning_effort"
    """How effort is asked for: OpenAI's field, OpenRouter's ``reasoning`` object, DeepSeek's ``thinking`` with reasoning_effort."""
    reasoning_back: Literal["reasoning_content", "reasoning", "reasoning_details", "thinking", "none"] = "reasoning_content"
    """The field of an assistant message in which this server takes its own reasoning text back; ``thinking``: a content part (Mistral)."""
    hosted_tools: tuple[str, ...] = ()
    """Which tools the server runs itself: ``web_search`` by ``web_search_options`` (OpenAI's search models)."""
    tools: bool = True
    tools_with_reasoning: bool = True
    """False: function tools are refused unless effort is none (OpenAI from gpt-5.4 on); such requests belong on the Responses wire."""
    custom_tools: bool = False
    strict: bool = True
    """``strict`` on tools and schemas is understood."""
    tool_choice: Literal["all", "no_subset", "auto_only"] = "no_subset"
    """Which forms of tool_choice: with allowed_tools, without, or none but auto/none."""
    parallel_tool_calls: bool = True
    call_ids: Literal["any", "openai", "mistral"] = "openai"
    images: bool = True
    files: bool = False
    """``file`` parts (PDF) are accepted."""
    audio: bool = False
    output: Literal["json_schema", "json_object", "none"] = "json_schema"
    """The strongest response_format."""
    stream_usage: bool = True
    """``stream_options.include_usage`` is understood."""
    user_field: Literal["user", "safety_identifier", "none"] = "user"
    openai_extras: bool = False
    """metadata, store, service_tier, verbosity, prompt_cache_key and the like: OpenAI's own settings."""
    cache_marks: Literal["none", "breakpoint", "cache_control"] = "none"
    """prompt_cache_breakpoint (OpenAI gpt-5.6 and later) or Anthropic's cache_control on parts (OpenRouter)."""
    thought_signatures: bool = False
    """``tool_calls[].extra_content.google.thought_signature`` is this server's own (Google's OpenAI endpoint)."""
    alternate: bool = False
    """The template refuses two user messages in a row (Gemma's and older ones): they become one."""
    after_tool_user: bool = True
    """False: a user message right after a tool message is refused (Mistral)."""
    think_tags: bool = False
    """The server leaks ``<think>…</think>`` into content; split it off."""

    def beyond(self, body: bytes) -> bool:
        role = b'"developer"' if self.system_role == "system" else b'"system"'
        limit = b'"max_completion_tokens"' if self.max_tokens_field == "max_tokens" else b'"max_tokens"'
        return (not self.either_role and role in body) or (not self.either_limit and limit in body)
