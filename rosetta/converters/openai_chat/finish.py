"""Finish reasons and usage, both directions: https://platform.openai.com/docs/api-reference/chat/object."""

from __future__ import annotations

from typing import Any

from rosetta.converters.converter import Json
from rosetta.converters.losses import Losses
from rosetta.ir.parts import NO_EXTRAS
from rosetta.ir.response import Finish, FinishReason
from rosetta.ir.usage import NO_USAGE, Usage

FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    # what other servers say
    "max_tokens": "length",
    "model_length": "length",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "safety": "content_filter",
}
WORDS: dict[FinishReason, str] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "context_window": "length",
    "tool_calls": "tool_calls",
    "refusal": "content_filter",
    "content_filter": "content_filter",
    "pause": "length",
    "compaction": "length",
    "malformed_tool_call": "stop",
    "too_many_tool_calls": "tool_calls",
    "other": "stop",
}
_NEAR = frozenset({"context_window", "pause", "compaction", "malformed_tool_call", "too_many_tool_calls", "other"})
_USAGE = frozenset(
    {
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
        "prompt_cache_hit_tokens",
        "prompt_cache_miss_tokens",
    }
)


def decode_finish(word: Any, *, called: bool, refused: bool = False) -> Finish:
    """Why the model stopped. Ollama and Google's endpoint say ``stop`` with calls: then the calls are the reason. They never hide ``length``."""
    if type(word) is not str:
        return Finish("tool_calls" if called else "stop")
    reason = FINISH.get(word.lower(), "other")
    if called and reason in ("stop", "other"):
        return Finish("tool_calls", word)
    if refused and reason == "stop":
        return Finish("refusal", word)
    return Finish(reason, word)


def encode_finish(finish: Finish | None, *, called: bool, refused: bool, own: bool, losses: Losses) -> str:
    """The word for it. A refusal in words keeps ``stop``, as OpenAI itself does."""
    if finish is None:
        return "tool_calls" if called else "stop"
    known = own and finish.raw in FINISH  # other servers' words for what this wire has a word for
    if not known and (finish.reason in _NEAR or finish.sequence is not None):
        losses.approximated("finish", detail=finish.sequence or finish.raw or finish.reason)
    elif finish.details is not None:
        losses.approximated("finish", detail="its details")
    if finish.reason == "refusal" and refused:
        return "stop"
    if finish.reason == "too_many_tool_calls" and not called:
        return "stop"
    return WORDS[finish.reason]


_PROMPT, _COMPLETION = "prompt_tokens_details", "completion_tokens_details"
_PROMPT_KNOWN = frozenset({"cached_tokens", "cache_write_tokens", "audio_tokens"})
_COMPLETION_KNOWN = frozenset({"reasoning_tokens", "audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"})


def _count(value: Any) -> int | None:
    if type(value) is float and value.is_integer():
        value = int(value)
    return max(value, 0) if type(value) is int else None


def _details(value: Any) -> Json:
    return value if type(value) is dict else {}


def decode_usage(value: Any) -> Usage:
    """Counts: ``prompt_tokens`` includes the cache, ``completion_tokens`` the reasoning, except where the total says that it does not (xAI). DeepSeek
    tells cache hits by a field of its own."""
    if type(value) is not dict:
        return NO_USAGE
    total = _count(value.get("prompt_tokens"))
    prompt, completion = _details(value.get(_PROMPT)), _details(value.get(_COMPLETION))
    read = _count(prompt.get("cached_tokens"))
    if read is None:
        read = _count(value.get("prompt_cache_hit_tokens"))
    write = _count(prompt.get("cache_write_tokens"))
    output, reasoning = _count(value.get("completion_tokens")), _count(completion.get("reasoning_tokens"))
    if reasoning and output is not None and (total or 0) + output + reasoning == _count(value.get("total_tokens")):
        output += reasoning
    return Usage(
        input_uncached=None if total is None else max(total - (read or 0) - (write or 0), 0),
        cache_read=read,
        cache_write=write,
        output_total=output,
        reasoning=reasoning,
        input_audio=_count(prompt.get("audio_tokens")),
        output_audio=_count(completion.get("audio_tokens")),
        accepted_prediction=_count(completion.get("accepted_prediction_tokens")),
        rejected_prediction=_count(completion.get("rejected_prediction_tokens")),
        extras=_unknown_counts(value, prompt, completion),
    )


def _unknown_counts(value: Json, prompt: Json, completion: Json) -> dict[str, Any]:
    if value.keys() <= _USAGE and prompt.keys() <= _PROMPT_KNOWN and completion.keys() <= _COMPLETION_KNOWN:
        return NO_EXTRAS
    extras = {key: found for key, found in value.items() if key not in _USAGE and found is not None}
    for place, details, known in ((_PROMPT, prompt, _PROMPT_KNOWN), (_COMPLETION, completion, _COMPLETION_KNOWN)):
        extras.update({f"{place}.{key}": found for key, found in details.items() if key not in known and found is not None})
    return extras or NO_EXTRAS


def encode_usage(usage: Usage, *, own: bool) -> Json | None:
    """Counts as a client reads them; None when nobody counted."""
    if usage is NO_USAGE or (usage.input_uncached is None and not usage.input_total and usage.output_total is None):
        return None
    total, output = usage.input_total, usage.output_total or 0
    prompt = _said(cached_tokens=usage.cache_read, cache_write_tokens=usage.cache_write, audio_tokens=usage.input_audio)
    completion = _said(
        reasoning_tokens=usage.reasoning,
        audio_tokens=usage.output_audio,
        accepted_prediction_tokens=usage.accepted_prediction,
        rejected_prediction_tokens=usage.rejected_prediction,
    )
    value: Json = {
        "prompt_tokens": total,
        "completion_tokens": output,
        "total_tokens": total + output,
    }
    if prompt:
        value[_PROMPT] = prompt
    if completion:
        value[_COMPLETION] = completion
    if own:
        for key, found in usage.extras.items():
            outer, _, inner = key.partition(".")
            if inner:
                value[outer] = {**value.get(outer, {}), inner: found}
            else:
                value[key] = found
    return value


def _said(**counts: int | None) -> Json:
    return {name: count for name, count in counts.items() if count is not None}


def usage_losses(usage: Usage, losses: Losses, *, own: bool) -> None:
    """Counts that this wire has no word for: one Loss for all of them."""
    unsaid = ["server_tools"] if usage.server_tools and any(usage.server_tools.values()) else []
    if usage.cache_write_long:
        unsaid.append("cache_write_long")
    if not own:
        unsaid.extend(key for key, found in usage.extras.items() if found not in (0, None))
    if unsaid:
        losses.dropped("usage", detail=", ".join(unsaid))
