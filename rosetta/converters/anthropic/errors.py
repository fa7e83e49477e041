"""Errors ⇄ Failure: https://docs.claude.com/en/api/errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rosetta.converters import failures
from rosetta.converters.converter import Json, WireFailure
from rosetta.ir.errors import Failure, FailureKind

RETRY_AFTER_LIMIT_S = 120
"""Anthropic's own SDK sleeps as long as it is told: past this it is told not to retry."""

_TYPES: dict[str, FailureKind] = {
    "authentication_error": "auth",
    "billing_error": "billing",
    "permission_error": "permission",
    "not_found_error": "not_found",
    "conflict_error": "conflict",
    "request_too_large": "too_large",
    "rate_limit_error": "rate_limited",
    "api_error": "upstream_error",
    "timeout_error": "timeout",
    "overloaded_error": "overloaded",
}
_ENVELOPES: dict[FailureKind, tuple[int, str]] = {
    "bad_request": (400, "invalid_request_error"),
    "unsupported": (400, "invalid_request_error"),
    "context_too_long": (400, "invalid_request_error"),
    "auth": (401, "authentication_error"),
    "billing": (402, "billing_error"),
    "permission": (403, "permission_error"),
    "not_found": (404, "not_found_error"),
    "method_not_allowed": (405, "invalid_request_error"),
    "conflict": (409, "conflict_error"),
    "too_large": (413, "request_too_large"),
    "unprocessable": (400, "invalid_request_error"),
    "rate_limited": (429, "rate_limit_error"),
    "content_policy": (400, "invalid_request_error"),
    "upstream_error": (502, "api_error"),
    "overloaded": (529, "overloaded_error"),
    "timeout": (504, "timeout_error"),
    "cancelled": (499, "api_error"),
    "truncated": (502, "api_error"),
    "internal": (500, "api_error"),
}
_NO_CREDIT = re.compile(r"credit balance is too low", re.IGNORECASE)
_TOKENS = re.compile(r"\d[\d,]{2,}")


# ------------------------------------------------------------------------------------------------------------------------------ decode


def decode_failure(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """An upstream's error reply, whatever it is made of."""
    return failure_of(failures.read_body(body), status, failures.retry_after(headers))


def failure_of(value: Any, status: int | None, retry_after_s: float | None = None) -> Failure:
    """The failure in an error object, whatever that is. ``status`` is None within a stream or a reply with status 200."""
    error, message = failures.read_error(value, status)
    details, code = error.get("details"), error.get("code")
    if type(details) is dict and type(details.get("error_code")) is str:
        code = details["error_code"]
    code = code if type(code) is str else None
    return Failure(_kind(error.get("type"), status, message, code), message, status, code, retry_after_s=retry_after_s, details=details)


def _kind(word: Any, status: int | None, message: str, code: str | None) -> FailureKind:
    known = _TYPES.get(word) if type(word) is str else None
    if known == "upstream_error" and status is not None:
        known = failures.STATUSES.get(status, known)  # the status tells more than the catch-all type
    if known is None:
        unsaid: FailureKind = "bad_request" if word == "invalid_request_error" else "upstream_error"
        known = unsaid if status is None else failures.of_status(status)
    if known in {"bad_request", "too_large", "unprocessable"}:
        if code == "context_length_exceeded" or (known != "too_large" and failures.is_too_long(message)):
            return "context_too_long"
        if _NO_CREDIT.search(message):
            return "billing"
    return known


# ------------------------------------------------------------------------------------------------------------------------------ encode


def error_object(failure: Failure) -> Json:
    """The inner ``error`` of an envelope or of an ``error`` event."""
    return {"type": _ENVELOPES[failure.kind][1], "message": _message(failure)}


def encode_failure(failure: Failure, request_id: str) -> WireFailure:
    """The envelope for a failure, as Anthropic's SDKs and Claude Code understand it."""
    status = failures.status_of(failure, _ENVELOPES[failure.kind][0])
    body: Json = {"type": "error", "error": error_object(failure)}
    headers = {}
    if request_id:
        body["request_id"] = request_id
        headers["request-id"] = request_id
    if failure.retry_after_s is not None:
        headers["retry-after"] = failures.whole_seconds(failure)
    if failure.kind in failures.FINAL or (failure.retry_after_s or 0) > RETRY_AFTER_LIMIT_S:
        headers["x-should-retry"] = "false"
    return WireFailure(status, body, headers)


def _message(failure: Failure) -> str:
    """Claude Code compacts its history when it reads ``prompt is too long: N tokens > M maximum``."""
    message = failures.without_secrets(failure.message)
    if failure.kind != "context_too_long" or message.lower().startswith("prompt is too long"):
        return message
    counts = sorted({int(found.replace(",", "")) for found in _TOKENS.findall(message)})
    if len(counts) >= 2:
        return f"prompt is too long: {counts[-1]} tokens > {counts[-2]} maximum ({message})"
    return f"prompt is too long: {message}"
