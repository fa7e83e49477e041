"""What models accept: the rows as facts, and how they are joined."""

from __future__ import annotations

from typing import Any

import pytest

from rosetta.converters import CONVERTERS
from rosetta.ir.parts import FORMATS, Format
from rosetta.providers import models
from rosetta.providers.catalog import GENERIC, VENDORS
from rosetta.providers.families import FAMILIES, Family


def _spoken(pattern: str) -> str:
    """A name that the pattern matches."""
    return (
        pattern.replace("[1-9]", "1")
        .replace("[5-9]", "5")
        .replace("[6-9]", "6")
        .replace("[7-9]", "7")
        .replace("[45]", "4")
        .replace("*", "-x")
    )


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"{family.names[0]}@{'+'.join(family.vendors) or 'any'}")
def test_every_row_makes_its_dialect_on_each_of_its_vendors(family: Family) -> None:
    """A typo in a row, in a field or a value, is found here and not by a user."""
    assert set(family.vendors) <= {*VENDORS, GENERIC}
    for format in family.dialects:
        for vendor in family.vendors or VENDORS:
            for pattern in family.names:
                assert isinstance(models.dialect(format, vendor, _spoken(pattern), {}), CONVERTERS[format].dialect)  # type: ignore[arg-type]  # a Struct


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-opus-4-5-20251101", "claude-opus-4-5"),
        ("anthropic/claude-opus-4.5", "claude-opus-4-5"),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", "claude-opus-4-5"),
        ("claude-opus-4-5@20251101", "claude-opus-4-5"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
        ("claude-opus-4-6[1m]", "claude-opus-4-6"),
        ("gpt-5-2025-08-07", "gpt-5"),
        ("openai/gpt-5.6-sol", "gpt-5.6-sol"),
        ("deepseek/deepseek-v4:free", "deepseek-v4"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("qwen3:8b", "qwen3:8b"),
        ("Qwen/Qwen3-8B", "qwen3-8b"),
    ],
)
def test_a_model_has_many_names_and_one_row(model: str, expected: str) -> None:
    """Vendors in front, snapshots behind and routers' variants do not make another model."""
    assert expected == models.plain(model)


@pytest.mark.parametrize(
    ("model", "facts"),
    [
        ("claude-3-5-sonnet-20241022", {"thinking": "none", "prefill": True, "output_format": False, "max_output": 8192, "efforts": ()}),
        ("claude-3-7-sonnet-latest", {"thinking": "budget", "strict": False}),
        ("claude-sonnet-4-20250514", {"thinking": "budget", "prefill": True, "max_output": 64000, "sampling": True}),
        ("claude-opus-4-1", {"thinking": "budget", "max_output": 32000, "output_format": True}),
        ("claude-haiku-4-5", {"thinking": "budget", "efforts": (), "display": False, "prefill": True}),
        ("claude-opus-4-5", {"thinking": "budget", "efforts": ("low", "medium", "high")}),
        ("claude-sonnet-4-6", {"thinking": "adaptive", "sampling": True, "prefill": False, "efforts": ("low", "medium", "high", "max")}),
        ("claude-opus-4-7", {"thinking": "adaptive", "sampling": False, "mid_system": False, "thinking_off": True}),
        ("claude-opus-4-8", {"mid_system": True, "forced_tools": True}),
        ("claude-sonnet-5", {"thinking": "adaptive", "mid_system": None, "max_output": 128000}),
        ("claude-opus-5-20260724", {"thinking": "adaptive", "thinking_off": True, "mid_system": True}),
        ("claude-opus-5-5", {"thinking": "always", "thinking_off": False, "forced_tools": False, "sampling": False, "mid_system": True}),
        ("claude-sonnet-5-5", {"thinking": "always", "thinking_off": False, "forced_tools": False}),
        ("claude-haiku-5-5", {"thinking": "adaptive", "thinking_off": True, "forced_tools": True}),
        ("claude-fable-5", {"thinking": "always"}),
        ("claude-mythos-5-1", {"thinking": "always"}),
        ("claude-opus-7", {"thinking": "always", "sampling": False}),
    ],
)
def test_each_claude_thinks_in_its_own_way(model: str, facts: dict[str, Any]) -> None:
    """The groups of platform.claude.com; one that is not listed is newer, and gets the strict manner."""
    dialect = models.dialect("anthropic", "anthropic", model, {})
    assert facts == {name: getattr(dialect, name) for name in facts}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-3-5-sonnet-20241022", True),
        ("claude-sonnet-4-20250514", True),
        ("claude-opus-4-0", True),
        ("claude-opus-4-1-20250805", False),
        ("claude-sonnet-4-5", False),
        ("claude-haiku-4-5", False),
        ("claude-opus-4-5", False),
        ("claude-opus-4-6", False),
        ("claude-sonnet-4-6[1m]", False),
    ],
)
def test_from_opus_4_1_on_a_claude_takes_temperature_or_top_p(model: str, expected: bool) -> None:
    """Both in one request are a 400 there; from 4.7 on each of them is."""
    assert expected == models.dialect("anthropic", "anthropic", model, {}).temperature_with_top_p


@pytest.mark.parametrize(
    ("model", "facts"),
    [
        ("gpt-4o", {"efforts": (), "sampling": True, "system_role": "system", "stop_limit": 4, "custom_tools": False}),
        ("gpt-4.1-mini", {"efforts": (), "sampling": True}),
        ("gpt-4", {"output": "none", "images": False}),
        ("gpt-4o-audio-preview", {"audio": True}),
        ("o3-mini", {"efforts": ("low", "medium", "high"), "sampling": False, "parallel_tool_calls": False, "stop_limit": 0}),
        (
            "gpt-5",
            {"efforts": ("minimal", "low", "medium", "high"), "system_role": "developer", "custom_tools": True, "cache_marks": "none"},
        ),
        ("gpt-5-chat-latest", {"efforts": (), "sampling": True}),
        ("gpt-5.1", {"efforts": ("none", "low", "medium", "high"), "tools_with_reasoning": True}),
        ("gpt-5.4", {"efforts": ("none", "low", "medium", "high", "xhigh"), "tools_with_reasoning": False}),
        ("gpt-5.6-terra", {"efforts": ("none", "low", "medium", "high", "xhigh", "max"), "cache_marks": "breakpoint"}),
        ("gpt-6-astra", {"efforts": ("low", "medium", "high", "xhigh", "max"), "tools_with_reasoning": False}),
        ("gpt-6-sol", {"efforts": ("none", "low", "medium", "high", "xhigh", "max")}),
        ("gpt-6.1-sol", {"efforts": ("low", "medium", "high", "xhigh", "max")}),
    ],
)
def test_openai_models_refuse_different_things_on_chat(model: str, facts: dict[str, Any]) -> None:
    """Reasoning models take max_completion_tokens, a developer message and their own levels of effort, and no sampling."""
    dialect = models.dialect("openai_chat", "openai", model, {})
    assert "max_completion_tokens" == dialect.max_tokens_field
    assert facts == {name: getattr(dialect, name) for name in facts}


def test_what_does_not_reason_has_nothing_to_encrypt() -> None:
    """reasoning.encrypted_content in include is a 400 with gpt-4o; phases and namespaces came with gpt-5.4."""
    old = models.dialect("openai_responses", "openai", "gpt-4o", {})
    new = models.dialect("openai_responses", "openai", "gpt-5.6-sol", {})
    assert (False, False, False, True) == (old.encrypted, old.phases, old.namespaces, old.sampling)
    assert (True, True, True, False) == (new.encrypted, new.phases, new.namespaces, new.sampling)


def test_a_gpt_behind_an_unknown_server_keeps_its_nature_but_not_openais_house_rules() -> None:
    """Such a server may be a proxy that takes tools with reasoning, or a developer message amiss."""
    dialect = models.dialect("openai_chat", GENERIC, "gpt-5.6", {})
    assert ("max_completion_tokens", False) == (dialect.max_tokens_field, dialect.sampling)
    assert ("system", True) == (dialect.system_role, dialect.tools_with_reasoning)


@pytest.mark.parametrize(
    ("model", "facts"),
    [
        ("gemini-2.0-flash", {"thinking": "none", "call_ids": False, "link_media": False}),
        ("gemini-2.5-flash", {"thinking": "budget", "thinking_off": True, "call_ids": False, "penalties": True}),
        ("gemini-2.5-pro", {"thinking": "budget", "thinking_off": False, "budget_min": 128, "budget_max": 32768}),
        ("gemini-3-pro-preview", {"levels": ("LOW", "HIGH"), "signatures": "required", "penalties": False}),
        ("gemini-3-flash-preview", {"levels": ("MINIMAL", "LOW", "MEDIUM", "HIGH"), "call_ids": True}),
        ("gemini-3.5-flash-lite", {"levels": ("MINIMAL", "LOW", "MEDIUM", "HIGH"), "sampling": False}),
        ("gemini-3.8-flash", {"levels": ("LOW", "MEDIUM", "HIGH"), "sampling": False, "link_media": True}),
        ("gemini-flash-latest", {"thinking": "level", "signatures": "required"}),
    ],
)
def test_gemini_counts_tokens_up_to_2_5_and_knows_levels_from_3(model: str, facts: dict[str, Any]) -> None:
    """Level and budget together are a 400, and so is an id on a call before 3."""
    dialect = models.dialect("google_genai", "google", model, {})
    assert facts == {name: getattr(dialect, name) for name in facts}


def test_ollama_is_only_asked_to_think_with_models_that_can() -> None:
    """Effort for another model is an error there, and gpt-oss cannot be told not to think."""

    def efforts(model: str) -> object:
        return models.dialect("openai_chat", "ollama", model, {}).efforts

    assert ("none", "low", "medium", "high") == efforts("qwen3:8b")
    assert ("low", "medium", "high") == efforts("gpt-oss:20b")
    assert () == efforts("llama3.2")
    assert () == efforts("qwen3-coder:30b")
    assert () == efforts("my-own-model")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("mistral-small-2603", (("none", "high"), "thinking")),
        ("mistral-medium-3-5", (("none", "high"), "thinking")),
        ("magistral-medium-2509", ((), "thinking")),
        ("mistral-large-2512", ((), "none")),
    ],
)
def test_mistrals_that_think_take_their_thoughts_back(model: str, expected: tuple[tuple[str, ...], str]) -> None:
    """As content parts; without them the next step does not know the last one's reasons."""
    dialect = models.dialect("openai_chat", "mistral", model, {})
    assert expected == (dialect.efforts, dialect.reasoning_back)


@pytest.mark.parametrize(
    ("vendor", "format", "facts"),
    [
        ("openai", "openai_chat", {"max_tokens_field": "max_completion_tokens", "reasoning_back": "none", "mid_system": "keep"}),
        ("azure", "openai_chat", {"max_tokens_field": "max_completion_tokens", "reasoning_back": "none", "mid_system": "keep"}),
        ("ollama", "openai_chat", {"max_tokens_field": "max_tokens", "reasoning_back": "reasoning"}),
        ("vllm", "openai_chat", {"max_tokens_field": "max_tokens", "reasoning_back": "reasoning"}),
        ("llamacpp", "openai_chat", {"max_tokens_field": "max_tokens", "reasoning_back": "reasoning_content"}),
        ("lmstudio", "openai_chat", {"max_tokens_field": "max_tokens", "reasoning_back": "reasoning_content"}),
        (
            "openrouter",
            "openai_chat",
            {"reasoning_form": "reasoning", "reasoning_back": "reasoning_details", "cache_marks": "cache_control"},
        ),
        ("deepseek", "openai_chat", {"max_tokens_field": "max_tokens", "reasoning_back": "reasoning_content"}),
        ("groq", "openai_chat", {"max_tokens_field": "max_completion_tokens", "reasoning_back": "reasoning"}),
        ("xai", "openai_chat", {"max_tokens_field": "max_completion_tokens", "reasoning_back": "reasoning_content"}),
        ("together", "openai_chat", {"max_tokens_field": "max_tokens", "reasoning_back": "reasoning"}),
        ("fireworks", "openai_chat", {"max_tokens_field": "max_tokens", "reasoning_back": "reasoning_content"}),
        ("mistral", "openai_chat", {"max_tokens_field": "max_tokens", "call_ids": "mistral", "after_tool_user": False}),
        ("google", "openai_chat", {"thought_signatures": True, "reasoning_back": "none"}),
        ("vllm", "openai_responses", {"encrypted": False, "rewrite": "needed"}),
        ("ollama", "openai_responses", {"encrypted": False, "rewrite": True, "namespaces": False}),
        ("ollama", "anthropic", {"rewrite": True, "url_sources": False, "forced_tools": False}),
        ("openai", "openai_responses", {"namespaces": True, "custom_tools": True, "encrypted": True}),
        ("anthropic", "anthropic", {"undeclared_calls": False, "version": "2023-06-01"}),
    ],
)
def test_what_each_house_wants_of_an_unknown_model(vendor: str, format: Format, facts: dict[str, Any]) -> None:
    """The facts that a wrong row breaks every call by; only OpenAI's own reasoning models know the developer role."""
    dialect = models.dialect(format, vendor, "some-model", {})
    assert facts == {name: getattr(dialect, name) for name in facts}
    assert "system" == getattr(dialect, "system_role", "system")


def test_a_claude_by_name_alone_is_none() -> None:
    """``ollama cp qwen3-coder claude-sonnet-4`` is the documented way to fool a client: the vendor's row counts there."""
    assert not models.dialect("anthropic", "ollama", "claude-opus-4-8", {}).mid_system


@pytest.mark.parametrize(
    ("vendor", "model", "has_tools", "expected"),
    [
        ("openai", "gpt-5.6", True, ("openai_responses",)),
        ("openai", "gpt-5.4-mini", True, ("openai_responses",)),
        ("openai", "gpt-6-sol", True, ("openai_responses",)),
        ("azure", "gpt-5.5", True, ("openai_responses",)),
        ("openai", "gpt-5.2-codex", False, ("openai_responses",)),
        ("openai", "o3-pro", True, ("openai_responses",)),
    ],
)
def test_some_models_are_served_on_one_wire_alone(vendor: str, model: str, has_tools: bool, expected: tuple[Format, ...]) -> None:
    """OpenAI refuses function tools on chat from gpt-5.4 on, and serves the pro and codex models on Responses only."""
    assert expected == models.formats(vendor, model, has_tools)


@pytest.mark.parametrize(
    ("vendor", "model", "has_tools"), [("openai", "gpt-5.6", False), ("openai", "gpt-4o", True), ("openai", "gpt-5.1", True)]
)
def test_other_models_leave_the_choice(vendor: str, model: str, has_tools: bool) -> None:
    """The vendor's preferred wire stands first, and none is missing: a user may have said that the provider speaks more."""
    assert ("openai_responses", "openai_chat") == models.formats(vendor, model, has_tools)[:2]
    assert set(FORMATS) == set(models.formats(vendor, model, has_tools))
    assert set(FORMATS) == set(models.formats(GENERIC, "gpt-5.6", True))


def test_the_users_word_counts_last() -> None:
    """Over the format's defaults, the vendor's row and the model's row."""
    dialect = models.dialect("openai_chat", "openai", "gpt-5.6", {"efforts": ["low"], "system_role": "system"})
    assert (("low",), "system", "max_completion_tokens") == (dialect.efforts, dialect.system_role, dialect.max_tokens_field)


def test_a_provider_of_two_wires_may_say_something_of_one() -> None:
    """Under the wire's name, or flat: a field that only the other wire has is meant for that one."""
    said = {"openai_responses": {"sampling": True}, "max_tokens_field": "max_tokens"}
    assert models.dialect("openai_responses", "openai", "gpt-5.6", said).sampling
    chat = models.dialect("openai_chat", "openai", "gpt-5.6", said)
    assert ("max_tokens", False) == (chat.max_tokens_field, chat.sampling)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"max_token_field": "max_tokens"}, "did you mean 'max_tokens_field'"),
        ({"openai_chat": {"stop_limits": 1}}, "did you mean 'stop_limit'"),
        ({"stop_limit": "four"}, "stop_limit: Expected `int`, got `str`"),
        ({"system_role": "boss"}, "system_role: Invalid enum value 'boss'"),
        ({"zzz": 1}, "it has after_tool_user, "),
    ],
)
def test_a_wrong_override_is_named_with_the_nearest_right_one(overrides: dict[str, Any], words: str) -> None:
    """Field and value."""
    with pytest.raises(ValueError, match="dialect") as caught:
        models.dialect("openai_chat", "openai", "gpt-5", overrides)
    assert words in str(caught.value)


def test_at_start_up_a_field_of_a_wire_that_the_provider_does_not_speak_is_an_error() -> None:
    """Later it would be passed over in silence."""
    models.check_overrides(("openai_chat", "anthropic"), {"mid_system": "keep"} and {"prefill": True, "stop_limit": 2})
    with pytest.raises(ValueError, match=r"dialect.stop_limit: anthropic has no such field"):
        models.check_overrides(("anthropic",), {"stop_limit": 2})


def test_windows_are_told_where_they_are_known() -> None:
    """In tokens; an unknown model has none."""
    assert (200_000, 64_000) == models.limits("anthropic", "claude-haiku-4-5-20251001")
    assert 1_050_000 == models.limits("openai", "gpt-6-sol").context_window
    assert (None, None) == models.limits("ollama", "llama3.2")


def test_a_name_of_a_megabyte_is_nobodys() -> None:
    """Names come from clients: a long one is neither matched nor kept."""
    long = "gpt-5" + "x" * 1_000_000
    assert models.dialect("openai_chat", "openai", long, {}) == models.dialect("openai_chat", "openai", "", {})
    assert models.formats("openai", long, True) == models.formats("openai", "", True)
