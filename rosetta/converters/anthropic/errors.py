"""Errors ⇄ Failure: https://docs.claude.com/en/api/errors."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from rosetta.converters import jsontext
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
_STATUSES: dict[int, FailureKind] = {
    400: "bad_request",
    401: "auth",
    402: "billing",
    403: "permission",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    422: "unprocessable",
    429: "rate_limited",
    499: "cancelled",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
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
_FINAL: frozenset[FailureKind] = frozenset(
    {
        "bad_request",
        "unsupported",
        "context_too_long",
        "auth",
        "billing",
        "permission",
        "not_found",
        "method_not_allowed",
        "too_large",
        "unprocessable",
        "content_policy",
    }
)

_TOO_LONG = re.compile(
    r"prompt is too long|input is too long|exceeds? (?:the )?(?:model's )?(?:maximum )?context|context[ _](?:length|window|limit)|maximum context"
    r"|input token count .{0,40}exceeds",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(r"credit balance is too low", re.IGNORECASE)
_SECRET = re.compile(r"\b(?:sk-|AIza|gsk_|xai-)[A-Za-z0-9_\-]{8,}")
_TOKENS = re.compile(r"\d[\d,]{2,}")


# ------------------------------------------------------------------------------------------------------------------------------ decode


def decode_failure(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """An upstream's error reply, whatever it is made of."""
    try:
        value: Any = jsontext.decode(body)
    except jsontext.InvalidJson:
        value = None
    return failure_of(value, status, _retry_after(headers))


def failure_of(value: Any, status: int | None, retry_after_s: float | None = None) -> Failure:
    """The failure in an error object: an envelope, a list of one, ``{"detail": …}``, ``{"error": "text"}``, or nothing readable.
    ``status`` is None within a stream or a reply with status 200."""
    if type(value) is list and len(value) == 1:
        value = value[0]
    error: Any = value.get("error", value) if type(value) is dict else None
    word = message = code = details = None
    if type(error) is dict:
        word = error.get("type")
        message = next((error[key] for key in ("message", "detail", "msg") if type(error.get(key)) is str and error[key]), None)
        details = error.get("details")
        if type(details) is dict and type(details.get("error_code")) is str:
            code = details["error_code"]
        elif type(error.get("code")) is str:
            code = error["code"]
        if message is None and error.get("detail") is not None:
            message = jsontext.encode_text(error["detail"])[:1000]
    elif type(error) is str and error:
        message = error
    if message is None:
        message = "the upstream sent an error without a message" if status is None else f"the upstream answered {status} without a message"
    message = _SECRET.sub("…", message)
    return Failure(_kind(word, status, message, code), message, status, code, retry_after_s=retry_after_s, details=details)


def _kind(word: Any, status: int | None, message: str, code: str | None) -> FailureKind:
    known = _TYPES.get(word) if type(word) is str else None
    if known == "upstream_error" and status is not None:
        known = _STATUSES.get(status, known)  # the status tells more than the catch-all type
    if known is None:
        if status is None:
            known = "bad_request" if word == "invalid_request_error" else "upstream_error"
        else:
            known = _STATUSES.get(status, "bad_request" if 400 <= status < 500 else "upstream_error")
    if known in {"bad_request", "too_large", "unprocessable"}:
        if code == "context_length_exceeded" or (known != "too_large" and _TOO_LONG.search(message)):
            return "context_too_long"
        if _NO_CREDIT.search(message):
            return "billing"
    return known


def _retry_after(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


# ------------------------------------------------------------------------------------------------------------------------------ encode


def error_object(failure: Failure) -> Json:
    """The inner ``error`` of an envelope or of an ``error`` event."""
    return {"type": _ENVELOPES[failure.kind][1], "message": _message(failure)}


def encode_failure(failure: Failure, request_id: str) -> WireFailure:
    """The envelope for a failure, as Anthropic's SDKs and Claude Code understand it."""
    status = _ENVELOPES[failure.kind][0]
    if failure.kind == "upstream_error" and failure.status == 500 and not failure.ours:
        status = 500
    body: Json = {"type": "error", "error": error_object(failure)}
    headers = {}
    if request_id:
        body["request_id"] = request_id
        headers["request-id"] = request_id
    if failure.retry_after_s is not None:
        headers["retry-after"] = str(math.ceil(failure.retry_after_s))
    if failure.kind in _FINAL or (failure.retry_after_s or 0) > RETRY_AFTER_LIMIT_S:
        headers["x-should-retry"] = "false"
    return WireFailure(status, body, headers)


def _message(failure: Failure) -> str:
    """Claude Code compacts its history when it reads ``prompt is too long: N tokens > M maximum``."""
    message = failure.message
    if failure.kind != "context_too_long" or message.lower().startswith("prompt is too long"):
        return message
    counts = sorted({int(found.replace(",", "")) for found in _TOKENS.findall(message)})
    if len(counts) >= 2:
        return f"prompt is too long: {counts[-1]} tokens > {counts[-2]} maximum ({message})"
    return f"prompt is too long: {message}"
