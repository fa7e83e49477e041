"""Statuses, usage and the echo of the request, both directions: https://platform.openai.com/docs/api-reference/responses/object.

This wire has no stop reasons: a ``status``, and for ``incomplete`` a reason. A response with calls is ``completed``.
"""

from __future__ import annotations

from typing import Any

from rosetta.converters.converter import Json
from rosetta.converters.losses import Losses
from rosetta.ir.parts import NO_EXTRAS
from rosetta.ir.response import Finish, FinishReason
from rosetta.ir.usage import NO_USAGE, Usage

REASONS: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}
"""``incomplete_details.reason`` -> why the model stopped."""

INCOMPLETE: dict[FinishReason, str] = {
    "length": "max_output_tokens",
    "context_window": "max_output_tokens",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "pause": "max_output_tokens",
    "compaction": "max_output_tokens",
}
"""What leaves an answer incomplete, and the reason that is told. A refusal in words is complete."""

_UNSAID: frozenset[FinishReason] = frozenset({"too_many_tool_calls", "other"})
_NEAR: frozenset[FinishReason] = frozenset({"pause", "compaction", "malformed_tool_call"})


# ------------------------------------------------------------------------------------------------------------------------ finish


def decode_finish(status: Any, details: Any, *, called: bool, refused: bool) -> Finish | None:
    """Why the model stopped; None while it has not. Calls and words of refusal explain a plain end, and never hide another reason."""
    word = status if type(status) is str else None
    if word in {"queued", "in_progress"}:
        return None
    found = details.get("reason") if type(details) is dict else None
    reason = found if type(found) is str else None
    if word == "incomplete" or reason in REASONS:  # some servers call an answer completed that they cut
        if reason is None:
            return Finish("other", word)
        return Finish(REASONS.get(reason, "other"), reason)
    if called:
        return Finish("tool_calls", word)
    return Finish("refusal" if refused else "stop", word)


def encode_finish(finish: Finish | None, *, own: bool, refused: bool, empty: bool, losses: Losses) -> tuple[str, str | None]:
    """``status`` and, for an incomplete answer, the reason. A malformed call and nothing else is ``failed``."""
    if finish is None:
        return "completed", None
    if finish.reason in _NEAR or (not own and (finish.reason in _UNSAID or finish.sequence is not None)):
        losses.approximated("finish", detail=finish.sequence or finish.raw or finish.reason)
    elif not own and finish.details is not None:
        losses.approximated("finish", detail="its details")
    if finish.reason == "malformed_tool_call":
        return ("failed" if empty else "completed"), None
    if own and finish.reason == "other" and finish.raw not in (None, "completed"):
        return "incomplete", None if finish.raw == "incomplete" else finish.raw
    if finish.reason == "refusal" and refused:
        return "completed", None
    reason = INCOMPLETE.get(finish.reason)
    return ("completed", None) if reason is None else ("incomplete", reason)


# ------------------------------------------------------------------------------------------------------------------------ usage


def _count(value: Any) -> int | None:
    if type(value) is float and value.is_integer():
        value = int(value)
    return max(value, 0) if type(value) is int else None


def _details(value: Any) -> Json:
    return value if type(value) is dict else {}


_KNOWN = frozenset({"input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details", "total_tokens"})


_DETAILS = {
    "input_tokens_details": {"cached_tokens", "cache_write_tokens", "cache_write_tokens_details", "audio_tokens"},
    "output_tokens_details": {"reasoning_tokens", "audio_tokens"},
}


def decode_usage(value: Any) -> Usage:
    """Counts. ``input_tokens`` includes what was read from and written to the cache; ``output_tokens`` includes reasoning."""
    if type(value) is not dict:
        return NO_USAGE
    total = _count(value.get("input_tokens"))
    details, output = _details(value.get("input_tokens_details")), _details(value.get("output_tokens_details"))
    read, write = _count(details.get("cached_tokens")), _count(details.get("cache_write_tokens"))
    return Usage(
        input_uncached=None if total is None else max(total - (read or 0) - (write or 0), 0),
        cache_read=read,
        cache_write=write,
        cache_write_long=_count(_details(details.get("cache_write_tokens_details")).get("ttl_12h_tokens")),
        output_total=_count(value.get("output_tokens")),
        reasoning=_count(output.get("reasoning_tokens")),
        input_audio=_count(details.get("audio_tokens")),
        output_audio=_count(output.get("audio_tokens")),
        extras=_extras(value) or NO_EXTRAS,
    )


def _extras(value: Json) -> dict[str, Any]:
    """The counts that nobody knows, those of the details under ``input_tokens_details.name``."""
    extras = {key: found for key, found in value.items() if key not in _KNOWN and found is not None}
    for group, known in _DETAILS.items():
        extras |= {f"{group}.{key}": found for key, found in _details(value.get(group)).items() if key not in known and found is not None}
    return extras


def encode_usage(usage: Usage, *, own: bool) -> Json | None:
    """Counts as a client reads them, the details always there; None when nobody counted."""
    if usage is NO_USAGE or (not usage.input_total and usage.input_uncached is None and usage.output_total is None):
        return None
    total, output = usage.input_total, usage.output_total or 0
    details: Json = {"cached_tokens": usage.cache_read or 0, "cache_write_tokens": usage.cache_write or 0}
    if usage.cache_write_long is not None:
        details["cache_write_tokens_details"] = {
            "ttl_30m_tokens": max((usage.cache_write or 0) - usage.cache_write_long, 0),
            "ttl_12h_tokens": usage.cache_write_long,
        }
    value: Json = {
        "input_tokens": total,
        "input_tokens_details": details,
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": total + output,
    }
    if own:
        for key, found in usage.extras.items():
            group, _, inner = key.partition(".")
            if inner:
                value[group][inner] = found
            else:
                value[key] = found
    return value


def usage_losses(usage: Usage, losses: Losses, *, own: bool) -> None:
    """Counts that this wire has no word for: one Loss for all of them."""
    fields = ("input_audio", "output_audio", "accepted_prediction", "rejected_prediction", "server_tools")
    unsaid = [field for field in fields if getattr(usage, field)]
    if not own:
        unsaid.extend(usage.extras)
    if unsaid:
        losses.dropped("usage", detail=", ".join(unsaid))
