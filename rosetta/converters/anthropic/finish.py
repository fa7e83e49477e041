"""Stop reasons, usage and service tiers, both directions: https://docs.claude.com/en/api/handling-stop-reasons."""

from __future__ import annotations

from typing import Any

from rosetta.converters.converter import Json
from rosetta.converters.fields import unknown
from rosetta.converters.losses import Losses
from rosetta.ir.parts import NO_EXTRAS
from rosetta.ir.response import Finish, FinishReason
from rosetta.ir.usage import NO_USAGE, Usage

STOP_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "context_window",
    "tool_use": "tool_calls",
    "refusal": "refusal",
    "pause_turn": "pause",
    "compaction": "compaction",
}
FINISH: dict[FinishReason, str] = {
    **{reason: word for word, reason in STOP_REASONS.items()},
    "content_filter": "refusal",
    "malformed_tool_call": "end_turn",
    "too_many_tool_calls": "end_turn",
    "other": "end_turn",
}

# A request's tiers, and the tiers that answers name: what Anthropic calls standard is OpenAI's default.
_REQUEST_TIERS = {"standard_only": "default"}
_REPLY_TIERS = {"standard": "default"}


# ------------------------------------------------------------------------------------------------------------------------------ finish


def decode_finish(raw: Any, sequence: Any, details: Any, *, called: bool) -> Finish:
    """Why the model stopped. Tool calls explain a plain end, and never hide another reason."""
    word = raw if type(raw) is str else None
    reason: FinishReason = "stop" if word is None else STOP_REASONS.get(word, "other")
    if called and reason == "stop":
        reason = "tool_calls"
    return Finish(reason, word, sequence if type(sequence) is str else None, details)


def encode_finish(finish: Finish | None, *, own: bool, called: bool, refused: bool = False) -> Json:
    """``stop_reason``, ``stop_sequence`` and, where there is one, ``stop_details``."""
    if finish is None:
        finish = Finish("stop")
    if own and finish.reason == "other" and finish.raw is not None:
        word = finish.raw
    else:
        word = FINISH[finish.reason]
        if refused and word == "end_turn":
            word = "refusal"
        elif called and word == "end_turn":
            word = "tool_use"
        elif not called and word == "tool_use":
            word = "end_turn"
    value: Json = {"stop_reason": word, "stop_sequence": finish.sequence if finish.reason == "stop_sequence" else None}
    if own and finish.details is not None:
        value["stop_details"] = finish.details
    return value


def finish_losses(finish: Finish | None, losses: Losses, *, own: bool) -> None:
    """Reasons that this wire has no word for."""
    if own or finish is None:
        return
    if finish.reason in {"other", "malformed_tool_call", "too_many_tool_calls"}:
        losses.approximated("finish", detail=finish.raw or finish.reason)
    elif finish.details is not None:
        losses.approximated("finish", detail="its details")


# ------------------------------------------------------------------------------------------------------------------------------ usage


def _count(value: Any) -> int | None:
    return max(value, 0) if type(value) is int else None


_KNOWN = frozenset(
    {
        "input_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_creation",
        "output_tokens",
        "output_tokens_details",
        "server_tool_use",
        "service_tier",
    }
)
_DETAILS = frozenset({"thinking_tokens"})
_LIFETIMES = frozenset({"ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"})


def decode_usage(value: Any) -> Usage:
    """Counts. ``input_tokens`` excludes what was read from and written to the cache; ``output_tokens`` includes thoughts."""
    if type(value) is not dict:
        return NO_USAGE
    split = value.get("cache_creation")
    short = long = None
    if type(split) is dict:
        short, long = _count(split.get("ephemeral_5m_input_tokens")), _count(split.get("ephemeral_1h_input_tokens"))
    extras = {key: found for key, found in value.items() if key not in _KNOWN and found is not None}
    details, tools = value.get("output_tokens_details"), value.get("server_tool_use")
    if type(split) is dict:
        extras.update({f"cache_creation.{key}": found for key, found in unknown(split, _LIFETIMES).items()})
    if type(details) is dict:
        extras.update({f"output_tokens_details.{key}": found for key, found in unknown(details, _DETAILS).items()})
    if type(tools) is dict:
        extras.update({f"server_tool_use.{key}": found for key, found in tools.items() if type(found) is not int and found is not None})
    written = _count(value.get("cache_creation_input_tokens"))
    if written is None and (short is not None or long is not None):
        written = (short or 0) + (long or 0)
    return Usage(
        input_uncached=_count(value.get("input_tokens")),
        cache_read=_count(value.get("cache_read_input_tokens")),
        cache_write=written,
        cache_write_long=long,
        output_total=_count(value.get("output_tokens")),
        reasoning=_count(details.get("thinking_tokens")) if type(details) is dict else None,
        server_tools={name: count for name, count in tools.items() if type(count) is int} if type(tools) is dict else None,
        extras=extras or NO_EXTRAS,
    )


def encode_usage(usage: Usage, *, own: bool, estimate: int = 0, final: bool = False) -> Json:
    """Counts as a client reads them. ``estimate`` stands in for an input that nobody counted: a zero would keep Claude Code from compacting.
    ``final``: for ``message_delta``, whose values replace those of ``message_start`` and which has no split of cache writes."""
    value: Json = {}
    if usage.input_uncached is not None or usage.tool_prompt is not None:
        value["input_tokens"] = (usage.input_uncached or 0) + (usage.tool_prompt or 0)
    elif not final:
        value["input_tokens"] = estimate
    if usage.cache_write is not None:
        value["cache_creation_input_tokens"] = usage.cache_write
    if usage.cache_read is not None:
        value["cache_read_input_tokens"] = usage.cache_read
    if usage.cache_write_long is not None and not final:
        written = usage.cache_write or 0
        value["cache_creation"] = {
            "ephemeral_5m_input_tokens": max(written - usage.cache_write_long, 0),
            "ephemeral_1h_input_tokens": usage.cache_write_long,
        }
    value["output_tokens"] = usage.output_total or 0
    if usage.reasoning is not None:
        value["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    if usage.server_tools:
        value["server_tool_use"] = dict(usage.server_tools)
    if own:
        for key, found in usage.extras.items():
            group, _, name = key.partition(".")
            if not name:
                value[key] = found
            elif not (final and group == "cache_creation"):
                value.setdefault(group, {})[name] = found
    return value


def usage_losses(usage: Usage, losses: Losses, *, own: bool) -> None:
    """Counts that this wire has no word for: one Loss for all of them."""
    unsaid = [
        field
        for field in ("input_audio", "output_audio", "accepted_prediction", "rejected_prediction")
        if getattr(usage, field)  # zeros say nothing
    ]
    if not own:
        unsaid.extend(usage.extras)
    if unsaid:
        losses.dropped("usage", detail=", ".join(unsaid))


# ------------------------------------------------------------------------------------------------------------------------------ tiers


def decode_tier(value: str | None) -> str | None:
    """A request's tier in OpenAI's words."""
    return None if value is None else _REQUEST_TIERS.get(value, value)


def encode_tier(value: str, *, own: bool) -> str | None:
    """A request's tier; None when there is none like it."""
    if value in {"default", "standard", "standard_only"}:
        return "standard_only"
    return value if own or value == "auto" else None


def decode_reply_tier(value: Any) -> str | None:
    """The tier that served, in OpenAI's words."""
    return _REPLY_TIERS.get(value, value) if type(value) is str else None


def encode_reply_tier(value: str | None, *, own: bool) -> str | None:
    """The tier that served, in Anthropic's words; None when they have none."""
    if value == "default":
        return "standard"
    return value if own or value in {"standard", "priority", "batch"} else None
