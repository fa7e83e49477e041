"""Errors ⇄ Failure: OpenAI's envelope, which its two wires share; within a stream ``response.failed`` holds ``{code, message}``, which is what Codex understands."""

from __future__ import annotations

from rosetta.converters.converter import Json
from rosetta.converters.failures import without_secrets
from rosetta.converters.openai_failures import CODES, DELAY, decode_failure, encode_failure, failure_of
from rosetta.ir.errors import Failure, FailureKind

_STREAM_CODES: dict[FailureKind, str] = {
    "context_too_long": "context_length_exceeded",
    "billing": "insufficient_quota",
    "rate_limited": "rate_limit_exceeded",
    "bad_request": "invalid_prompt",
    "unsupported": "invalid_prompt",
    "unprocessable": "invalid_prompt",
    "too_large": "invalid_prompt",
    "content_policy": "content_policy_violation",
}
"""The codes of ``response.error``: Codex tells by them whether to try again. ``server_is_overloaded`` makes it give up, so an overloaded upstream
is a ``server_error``."""


def response_error(failure: Failure) -> Json:
    """The ``error`` of a failed response."""
    code = failure.code if failure.code in CODES and failure.kind != "overloaded" else _STREAM_CODES.get(failure.kind, "server_error")
    message = without_secrets(failure.message)
    if failure.kind == "rate_limited" and failure.retry_after_s is not None and DELAY.search(message) is None:
        message = f"{message.rstrip('. ')}. Please try again in {failure.retry_after_s:g}s."  # where Codex looks for the delay
    return {"code": code, "message": message}


__all__ = ["decode_failure", "encode_failure", "failure_of", "response_error"]
