"""Finish reasons and usage, both directions: https://ai.google.dev/api/generate-content#FinishReason."""

from __future__ import annotations

from typing import Any

from rosetta.converters.converter import Json
from rosetta.converters.losses import Losses
from rosetta.ir.parts import NO_EXTRAS
from rosetta.ir.response import Finish, FinishReason
from rosetta.ir.usage import NO_USAGE, Usage

FINISH: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "JAILBREAK": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "IMAGE_OTHER": "content_filter",
    "MALFORMED_FUNCTION_CALL": "malformed_tool_call",
    "UNEXPECTED_TOOL_CALL": "malformed_tool_call",
    "MALFORMED_RESPONSE": "malformed_tool_call",
    "MISSING_THOUGHT_SIGNATURE": "malformed_tool_call",
    "TOO_MANY_TOOL_CALLS": "too_many_tool_calls",
    "CONTINUATION": "pause",
}
WORDS: dict[FinishReason, str] = {
    "stop": "STOP",
    "stop_sequence": "STOP",
    "length": "MAX_TOKENS",
    "context_window": "MAX_TOKENS",
    "tool_calls": "STOP",
    "refusal": "SAFETY",
    "content_filter": "SAFETY",
    "pause": "CONTINUATION",
    "compaction": "MAX_TOKENS",
    "malformed_tool_call": "MALFORMED_FUNCTION_CALL",
    "too_many_tool_calls": "TOO_MANY_TOOL_CALLS",
    "other": "OTHER",
}
_NEAR = frozenset({"context_window", "compaction", "other"})
_USAGE = frozenset(
    {
        "promptTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
        "toolUsePromptTokenCount",
        "cachedContentTokenCount",
        "totalTokenCount",
    }
)


def decode_finish(word: Any, message: Any, *, called: bool, empty: bool) -> Finish:
    """Why the model stopped. Calls end with STOP here; they never hide another reason. OTHER without any content is a filter."""
    if type(word) is not str:
        return Finish("tool_calls" if called else "stop")
    reason = FINISH.get(word.upper(), "other")
    if called and reason == "stop":
        reason = "tool_calls"
    if reason == "other" and word.upper() == "OTHER":
        reason = "content_filter" if empty else "stop"
    return Finish(reason, word, details=message)


def blocked(feedback: Any) -> Finish | None:
    """The finish of a prompt that was refused as a whole."""
    reason = feedback.get("blockReason") if type(feedback) is dict else None
    return Finish("content_filter", reason, details=feedback) if type(reason) is str and reason != "BLOCK_REASON_UNSPECIFIED" else None


def feedback_of(finish: Finish | None, *, own: bool) -> Json | None:
    """``promptFeedback`` of a prompt that was refused as a whole; None where it was answered. A candidate is told beside it: clients ask again where no
    ``finishReason`` came."""
    details = finish.details if own and finish is not None else None
    return details if type(details) is dict and "blockReason" in details else None


def encode_finish(finish: Finish | None, losses: Losses, *, own: bool) -> Json:
    """``finishReason`` and, on its own wire, ``finishMessage``."""
    if finish is None:
        return {"finishReason": "STOP"}
    if own and feedback_of(finish, own=own) is not None:
        return {"finishReason": finish.raw if finish.raw in FINISH else WORDS[finish.reason]}
    if own and finish.raw is not None:
        return (
            {"finishReason": finish.raw}
            if type(finish.details) is not str
            else {"finishReason": finish.raw, "finishMessage": finish.details}
        )
    if finish.reason in _NEAR or finish.sequence is not None:
        losses.approximated("finish", detail=finish.sequence or finish.raw or finish.reason)
    elif not own and finish.details is not None:
        losses.approximated("finish", detail="its details")
    return {"finishReason": WORDS[finish.reason]}


def _count(value: Any) -> int | None:
    if type(value) is float and value.is_integer():
        value = int(value)
    return max(value, 0) if type(value) is int else None


def _audio(details: Any) -> int | None:
    """The audio tokens in ``[{modality, tokenCount}]``."""
    for detail in details if type(details) is list else ():
        if type(detail) is dict and detail.get("modality") == "AUDIO":
            return _count(detail.get("tokenCount"))
    return None


def _encode_audio(audio: int | None, total: int) -> list[Json]:
    """The split of a count, where some of it is audio."""
    if not audio:
        return []
    return [{"modality": "AUDIO", "tokenCount": audio}, {"modality": "TEXT", "tokenCount": max(total - audio, 0)}]


def decode_usage(value: Any) -> Usage:
    """Counts: the prompt includes the cache, candidates exclude thoughts, except where the total says that they include them."""
    if type(value) is not dict:
        return NO_USAGE
    prompt, read, tool = (
        _count(value.get("promptTokenCount")),
        _count(value.get("cachedContentTokenCount")),
        _count(value.get("toolUsePromptTokenCount")),
    )
    candidates, thoughts, total = (
        _count(value.get("candidatesTokenCount")),
        _count(value.get("thoughtsTokenCount")),
        _count(value.get("totalTokenCount")),
    )
    output = None if candidates is None and thoughts is None else (candidates or 0) + (thoughts or 0)
    if thoughts and candidates is not None and total is not None and (prompt or 0) + candidates + (tool or 0) == total:
        output = candidates
    return Usage(
        input_uncached=None if prompt is None else max(prompt - (read or 0), 0),
        cache_read=read,
        tool_prompt=tool,
        output_total=output,
        reasoning=thoughts,
        input_audio=_audio(value.get("promptTokensDetails")),
        output_audio=_audio(value.get("candidatesTokensDetails")),
        extras={key: found for key, found in value.items() if key not in _USAGE and found is not None} or NO_EXTRAS,
    )


def encode_usage(usage: Usage, *, own: bool) -> Json | None:
    """Counts as a client reads them; None when nobody counted."""
    if usage is NO_USAGE or (usage.input_uncached is None and not usage.input_total and usage.output_total is None):
        return None
    output, thoughts = usage.output_total or 0, usage.reasoning or 0
    candidates = max(output - thoughts, 0)
    value: Json = {"promptTokenCount": (usage.input_uncached or 0) + (usage.cache_read or 0) + (usage.cache_write or 0)}
    if usage.output_total is not None:
        value["candidatesTokenCount"] = candidates
    value["totalTokenCount"] = usage.input_total + output
    if usage.cache_read is not None:
        value["cachedContentTokenCount"] = usage.cache_read
    if usage.tool_prompt is not None:
        value["toolUsePromptTokenCount"] = usage.tool_prompt
    if usage.reasoning is not None:
        value["thoughtsTokenCount"] = thoughts
    if own:
        value.update(usage.extras)
        return value
    for key, audio, total in (
        ("promptTokensDetails", usage.input_audio, value["promptTokenCount"]),
        ("candidatesTokensDetails", usage.output_audio, candidates),
    ):
        details = _encode_audio(audio, total)
        if details:
            value[key] = details
    return value


def usage_losses(usage: Usage, losses: Losses, *, own: bool) -> None:
    """Counts that this wire has no word for: one Loss for all of them."""
    unsaid = [field for field in ("cache_write", "accepted_prediction", "rejected_prediction") if getattr(usage, field)]
    if usage.server_tools and any(usage.server_tools.values()):
        unsaid.append("server_tools")
    if not own:
        unsaid.extend(key for key, found in usage.extras.items() if found not in (0, None))
    if unsaid:
        losses.dropped("usage", detail=", ".join(unsaid))
