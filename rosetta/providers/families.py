"""The model families: what only some models of a vendor accept, and how much they hold.

The names are glob patterns over a model's plain name (``models.plain``): without the vendor in front, the date of a snapshot behind, or a
router's variant. Of all rows that say something, the most specific one counts, alone: a row repeats what it shares with its family.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rosetta.ir.parts import Format
from rosetta.ir.request import Effort


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """One row.

    ``vendors`` are those whose servers it is true of; empty is everybody's. ``formats`` are the only wires that serve it, where not all of its
    vendor's do; ``tool_formats`` the only ones that serve it with function tools. ``context_window`` and ``max_output`` are in tokens.
    """

    names: tuple[str, ...]
    vendors: tuple[str, ...] = ()
    dialects: dict[Format, dict[str, Any]] = {}
    formats: tuple[Format, ...] | None = None
    tool_formats: tuple[Format, ...] | None = None
    context_window: int | None = None
    max_output: int | None = None


K = 1000
M = 1_000_000
_RESPONSES: tuple[Format, ...] = ("openai_responses",)

# ---------------------------------------------------------------- Claude: platform.claude.com, models and effort
_CLAUDE_HOUSES = ("anthropic", "openrouter", "generic")  # not ollama: `ollama cp` gives any model a Claude's name

_TO_HIGH: tuple[Effort, ...] = ("low", "medium", "high")
_TO_XHIGH: tuple[Effort, ...] = ("low", "medium", "high", "xhigh")
_TO_MAX: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")
_NO_XHIGH: tuple[Effort, ...] = ("low", "medium", "high", "max")


def _claude(window: int, output: int, *names: str, **dialect: Any) -> Family:
    dialect.setdefault("max_output", output)
    dialect.setdefault("max_output_unary", min(output, 16000))
    return Family(names=names, vendors=_CLAUDE_HOUSES, dialects={"anthropic": dialect}, context_window=window, max_output=output)


# System messages amid the others are a 400 before Opus 4.8. Claude Code sends none to such a model: they come where an alias hides it.
# 3 and 3.5 neither think nor know output_config; neither strict nor output_config.format came before 4.1 and 4.5.
_OLD: dict[str, Any] = {"prefill": True, "display": False, "strict": False, "output_format": False, "mid_system": False}
_BEFORE_THOUGHT: dict[str, Any] = {"thinking": "none", **_OLD}
_BUDGET_OLD: dict[str, Any] = {"thinking": "budget", **_OLD}
# From 4.1 on temperature and top_p together are a 400.
_BUDGET: dict[str, Any] = {"thinking": "budget", "prefill": True, "display": False, "temperature_with_top_p": False, "mid_system": False}
_IN_4_6: dict[str, Any] = {
    "thinking": "adaptive",
    "efforts": _NO_XHIGH,
    "temperature_with_top_p": False,
    "mid_system": False,
}  # budgets are deprecated, and still work
# Adaptive from 4.6 on; sampling is a 400 from Opus 4.7 on, prefill from 4.6 on.
_ADAPTIVE: dict[str, Any] = {"thinking": "adaptive", "sampling": False, "efforts": _TO_MAX}
# Opus 5.5, Sonnet 5.5, Fable, Mythos: disabled thinking, budgets, forced tools, sampling and prefill are a 400 each.
_ALWAYS: dict[str, Any] = {
    "thinking": "always",
    "thinking_off": False,
    "sampling": False,
    "forced_tools": False,
    "mid_system": True,
    "efforts": _TO_MAX,
}

_CLAUDE = (
    _claude(1 * M, 128 * K, "claude-*", **_ALWAYS),  # unknown, hence newer than this table: the strict manner works everywhere since 4.6
    _claude(200 * K, 4096, "claude-3-*", "claude-2*", "claude-instant*", **_BEFORE_THOUGHT),
    _claude(200 * K, 8192, "claude-3-5-*", **_BEFORE_THOUGHT),
    _claude(200 * K, 64 * K, "claude-3-7-*", **_BUDGET_OLD),
    _claude(200 * K, 64 * K, "claude-sonnet-4", "claude-sonnet-4-0", "claude-4-sonnet*", **_BUDGET_OLD),
    _claude(200 * K, 32 * K, "claude-opus-4", "claude-opus-4-0", "claude-4-opus*", **_BUDGET_OLD),
    _claude(200 * K, 32 * K, "claude-opus-4-1", **_BUDGET),
    _claude(200 * K, 64 * K, "claude-sonnet-4-5", "claude-haiku-4-5", **_BUDGET),
    _claude(200 * K, 64 * K, "claude-opus-4-5", **_BUDGET, efforts=_TO_HIGH),  # the first with effort
    _claude(1 * M, 128 * K, "claude-opus-4-6*", **_IN_4_6),
    _claude(1 * M, 64 * K, "claude-sonnet-4-6*", **_IN_4_6),
    _claude(1 * M, 128 * K, "claude-opus-4-7*", **_ADAPTIVE, mid_system=False),
    _claude(1 * M, 128 * K, "claude-opus-4-8*", "claude-opus-5", **_ADAPTIVE, mid_system=True),
    _claude(1 * M, 128 * K, "claude-sonnet-5", **_ADAPTIVE),
    _claude(1 * M, 128 * K, "claude-haiku-5-5", **_ADAPTIVE, mid_system=True),  # the one 5.5 whose thinking can be switched off
)

# ---------------------------------------------------------------- OpenAI: developers.openai.com, models and reasoning
_OPENAI_HOUSES = ("openai", "azure")
_ANY_OPENAI = ("openai", "azure", "generic")  # a server of unknown make that has a gpt-5 has OpenAI's


def _reasoning(
    efforts: tuple[Effort, ...], *, custom: bool = True, marks: bool = False, phases: bool = False, tools: bool = True
) -> dict[Format, dict[str, Any]]:
    """A reasoning model's two dialects. ``tools``: function tools on chat go with reasoning."""
    return {
        "openai_chat": {
            "max_tokens_field": "max_completion_tokens",
            "either_limit": False,  # max_tokens is a 400 from o1 on
            "system_role": "developer",
            "mid_system": "keep",
            "sampling": False,  # a 400 unless effort is none
            "penalties": False,
            "logprobs": False,
            "stop_limit": 0,  # refused since o3
            "efforts": efforts,
            "reasoning_back": "none",
            "tools_with_reasoning": tools,  # gpt-5.4 and later: "use /v1/responses or set reasoning_effort to 'none'"
            "custom_tools": custom,
            "parallel_tool_calls": custom,  # the o series refuses the field
            "tool_choice": "all" if custom else "no_subset",
            "cache_marks": "breakpoint" if marks else "none",
        },
        "openai_responses": {
            "sampling": False,
            "efforts": efforts,
            "custom_tools": custom,
            "namespaces": phases,  # came with tool search in gpt-5.4
            "verbosity": custom,
            "cache_marks": marks,
            "phases": phases,
        },
    }


def _generic(dialects: dict[Format, dict[str, Any]]) -> dict[Format, dict[str, Any]]:
    """The same model behind a server of unknown make: what only OpenAI's own servers do is left at the defaults."""
    kept = ("max_tokens_field", "sampling", "penalties", "stop_limit", "efforts")
    return {
        "openai_chat": {name: value for name, value in dialects["openai_chat"].items() if name in kept},
        "openai_responses": dialects["openai_responses"],
    }


def _gpt(
    window: int,
    output: int,
    *names: str,
    dialects: dict[Format, dict[str, Any]],
    formats: tuple[Format, ...] | None = None,
    tool_formats: tuple[Format, ...] | None = None,
) -> tuple[Family, Family]:
    return (
        Family(
            names=names,
            vendors=_OPENAI_HOUSES,
            dialects=dialects,
            formats=formats,
            tool_formats=tool_formats,
            context_window=window,
            max_output=output,
        ),
        Family(names=names, vendors=("generic",), dialects=_generic(dialects), context_window=window, max_output=output),
    )


def _talking(window: int, most: int, *names: str, **chat: Any) -> Family:
    """A model that does not reason: the classic settings, no effort, nothing encrypted."""
    common: dict[str, Any] = {"efforts": (), "custom_tools": False}
    return Family(
        names=names,
        vendors=_OPENAI_HOUSES,
        dialects={
            "openai_chat": {**common, "tool_choice": "all", **chat},
            "openai_responses": {
                **common,
                "encrypted": False,  # include reasoning.encrypted_content is a 400 there
                "summaries": False,
                "namespaces": False,
                "output": chat.get("output", "json_schema"),
            },
        },
        context_window=window,
        max_output=most,
    )


_NONE_TO_HIGH: tuple[Effort, ...] = ("none", "low", "medium", "high")
_NONE_TO_XHIGH: tuple[Effort, ...] = ("none", "low", "medium", "high", "xhigh")
_NONE_TO_MAX: tuple[Effort, ...] = ("none", "low", "medium", "high", "xhigh", "max")
_FROM_MEDIUM: tuple[Effort, ...] = ("medium", "high", "xhigh")

_NEWEST = _reasoning(_TO_MAX, marks=True, phases=True, tools=False)

_OPENAI = (
    # Unknown, hence newer than this table; gpt-6-astra and gpt-6.1-sol, which know no effort none.
    *_gpt(1_050_000, 128 * K, "gpt-[6-9]*", dialects=_NEWEST, tool_formats=_RESPONSES),
    *_gpt(
        1_050_000,
        128 * K,
        "gpt-6-sol*",
        "gpt-6-luna*",
        dialects=_reasoning(_NONE_TO_MAX, marks=True, phases=True, tools=False),
        tool_formats=_RESPONSES,
    ),
    *_gpt(
        1_050_000, 128 * K, "gpt-5.[6-9]*", dialects=_reasoning(_NONE_TO_MAX, marks=True, phases=True, tools=False), tool_formats=_RESPONSES
    ),
    *_gpt(1_050_000, 128 * K, "gpt-5.[45]*", dialects=_reasoning(_NONE_TO_XHIGH, phases=True, tools=False), tool_formats=_RESPONSES),
    *_gpt(
        400 * K,
        128 * K,
        "gpt-5.[45]-mini*",
        "gpt-5.[45]-nano*",
        dialects=_reasoning(_NONE_TO_XHIGH, phases=True, tools=False),
        tool_formats=_RESPONSES,
    ),
    *_gpt(1_050_000, 128 * K, "gpt-5.[45]-pro*", dialects=_reasoning(_FROM_MEDIUM, phases=True, tools=False), formats=_RESPONSES),
    *_gpt(400 * K, 128 * K, "gpt-5.3*", dialects=_reasoning(_NONE_TO_XHIGH)),
    *_gpt(400 * K, 128 * K, "gpt-5.3-codex*", dialects=_reasoning(_TO_XHIGH, phases=True), formats=_RESPONSES),
    *_gpt(400 * K, 128 * K, "gpt-5.2*", dialects=_reasoning(_NONE_TO_XHIGH)),
    *_gpt(400 * K, 128 * K, "gpt-5.2-pro*", dialects=_reasoning(_FROM_MEDIUM), formats=_RESPONSES),
    *_gpt(400 * K, 128 * K, "gpt-5.2-codex*", "gpt-5.1-codex-max*", dialects=_reasoning(_TO_XHIGH), formats=_RESPONSES),
    *_gpt(400 * K, 128 * K, "gpt-5.1*", dialects=_reasoning(_NONE_TO_HIGH)),
    *_gpt(400 * K, 128 * K, "gpt-5-codex*", "gpt-5.1-codex*", dialects=_reasoning(_TO_HIGH), formats=_RESPONSES),
    *_gpt(400 * K, 128 * K, "gpt-5", "gpt-5-mini*", "gpt-5-nano*", dialects=_reasoning(("minimal", "low", "medium", "high"))),
    *_gpt(400 * K, 272 * K, "gpt-5-pro*", dialects=_reasoning(("high",)), formats=_RESPONSES),
    *_gpt(128 * K, 16384, "gpt-5.[1-9]-chat*", "gpt-5.5-instant*", dialects=_reasoning(("medium",))),
    *_gpt(200 * K, 100 * K, "o1*", "o3*", "o4-mini*", dialects=_reasoning(_TO_HIGH, custom=False)),
    *_gpt(
        200 * K,
        100 * K,
        "o1-pro*",
        "o3-pro*",
        "o3-deep-research*",
        "o4-mini-deep-research*",
        dialects=_reasoning(_TO_HIGH, custom=False),
        formats=_RESPONSES,
    ),
    *_gpt(200 * K, 100 * K, "codex-mini*", "computer-use*", dialects=_reasoning(_TO_HIGH, custom=False), formats=_RESPONSES),
    _talking(128 * K, 16384, "gpt-5-chat*"),
    _talking(1_047_576, 32768, "gpt-4.1*"),
    _talking(128 * K, 16384, "gpt-4o*", "chatgpt-4o*"),
    _talking(128 * K, 16384, "gpt-4o*audio*", "gpt-audio*", audio=True, images=False, files=False),
    # The search models take neither tools nor the settings of drawing.
    _talking(
        128 * K,
        16384,
        "gpt-4o*-search*",
        "gpt-5-search*",
        tools=False,
        sampling=False,
        penalties=False,
        logprobs=False,
        seed=False,
        n=False,
    ),
    _talking(128 * K, 4096, "gpt-4-turbo*", output="json_object", files=False),
    _talking(8192, 8192, "gpt-4", "gpt-4-0*", output="none", images=False, files=False),
    _talking(16385, 4096, "gpt-3.5*", output="json_object", images=False, files=False),
)

# ---------------------------------------------------------------- Gemini: ai.google.dev, thinking and models
_LOW_HIGH = ("LOW", "HIGH")
_TO_G_HIGH = ("LOW", "MEDIUM", "HIGH")
_FROM_MINIMAL = ("MINIMAL", "LOW", "MEDIUM", "HIGH")


def _gemini(window: int, output: int, *names: str, **dialect: Any) -> Family:
    return Family(names=names, dialects={"google_genai": dialect}, context_window=window, max_output=output)


# Before 3: an id on a call is a 400, a result is text, and tools go with no JSON type.
_BEFORE_3: dict[str, Any] = {"call_ids": False, "result_media": False, "tools_with_json": False}
_IN_2_5: dict[str, Any] = {"thinking": "budget", "link_media": True, **_BEFORE_3}
# From 3 on: the first call of a step must bring its signature, penalties are a 400, one candidate.
_FROM_3: dict[str, Any] = {
    "thinking": "level",
    "signatures": "required",
    "penalties": False,
    "candidates": False,
    "link_media": True,  # any https address in fileData, since January 2026
    "name_limit": 128,
}

_GEMINI = (
    _gemini(1_048_576, 65536, "gemini-*", **_FROM_3, levels=_TO_G_HIGH),  # unknown, the -latest names, 3.5 and later Pro
    _gemini(1_048_576, 8192, "gemini-1*", thinking="none", schemas="openapi", hosted_tools=("code_execution",), **_BEFORE_3),
    _gemini(1_048_576, 8192, "gemini-2.0*", thinking="none", hosted_tools=("web_search", "code_execution"), **_BEFORE_3),
    _gemini(1_048_576, 65536, "gemini-2.5-flash*", thinking_off=True, budget_min=1, budget_max=24576, **_IN_2_5),
    _gemini(1_048_576, 65536, "gemini-2.5-flash-lite*", thinking_off=True, budget_min=512, budget_max=24576, **_IN_2_5),
    _gemini(1_048_576, 65536, "gemini-2.5-pro*", thinking_off=False, budget_min=128, budget_max=32768, **_IN_2_5),
    _gemini(32768, 32768, "gemini-2.5-flash-image*", thinking="none", hosted_tools=(), **_BEFORE_3),
    _gemini(1_048_576, 65536, "gemini-3-pro*", **_FROM_3, levels=_LOW_HIGH),
    _gemini(1_048_576, 65536, "gemini-3.1-pro*", **_FROM_3, levels=_TO_G_HIGH),
    _gemini(1_048_576, 65536, "gemini-3-flash*", "gemini-3.1-flash*", "gemini-3.5-flash*", **_FROM_3, levels=_FROM_MINIMAL),
    # From 3.5 Flash-Lite and 3.6 Flash on temperature, topP and topK are read and ignored.
    _gemini(1_048_576, 65536, "gemini-3.5-flash-lite*", "gemini-3.6-flash*", **_FROM_3, levels=_FROM_MINIMAL, sampling=False),
    _gemini(1_048_576, 65536, "gemini-3.[7-9]-flash*", **_FROM_3, levels=_TO_G_HIGH, sampling=False),  # MINIMAL is a 400
    _gemini(128 * K, 8192, "gemma-*", thinking="none", hosted_tools=(), **_BEFORE_3),
)

# ---------------------------------------------------------------- open models, where a vendor's server treats them differently
_THINKERS = (
    "qwen3*",
    "qwq*",
    "deepseek-r1*",
    "deepseek-v3.[1-9]*",
    "deepseek-v4*",
    "magistral*",
    "glm-4.[5-9]*",
    "glm-5*",
    "kimi-k2-thinking*",
    "kimi-k2.[5-9]*",
    "minimax-m*",
    "gemma4*",
    "nemotron-3*",
    "cogito*",
)
_NOT_THINKERS = ("qwen3-coder*", "qwen3*instruct*", "qwen3-embedding*")

_OPEN = (
    # On Ollama effort for a model that does not think is a 400, and none is think: false.
    Family(
        names=_THINKERS,
        vendors=("ollama",),
        dialects={"openai_chat": {"efforts": _NONE_TO_HIGH}, "openai_responses": {"efforts": _NONE_TO_HIGH}},
    ),
    Family(
        names=_NOT_THINKERS,
        vendors=("ollama",),
        dialects={"openai_chat": {"efforts": ()}, "openai_responses": {"efforts": ()}, "anthropic": {"thinking": "none"}},
    ),
    # gpt-oss cannot be kept from thinking.
    Family(
        names=("gpt-oss*",),
        vendors=("ollama", "groq"),
        dialects={"openai_chat": {"efforts": _TO_HIGH}, "openai_responses": {"efforts": _TO_HIGH}},
        context_window=131_072,
    ),
    Family(
        names=("gpt-oss*",),
        dialects={"openai_chat": {"efforts": _TO_HIGH}, "openai_responses": {"efforts": _TO_HIGH}},
        context_window=131_072,
    ),
    Family(
        names=("llama3*", "llama-3*", "llama2*", "mistral*", "phi*", "gemma*", "llava*"),
        vendors=("ollama",),
        dialects={"anthropic": {"thinking": "none"}},
    ),
    # Groq's qwen thinks by default; its effort knows only none and default.
    Family(names=("qwen3*",), vendors=("groq",), dialects={"openai_chat": {"efforts": ("none",)}}),
    Family(
        names=("kimi-k2.[5-9]*", "kimi-k3*"),
        vendors=("moonshot",),
        dialects={"openai_chat": {"sampling": False, "penalties": False, "n": False}},
    ),
    # Small 4 and Medium 3.5 think on demand; magistral always does and has no knob. They take their thoughts back as content parts.
    Family(
        names=("mistral-small", "mistral-small-latest", "mistral-small-26*", "mistral-medium-3-5*", "mistral-medium-3.5*"),
        vendors=("mistral",),
        dialects={"openai_chat": {"efforts": ("none", "high"), "reasoning_back": "thinking"}},
    ),
    Family(names=("magistral*",), vendors=("mistral",), dialects={"openai_chat": {"reasoning_back": "thinking"}}),
    Family(
        names=("grok-4.3*",),
        vendors=("xai",),
        dialects={"openai_chat": {"efforts": _NONE_TO_HIGH}, "openai_responses": {"efforts": _NONE_TO_HIGH}},
    ),
    Family(
        names=("grok-4", "grok-4-*", "grok-4.1*", "grok-4.20*", "grok-code*"),
        vendors=("xai",),
        dialects={"openai_chat": {"efforts": ()}, "openai_responses": {"efforts": ()}},
    ),
    Family(
        names=("grok-3-mini*",),
        vendors=("xai",),
        dialects={"openai_chat": {"efforts": ("low", "high")}, "openai_responses": {"efforts": ("low", "high")}},
    ),
    Family(
        names=("grok-3", "grok-2*"),
        vendors=("xai",),
        dialects={
            "openai_chat": {"efforts": (), "penalties": True, "stop_limit": 4},
            "openai_responses": {"efforts": (), "encrypted": False},
        },
    ),
)

FAMILIES: tuple[Family, ...] = (*_CLAUDE, *_OPENAI, *_GEMINI, *_OPEN)
