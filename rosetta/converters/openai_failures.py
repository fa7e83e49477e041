"""Errors ⇄ Failure: https://platform.openai.com/docs/guides/error-codes.

The envelope ``{"error": {message, type, param, code}}`` is shared by both of OpenAI's wires, and by all servers that speak like them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rosetta.converters import failures
from rosetta.converters.converter import Json, WireFailure
from rosetta.ir.errors import Failure, FailureKind

CODES: dict[str, FailureKind] = {
    "context_length_exceeded": "context_too_long",
    "string_above_max_length": "context_too_long",
    "invalid_api_key": "auth",
    "insufficient_quota": "billing",
    "billing_hard_limit_reached": "billing",
    "billing_not_active": "billing",
    "usage_not_included": "billing",
    "model_not_found": "not_found",
    "previous_response_not_found": "not_found",
    "rate_limit_exceeded": "rate_limited",
    "content_policy_violation": "content_policy",
    "content_filter": "content_policy",
    "bio_policy": "content_policy",
    "cyber_policy": "content_policy",
    "misalignment_policy_violation": "content_policy",
    "image_content_policy_violation": "content_policy",
    "invalid_prompt": "bad_request",
    "unsupported_parameter": "unsupported",
    "unsupported_value": "unsupported",
    "server_error": "upstream_error",
    "overloaded": "overloaded",
    "server_is_overloaded": "overloaded",
    "slow_down": "overloaded",
}
_TYPES: dict[str, FailureKind] = {
    "authentication_error": "auth",
    "permission_error": "permission",
    "insufficient_quota": "billing",
    "not_found_error": "not_found",
    "rate_limit_error": "rate_limited",
    "requests": "rate_limited",
    "tokens": "rate_limited",
    "server_error": "upstream_error",
    "overloaded_error": "overloaded",
    "service_unavailable_error": "overloaded",
    "timeout_error": "timeout",
}
_ENVELOPES: dict[FailureKind, tuple[int, str, str | None]] = {
    "bad_request": (400, "invalid_request_error", None),
    "unsupported": (400, "invalid_request_error", "unsupported_parameter"),
    "context_too_long": (400, "invalid_request_error", "context_length_exceeded"),
    "auth": (401, "invalid_request_error", "invalid_api_key"),
    "billing": (429, "insufficient_quota", "insufficient_quota"),
    "permission": (403, "permission_error", None),
    "not_found": (404, "invalid_request_error", "model_not_found"),
    "method_not_allowed": (405, "invalid_request_error", None),
    "conflict": (409, "invalid_request_error", None),
    "too_large": (413, "invalid_request_error", None),
    "unprocessable": (422, "invalid_request_error", None),
    "rate_limited": (429, "rate_limit_error", "rate_limit_exceeded"),
    "content_policy": (400, "invalid_request_error", "content_policy_violation"),
    "upstream_error": (502, "server_error", "upstream_unavailable"),  # Kilo and opencode try again at "unavailable"
    "overloaded": (503, "server_error", "overloaded"),
    "timeout": (504, "server_error", None),
    "cancelled": (499, "server_error", None),
    "truncated": (502, "server_error", "upstream_unavailable"),
    "internal": (500, "server_error", None),
}
DELAY = re.compile(r"try again in\s+(\d+(?:\.\d+)?)\s*(ms|s|seconds?)\b", re.IGNORECASE)
"""The form that Codex reads too."""
_LONG_DELAY = re.compile(r"try again in\s+(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?", re.IGNORECASE)
"""``1m2.5s``, ``7m12s``, ``2h``: what OpenAI and Groq write from a minute on."""


# ------------------------------------------------------------------------------------------------------------------------ decode


def decode_failure(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """An upstream's error reply, whatever it is made of."""
    return failure_of(failures.read_body(body), status, failures.retry_after(headers))


def failure_of(value: Any, status: int | None, retry_after_s: float | None = None) -> Failure:
    """The failure in an error object, whatever that is. ``status`` is None within a stream or a reply with status 200."""
    error, message = failures.read_error(value, status)
    word, param, details = error.get("type"), error.get("param"), error.get("details")
    code = next((found for found in (error.get("code"), error.get("status")) if type(found) is str and found), None)
    if type(error.get("code")) is int and status is None:
        status = error["code"] if 400 <= error["code"] < 600 else None
    if retry_after_s is None:
        retry_after_s = _delay(message, details)
    return Failure(
        "auth" if failures.reason(details) == failures.BAD_KEY else _kind(word, code, status, message),
        message,
        status,
        code,
        param if type(param) is str else None,
        retry_after_s,
        details=details,
    )


def _kind(word: Any, code: str | None, status: int | None, message: str) -> FailureKind:
    known = CODES.get(code) if code is not None else None
    if known == "not_found" and status is not None and status >= 500:
        known = None
    if known is None and type(word) is str:
        known = _TYPES.get(word)
    if known is None or (known == "upstream_error" and status is not None):
        by_status = None if status is None else failures.of_status(status)
        known = by_status or known or ("bad_request" if word == "invalid_request_error" else "upstream_error")
    if known in {"bad_request", "unprocessable"} and failures.is_too_long(message):
        return "context_too_long"
    return known


def _delay(message: str, details: Any) -> float | None:
    """The delay that the words tell ("Please try again in 1.5s"), or Google's RetryInfo."""
    found = DELAY.search(message)
    if found is not None:
        return float(found[1]) / (1000.0 if found[2].lower() == "ms" else 1.0)
    long = _LONG_DELAY.search(message)
    if long is not None and any(long.groups()):
        hours, minutes, seconds = (float(each or 0) for each in long.groups())
        return hours * 3600 + minutes * 60 + seconds
    return failures.retry_info(details)


# ------------------------------------------------------------------------------------------------------------------------ encode


def encode_failure(failure: Failure, request_id: str) -> WireFailure:  # noqa: ARG001 - the request's id goes into a header
    """The envelope for a failure, as OpenAI's SDKs and Codex understand it."""
    usual, kind, code = _ENVELOPES[failure.kind]
    if failure.code in CODES or (failure.ours and failure.code is not None):
        code = failure.code
    elif failure.kind == "not_found" and failure.ours:
        code = None
    headers = {}
    if failure.retry_after_s is not None:
        headers["retry-after"] = failures.whole_seconds(failure)
    if failure.kind in failures.FINAL:
        headers["x-should-retry"] = "false"
    body: Json = {"error": {"message": failures.without_secrets(failure.message), "type": kind, "param": failure.param, "code": code}}
    return WireFailure(failures.status_of(failure, usual), body, headers)
