"""The vendors: where each listens, how it wants its key, which wires it speaks, and what it reads differently.

A vendor whose server needs more than a row here is a format, not a vendor. What only one of its models does differently stands in
``models.py``. Each dialect field that departs from the format's default has the reason beside it.
"""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from rosetta.ir.parts import Format

Auth = Literal["bearer", "x-api-key", "x-goog-api-key", "api-key", "none"]

GENERIC = "generic"
"""The name of the vendor of a server that nobody knows."""

FORMAT_AUTH: dict[Format, Auth] = {
    "openai_chat": "bearer",
    "openai_responses": "bearer",
    "anthropic": "x-api-key",
    "google_genai": "x-goog-api-key",
}
"""How each wire's own client library sends its key."""


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """One row.

    ``format`` is the vendor's own wire and ``formats`` every wire that its base URL answers, the preferred first. ``since`` holds further wires
    with the server version that brought them; ``version_path`` tells which version runs. ``base_urls`` are those of wires that live elsewhere:
    ``vendor`` puts them into ``base_url`` when such a wire is asked for. ``auth`` is how a key is sent, ``auths`` where a wire has its own way.
    ``env_keys`` are the variables that may hold the key, the first that is set counts. ``hosts`` are host names (subdomains too) and
    ``:port`` by which a base URL is recognised. ``loopback``: it usually runs on the user's own machine, without a key and slowly.
    ``query`` goes into every address. ``dialects`` are what its server reads differently from the format's defaults.
    """

    name: str
    format: Format
    formats: tuple[Format, ...]
    base_url: str
    since: dict[Format, str] = {}
    version_path: str = ""
    base_urls: dict[Format, str] = {}
    auth: Auth = "bearer"
    auths: dict[Format, Auth] = {}
    env_keys: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    loopback: bool = False
    query: dict[str, str] = {}
    dialects: dict[Format, dict[str, Any]] = {}

    def auth_on(self, format: Format) -> Auth:
        """How the key is sent on this wire."""
        return self.auths.get(format, self.auth)


# What OpenAI's own servers take beyond what a compatible one does. Azure hosts the same code.
_OPENAI_CHAT: dict[str, Any] = {
    "rewrite": "needed",
    "max_tokens_field": "max_completion_tokens",  # max_tokens is deprecated, and refused from o1 on: families.py knows where
    "mid_system": "keep",
    "custom_tools": True,  # since gpt-5; models.py takes them from the older ones
    "tool_choice": "all",  # allowed_tools, since gpt-5
    "files": True,
    "reasoning_back": "none",  # reasoning text has no field on this wire; an unknown message field is a 400
    "user_field": "safety_identifier",  # user is deprecated since gpt-5
    "openai_extras": True,
}
_OPENAI_RESPONSES: dict[str, Any] = {
    "custom_tools": True,
    "namespaces": True,
    "hosted_tools": ("web_search",),
    "openai_extras": True,
}

# Messages as other vendors serve them: the fields of 2025, and none of Anthropic's rules about them.
_FOREIGN_MESSAGES: dict[str, Any] = {
    "efforts": (),
    "temperature_with_top_p": True,
    "output_format": False,
    "display": False,
    "strict": False,
}

# Chat before a chat template: the words of a developer are a 400, or lost.
_LOCAL_CHAT: dict[str, Any] = {"rewrite": "needed", "either_role": False}

# Responses before a chat template: system messages at the head alone, and the word developer is a 400, or lost, or somebody's answer.
_LOCAL_RESPONSES: dict[str, Any] = {"rewrite": "needed", "system_items": False, "mid_system": "user", "encrypted": False}

# A server that takes no system message amid the others, which Claude Code sends to every model that it does not know.
_NO_MID_SYSTEM: dict[str, Any] = {"rewrite": "needed", "mid_system": False}

_VENDORS = (
    Vendor(
        name="openai",
        format="openai_responses",
        formats=("openai_responses", "openai_chat"),
        base_url="https://api.openai.com/v1",
        env_keys=("OPENAI_API_KEY",),
        hosts=("api.openai.com",),  # and us., eu., ae., au., in., jp. before it
        dialects={"openai_chat": _OPENAI_CHAT, "openai_responses": _OPENAI_RESPONSES},
    ),
    Vendor(
        name="anthropic",
        format="anthropic",
        formats=("anthropic",),
        base_url="https://api.anthropic.com",
        base_urls={"openai_chat": "https://api.anthropic.com/v1"},
        auth="x-api-key",
        auths={"openai_chat": "bearer"},
        env_keys=("ANTHROPIC_API_KEY",),
        hosts=("api.anthropic.com",),
        dialects={
            "anthropic": {
                "hosted_tools": ("web_search", "web_fetch", "code_execution"),
                "rewrite": "needed",  # families.py knows the models that take no system message amid the others
                "undeclared_calls": False,  # "requests which have tool_use blocks in them must define tools"
            },
            # Its compatibility layer "for testing": it ignores what it does not know, so a Loss is all that these fields could become.
            "openai_chat": {
                "penalties": False,
                "logprobs": False,
                "seed": False,
                "n": False,
                "efforts": (),
                "reasoning_back": "none",
                "strict": False,
                "tool_choice": "no_subset",
                "output": "none",
                "user_field": "none",
            },
        },
    ),
    Vendor(
        name="google",
        format="google_genai",
        formats=("google_genai",),
        base_url="https://generativelanguage.googleapis.com",
        base_urls={"openai_chat": "https://generativelanguage.googleapis.com/v1beta/openai"},
        auth="x-goog-api-key",
        auths={"openai_chat": "bearer"},
        env_keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        hosts=("generativelanguage.googleapis.com", "aiplatform.googleapis.com"),
        dialects={
            "openai_chat": {
                "thought_signatures": True,  # Gemini 3 answers 400 when the first call of a step comes back without its signature
                "reasoning_back": "none",
                "call_ids": "any",
                "efforts": ("none", "minimal", "low", "medium", "high"),
                "penalties": False,
                "logprobs": False,
                "user_field": "none",  # unknown fields are a 400, as on the native wire
            },
        },
    ),
    Vendor(
        name="ollama",
        format="openai_chat",
        formats=("openai_chat",),
        since={"openai_responses": "0.13.3", "anthropic": "0.14.0"},
        version_path="/api/version",
        base_url="http://localhost:11434/v1",
        env_keys=("OLLAMA_API_KEY",),  # ollama.com wants one; the local server ignores it
        hosts=("ollama.com", ":11434"),
        loopback=True,
        dialects={
            "openai_chat": {
                **_LOCAL_CHAT,
                "either_limit": False,
                "reasoning_back": "reasoning",
                "efforts": (),  # effort for a model that does not think is a 400: models.py knows which do
                "n": False,
                "strict": False,
                "tool_choice": "auto_only",  # the others are read and ignored, none too (seen until 0.32)
                "parallel_tool_calls": False,
                "call_ids": "any",
                "stop_limit": 64,
                "user_field": "none",
            },
            # What it does not know it drops or answers in its own way: the words of a developer are lost without a word, Codex's namespaces come back as
            # ns.name, which Codex does not know.
            "openai_responses": {**_LOCAL_RESPONSES, "rewrite": True, "efforts": (), "strict": False},
            "anthropic": {
                **_FOREIGN_MESSAGES,
                "rewrite": True,
                "forced_tools": False,
                "url_sources": False,  # images as base64 alone
                "max_output": 8192,  # a small machine's context is soon full
                "max_output_unary": 8192,
            },
        },
    ),
    Vendor(
        name="vllm",
        format="openai_chat",
        formats=("openai_chat", "openai_responses", "anthropic"),
        base_url="http://localhost:8000/v1",
        env_keys=("VLLM_API_KEY",),
        loopback=True,
        dialects={
            "openai_chat": {
                **_LOCAL_CHAT,
                "reasoning_back": "reasoning",  # renamed from reasoning_content, which is gone since January 2026
                "top_k": True,
                "call_ids": "any",
                "stop_limit": 64,
            },
            # Foreign encrypted_content is refused, and with gpt-oss every kind of tool but functions.
            "openai_responses": _LOCAL_RESPONSES,
            "anthropic": {**_FOREIGN_MESSAGES, **_NO_MID_SYSTEM},  # they were a 400 until June 2026
        },
    ),
    Vendor(
        name="llamacpp",
        format="openai_chat",
        formats=("openai_chat",),  # Messages too since January 2026, but no version tells: name it in formats
        base_url="http://localhost:8080/v1",
        env_keys=("LLAMA_API_KEY",),
        loopback=True,
        dialects={
            "openai_chat": {
                **_LOCAL_CHAT,
                "top_k": True,
                "n": False,
                "strict": False,
                "call_ids": "any",
                "stop_limit": 64,
                "user_field": "none",
            }
        },
    ),
    Vendor(
        name="lmstudio",
        format="openai_chat",
        formats=("openai_chat",),
        since={"openai_responses": "0.3.29", "anthropic": "0.4.1"},
        base_url="http://localhost:1234/v1",
        env_keys=("LM_API_TOKEN",),
        loopback=True,
        dialects={
            "openai_chat": {
                **_LOCAL_CHAT,
                "either_limit": False,
                "efforts": ("none", "low", "medium", "high", "xhigh"),
                "top_k": True,
                "n": False,
                "logprobs": False,
                "strict": False,
                "call_ids": "any",
                "stop_limit": 64,
                "user_field": "none",
            },
            # It reads a response schema on the chat wire alone and ignores it on the two others. Codex's namespaces are a 400.
            "openai_responses": {
                **_LOCAL_RESPONSES,
                "efforts": ("none", "low", "medium", "high", "xhigh"),
                "strict": False,
                "output": "none",
            },
            "anthropic": {**_FOREIGN_MESSAGES, **_NO_MID_SYSTEM},
        },
    ),
    Vendor(
        name="sglang",
        format="openai_chat",
        formats=("openai_chat",),
        base_url="http://localhost:30000/v1",
        loopback=True,
        dialects={"openai_chat": {**_LOCAL_CHAT, "top_k": True, "call_ids": "any", "stop_limit": 64}},
    ),
    Vendor(
        name="openrouter",
        format="openai_chat",
        formats=("openai_chat", "anthropic"),  # Messages for every model, so that Claude's signatures stay whole; its Responses are in beta
        base_url="https://openrouter.ai/api/v1",
        env_keys=("OPENROUTER_API_KEY",),
        hosts=("openrouter.ai",),
        dialects={
            "openai_chat": {
                "reasoning_form": "reasoning",
                "reasoning_back": "reasoning_details",  # unchanged, or Claude and Gemini behind it refuse the turn
                "efforts": ("none", "minimal", "low", "medium", "high", "xhigh", "max"),
                "top_k": True,
                "cache_marks": "cache_control",
                "files": True,
                "call_ids": "any",
            },
            "anthropic": {"hosted_tools": ("web_search",)},
        },
    ),
    Vendor(
        name="deepseek",
        format="openai_chat",
        formats=("openai_chat", "openai_responses"),  # Responses since August 2026, without state
        base_url="https://api.deepseek.com/v1",
        base_urls={"anthropic": "https://api.deepseek.com/anthropic"},
        auths={"anthropic": "x-api-key"},
        env_keys=("DEEPSEEK_API_KEY",),
        hosts=("api.deepseek.com",),
        dialects={
            "openai_chat": {
                "rewrite": "needed",
                "either_role": False,  # developer is a 400
                "either_limit": False,
                "reasoning_form": "thinking",
                "reasoning_back": "reasoning_content",  # without it a turn that called tools is a 400 (V3.2 and later)
                "efforts": ("none", "minimal", "low", "medium", "high", "xhigh", "max"),  # it maps them to low, high and max itself
                "seed": False,
                "n": False,
                "strict": False,
                "output": "json_object",
                "call_ids": "any",
                "stop_limit": 16,
                "parallel_tool_calls": False,
                "user_field": "none",
            },
            "openai_responses": {"efforts": ("none", "low", "high", "max"), "encrypted": False, "custom_tools": True, "strict": False},
            "anthropic": {**_FOREIGN_MESSAGES, "efforts": ("low", "medium", "high", "max")},
        },
    ),
    Vendor(
        name="groq",
        format="openai_chat",
        formats=("openai_chat", "openai_responses"),
        base_url="https://api.groq.com/openai/v1",
        env_keys=("GROQ_API_KEY",),
        hosts=("api.groq.com",),
        dialects={
            "openai_chat": {
                "max_tokens_field": "max_completion_tokens",
                "reasoning_back": "reasoning",
                "efforts": (),  # a 400 on models that do not think: models.py knows which do
                "logprobs": False,  # with logit_bias a 400
                "n": False,
                "call_ids": "any",
            },
            "openai_responses": {"rewrite": "needed", "efforts": (), "encrypted": False},  # functions, and tools of its own
        },
    ),
    Vendor(
        name="mistral",
        format="openai_chat",
        formats=("openai_chat",),
        base_url="https://api.mistral.ai/v1",
        env_keys=("MISTRAL_API_KEY",),
        hosts=("api.mistral.ai", "codestral.mistral.ai"),
        dialects={
            # Fields that it does not know are a 422, so what a chat client may send must go through the IR.
            "openai_chat": {
                "rewrite": True,
                "seed": False,  # random_seed there
                "logprobs": False,
                "stream_usage": False,  # usage comes unasked, in the last chunk
                "efforts": (),
                "reasoning_back": "none",  # models.py knows which think; their thoughts are content parts
                "call_ids": "mistral",
                "after_tool_user": False,
                "user_field": "none",
            },
        },
    ),
    Vendor(
        name="xai",
        format="openai_responses",
        formats=("openai_responses", "openai_chat"),
        base_url="https://api.x.ai/v1",
        env_keys=("XAI_API_KEY",),
        hosts=("api.x.ai",),
        dialects={
            "openai_chat": {
                "max_tokens_field": "max_completion_tokens",
                "efforts": ("low", "medium", "high"),  # models.py knows the older ones, which refuse the field
                "penalties": False,  # its reasoning models refuse both, and stop
                "stop_limit": 0,
                "call_ids": "any",
            },
            # Free-text tools are a 422, and calls come back without their namespace.
            "openai_responses": {"rewrite": "needed", "summaries": False, "hosted_tools": ("web_search",), "cache_key": True},
        },
    ),
    Vendor(
        name="together",
        format="openai_chat",
        formats=("openai_chat",),
        base_url="https://api.together.xyz/v1",
        env_keys=("TOGETHER_API_KEY",),
        hosts=("api.together.xyz", "api.together.ai"),
        dialects={"openai_chat": {"top_k": True, "reasoning_back": "reasoning", "call_ids": "any", "user_field": "none"}},
    ),
    Vendor(
        name="fireworks",
        format="openai_chat",
        formats=("openai_chat",),
        base_url="https://api.fireworks.ai/inference/v1",
        env_keys=("FIREWORKS_API_KEY",),
        hosts=("api.fireworks.ai",),
        dialects={"openai_chat": {"top_k": True, "call_ids": "any"}},
    ),
    Vendor(
        name="azure",
        format="openai_responses",
        formats=("openai_responses", "openai_chat"),
        base_url="",  # https://RESOURCE.openai.azure.com/openai/v1: there is no default
        auth="api-key",
        env_keys=("AZURE_OPENAI_API_KEY",),
        hosts=("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
        query={"api-version": "preview"},  # on the v1 path no date is needed any more; preview admits what is new
        dialects={"openai_chat": _OPENAI_CHAT, "openai_responses": _OPENAI_RESPONSES},
    ),
    Vendor(
        name="moonshot",
        format="openai_chat",
        formats=("openai_chat",),
        base_url="https://api.moonshot.ai/v1",
        base_urls={"anthropic": "https://api.moonshot.ai/anthropic"},
        auths={"anthropic": "bearer"},
        env_keys=("MOONSHOT_API_KEY",),
        hosts=("api.moonshot.ai", "api.moonshot.cn"),
        dialects={
            "openai_chat": {
                "reasoning_form": "thinking",
                "efforts": ("none", "high"),
                "logprobs": False,
                "seed": False,
                "call_ids": "any",
                "user_field": "none",
            },
            "anthropic": _FOREIGN_MESSAGES,
        },
    ),
    Vendor(
        name="zai",
        format="openai_chat",
        formats=("openai_chat",),
        base_url="https://api.z.ai/api/paas/v4",
        base_urls={"anthropic": "https://api.z.ai/api/anthropic"},
        auths={"anthropic": "bearer"},
        env_keys=("ZAI_API_KEY", "ZHIPUAI_API_KEY"),
        hosts=("api.z.ai", "open.bigmodel.cn"),
        dialects={
            "openai_chat": {
                "rewrite": "needed",
                "either_limit": False,
                "reasoning_form": "thinking",
                "efforts": ("none", "high"),
                "penalties": False,
                "logprobs": False,
                "seed": False,
                "n": False,
                "stop_limit": 1,
                "strict": False,
                "tool_choice": "auto_only",
                "parallel_tool_calls": False,
                "output": "json_object",
                "call_ids": "any",
                "user_field": "none",
            },
            "anthropic": _FOREIGN_MESSAGES,
        },
    ),
)

VENDORS: dict[str, Vendor] = {row.name: row for row in _VENDORS}

KEY_VARIABLES: dict[str, tuple[str, ...]] = {
    row.name: row.env_keys for row in _VENDORS if row.env_keys and row.base_url and not row.loopback
}
"""Vendor -> the environment variables that may hold its key, for those that need nothing else to be called."""

HOMES: dict[Format, str] = {"openai_chat": "openai", "openai_responses": "openai", "anthropic": "anthropic", "google_genai": "google"}
"""Format -> the vendor it comes from, whom a provider without a base URL means."""

_UNKNOWN: dict[Format, Vendor] = {
    format: Vendor(name=GENERIC, format=format, formats=(format,), base_url="", auth=FORMAT_AUTH[format], auths=FORMAT_AUTH)
    for format in HOMES
}


def vendor(name: str | None, base_url: str | None, format: Format | None) -> Vendor:
    """The vendor behind a provider: by the name, else by the base URL's host, else a generic server of ``format``.

    A name that no vendor has, as a provider's own often is, together with no base URL means the vendor that ``format`` comes from. Nothing at
    all but a format is a generic server. ``format``, where given, is the wire that will be spoken: the row's ``base_url`` is the one for it.
    Raises ValueError where neither name nor address nor format tells anything.
    """
    found = VENDORS.get(name) if name else None
    if found is None and base_url:
        found = recognised(base_url)
    if found is None and format is not None:
        if name and name != GENERIC and not base_url:
            found = VENDORS[HOMES[format]]
        else:
            return _UNKNOWN[format]
    if found is None:
        raise ValueError(f"unknown vendor {name!r}: one of {', '.join(VENDORS)}, or give a type and a base_url")
    elsewhere = found.base_urls.get(format) if format is not None else None
    return found if elsewhere is None else msgspec.structs.replace(found, base_url=elsewhere)


def recognised(base_url: str) -> Vendor | None:
    """The vendor that listens at this address, if its host or port tells. Port 8000 tells nothing: everybody uses it."""
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", f":{parts.port}"
    except ValueError:
        return None
    for row in _VENDORS:
        for known in row.hosts:
            if known == port or host == known or host.endswith("." + known):
                return row
    return None
